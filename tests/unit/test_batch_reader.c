/* One batch: head, CRC, records, headers, and what must be refused. */
#include <criterion/criterion.h>
#include <lz4frame.h>
#include <zstd.h>

#include "dataplane/api/batch_inflate.h"
#include "log_build.h"

static struct build b;

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		unsigned byte;

		sscanf(hex, "%2x", &byte);
		out[n++] = (uint8_t)byte;
	}
	return n;
}

static enum batch_error parse(const uint8_t *p, size_t len, struct batch_head *head,
			      struct record_iter *it)
{
	enum batch_error error = batch_head_parse(p, len, head);

	if (!error)
		error = batch_check_crc(head, p, len);
	if (!error)
		record_iter_init(it, head, p + RECORD_BATCH_HEAD,
				 head->size_bytes - RECORD_BATCH_HEAD);
	return error;
}

/* Bytes that Kafka's own FileRecords accepts. */
Test(batch_reader, one_record)
{
	uint8_t data[256];
	size_t len = from_hex("00000000000000000000003a0000000002716a61890000000000000000000000000"
			      "3e800000000000003e8ffffffffffffffffffffffffffff0000000110000000026b"
			      "027600",
			      data);
	struct batch_head head;
	struct record_iter it;
	struct record rec;

	cr_assert_eq(parse(data, len, &head, &it), BATCH_OK);
	cr_assert_eq(head.size_bytes, len);
	cr_assert_eq(head.base_offset, 0);
	cr_assert_eq(head.last_offset, 0);
	cr_assert_eq(head.producer_id, -1);
	cr_assert_eq(head.base_sequence, -1);
	cr_assert(record_next(&it, &rec));
	cr_assert_eq(rec.offset, 0);
	cr_assert_eq(rec.timestamp_ms, 1000);
	cr_assert(rec.key_len == 1 && rec.key[0] == 'k');
	cr_assert(rec.value_len == 1 && rec.value[0] == 'v');
	cr_assert_eq(rec.headers_count, 0);
	cr_assert(!record_next(&it, &rec));
	cr_assert_eq(it.error, BATCH_OK);
}

Test(batch_reader, null_key_and_headers)
{
	uint8_t data[256];
	size_t len = from_hex("0000000000000064000000480000000702b7ebfc700000000000010000018bcfe568"
			      "000000018bcfe56801ffffffffffffffffffffffffffff0000000210000000026b02"
			      "76001a00020201000402680278026e01",
			      data);
	struct record_header header;
	struct batch_head head;
	struct record_iter it;
	struct header_iter headers;
	struct record rec;

	cr_assert_eq(parse(data, len, &head, &it), BATCH_OK);
	cr_assert_eq(head.leader_epoch, 7);
	cr_assert_eq(head.last_offset, 101);
	cr_assert(record_next(&it, &rec));
	cr_assert(record_next(&it, &rec));
	cr_assert_eq(rec.offset, 101);
	cr_assert_eq(rec.timestamp_ms, 1700000000001);
	cr_assert_eq(rec.key_len, -1);
	cr_assert_eq(rec.value_len, 0);
	cr_assert_eq(rec.headers_count, 2);
	header_iter_init(&headers, &rec);
	cr_assert(header_next(&headers, &header));
	cr_assert(header.key_len == 1 && header.key[0] == 'h' && header.value[0] == 'x');
	cr_assert(header_next(&headers, &header));
	cr_assert(header.key[0] == 'n' && header.value_len == -1);
	cr_assert(!header_next(&headers, &header));
	cr_assert(!record_next(&it, &rec));
	cr_assert_eq(it.error, BATCH_OK);
}

Test(batch_reader, log_append_time)
{
	struct build_record r = {.key_len = -1, .value = "v", .value_len = 1, .timestamp_delta = 5};
	struct batch_head head;
	struct record_iter it;
	struct record rec;

	b.len = RECORD_BATCH_HEAD;
	build_record(&b, 0, &r);
	build_head(&b, 0, 9, 1, 1000, 4000, BATCH_LOG_APPEND_TIME);
	cr_assert_eq(parse(b.data, b.len, &head, &it), BATCH_OK);
	cr_assert(record_next(&it, &rec));
	cr_assert_eq(rec.timestamp_ms, 4000);
}

Test(batch_reader, heads_that_are_none)
{
	struct batch_head head;

	b.len = 0;
	build_batch(&b, 5, 3, 1000);
	for (size_t len = 0; len < RECORD_BATCH_HEAD; len++)
		cr_assert_eq(batch_head_parse(b.data, len, &head), BATCH_E_SHORT);
	cr_assert_eq(batch_head_parse(b.data, RECORD_BATCH_HEAD, &head), BATCH_OK);
	cr_assert_eq(batch_check_crc(&head, b.data, b.len - 1), BATCH_E_SHORT);

	static const struct {
		unsigned at;
		uint32_t value;
		enum batch_error error;
	} cases[] = {
		{BATCH_batchLength, 48, BATCH_E_LENGTH},
		{BATCH_batchLength, 0, BATCH_E_LENGTH},
		{BATCH_batchLength, UINT32_MAX, BATCH_E_LENGTH},
		{BATCH_batchLength, 0x7fffffff, BATCH_E_LENGTH},
		{BATCH_baseOffset, 0x80000000, BATCH_E_FIELDS},
		{BATCH_baseOffset, 0x7fffffff, BATCH_OK},
		{BATCH_lastOffsetDelta, 0x80000000, BATCH_E_FIELDS},
		{BATCH_recordCount, 0xffffffff, BATCH_E_FIELDS},
		{BATCH_magic, 0x01000000, BATCH_E_MAGIC},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t copy[RECORD_BATCH_HEAD];

		memcpy(copy, b.data, sizeof(copy));
		log_put32(copy + cases[i].at, cases[i].value);
		cr_assert_eq(batch_head_parse(copy, sizeof(copy), &head), cases[i].error, "case %u",
			     i);
	}
	memset(b.data, 0, RECORD_BATCH_HEAD);
	cr_assert_eq(batch_head_parse(b.data, RECORD_BATCH_HEAD, &head), BATCH_E_MAGIC);
}

/* Each single bit that the CRC covers. */
Test(batch_reader, every_flipped_bit_is_found)
{
	struct batch_head head;

	b.len = 0;
	build_batch(&b, 5, 3, 1000);
	for (size_t bit = BATCH_attributes * 8; bit < b.len * 8; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		enum batch_error error = batch_head_parse(b.data, b.len, &head);
		if (!error)
			error = batch_check_crc(&head, b.data, b.len);
		cr_assert(error == BATCH_E_CRC || error == BATCH_E_FIELDS, "bit %zu: %d", bit,
			  error);
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Walks the records of the batch in b, resealed; the iterator's error. */
static enum batch_error walk(void)
{
	struct batch_head head;
	struct record_iter it;
	struct record rec;

	build_seal(&b, 0);
	cr_assert_eq(parse(b.data, b.len, &head, &it), BATCH_OK);
	while (record_next(&it, &rec)) {
		cr_assert(rec.value_len <= (int64_t)b.len);
		cr_assert_leq(rec.headers_len, b.len);
	}
	return it.error;
}

/* Batches with a right CRC whose records are nonsense. */
Test(batch_reader, records_must_add_up)
{
	static const struct {
		const char *records;
		int count;
		enum batch_error error;
	} cases[] = {
		{"10000000026b027600", 1, BATCH_OK},
		{"10000000026b027600", 2, BATCH_E_RECORD_COUNT},
		{"10000000026b02760010000002026b027600", 1, BATCH_E_RECORD_COUNT},
		{"10000000026b02760010000002026b027600", 2, BATCH_OK},
		{"10000000026b02760010000000026b027600", 2,
		 BATCH_E_RECORD_OFFSET},			  /* twice the same */
		{"10000004026b027600", 1, BATCH_E_RECORD_OFFSET}, /* beyond the last offset */
		{"0e000000026b0276", 1, BATCH_E_RECORD_FIELD},	  /* no header count */
		{"12000000026b02760000", 1,
		 BATCH_E_RECORD_FIELD}, /* a byte too many in the record */
		{"10000000026b027600ff", 1, BATCH_E_RECORD_COUNT}, /* ... behind it */
		{"12000000026b027600", 1, BATCH_E_RECORD_LENGTH},
		{"00", 1, BATCH_E_RECORD_LENGTH},
		{"01", 1, BATCH_E_RECORD_LENGTH},
		{"ffffffffff", 1, BATCH_E_RECORD_LENGTH},
		{"ffffffff7f", 1, BATCH_E_RECORD_LENGTH},
		{"10000000036b027600", 1, BATCH_E_RECORD_FIELD}, /* key of -2 bytes */
		{"100000007e6b027600", 1, BATCH_E_RECORD_FIELD}, /* key longer than the record */
		{"10000000026b037600", 1, BATCH_E_RECORD_FIELD}, /* value of -2 bytes */
		{"10000000026b02760f", 1, BATCH_E_RECORD_FIELD}, /* -8 headers */
		{"10000000026b027602", 1, BATCH_E_RECORD_FIELD}, /* a header that is not there */
		{"14000000026b0276020100", 1, BATCH_E_RECORD_FIELD}, /* header without a name */
		{"14000000026b0276020001", 1, BATCH_OK},	     /* empty name, null value */
		{"1c00ffffffffffff7f00010100", 1, BATCH_E_RECORD_LENGTH},
		{"1a00ffffffffffff7f0001010000", 1, BATCH_E_RECORD_FIELD},
		{"1800ffffffffffff7f00010100", 1, BATCH_OK},		       /* a time far away */
		{"1e00ffffffffffffffffff0100010100", 1, BATCH_OK},	       /* 64 bits */
		{"1e00ffffffffffffffffff0200010100", 1, BATCH_E_RECORD_FIELD}, /* 65 bits */
		{"", 1, BATCH_E_RECORD_COUNT},
		{"", 0, BATCH_OK},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b.len = RECORD_BATCH_HEAD;
		build_head(&b, 0, 7, 2, 1000, 1000, 0);
		log_put32(b.data + BATCH_recordCount, (uint32_t)cases[i].count);
		b.len += from_hex(cases[i].records, b.data + b.len);
		enum batch_error error = walk();
		cr_assert_eq(error, cases[i].error, "case %u (%s): %s", i, cases[i].records,
			     batch_error_text(error));
	}
}

/* Random damage behind a right CRC: never a read outside, always an end. */
Test(batch_reader, random_damage)
{
	static struct build whole;

	srandom(1);
	build_batch(&whole, 0, 20, 1000);
	for (int i = 0; i < 20000; i++) {
		b = (struct build){.len = whole.len};
		memcpy(b.data, whole.data, whole.len);
		for (int k = random() % 4; k >= 0; k--) {
			size_t at = RECORD_BATCH_HEAD +
				    (size_t)random() % (whole.len - RECORD_BATCH_HEAD);
			b.data[at] = (uint8_t)random();
		}
		if (random() % 2)
			b.len -= (size_t)random() % (whole.len - RECORD_BATCH_HEAD);
		walk();
	}
}

/* ---- decompression ---- */

static uint8_t plain[1 << 20];

static void fill_plain(void)
{
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i % 251 * (i >> 12));
}

static size_t compress_with(unsigned codec, uint8_t *out, size_t room, size_t len)
{
	size_t n = codec == BATCH_CODEC_LZ4 ? LZ4F_compressFrame(out, room, plain, len, NULL)
					    : ZSTD_compress(out, room, plain, len, 3);

	cr_assert_leq(n, room);
	return n;
}

Test(batch_inflate, whole_and_cut)
{
	static const unsigned codecs[] = {BATCH_CODEC_LZ4, BATCH_CODEC_ZSTD};
	static uint8_t packed[2 << 20];
	struct batch_inflate inflate = {0};

	fill_plain();
	for (unsigned c = 0; c < 2; c++) {
		for (size_t len = 0; len <= sizeof(plain); len = len * 3 + 1) {
			size_t n = compress_with(codecs[c], packed, sizeof(packed), len);

			cr_assert_eq(batch_inflate(&inflate, codecs[c], packed, n), BATCH_OK);
			cr_assert_eq(inflate.len, len);
			cr_assert(len == 0 || memcmp(inflate.data, plain, len) == 0);
			cr_assert_eq(batch_inflate(&inflate, codecs[c], packed, n - 1),
				     BATCH_E_INFLATE);
			/* One frame only, and nothing behind it. */
			packed[n] = 0;
			cr_assert_eq(batch_inflate(&inflate, codecs[c], packed, n + 1),
				     BATCH_E_INFLATE);
		}
		cr_assert_eq(batch_inflate(&inflate, codecs[c], packed, 0), BATCH_E_INFLATE);
	}
	batch_inflate_free(&inflate);
}

Test(batch_inflate, limit)
{
	static uint8_t packed[2 << 20];
	struct batch_inflate inflate = {.max_bytes = 300000};

	fill_plain();
	size_t n = compress_with(BATCH_CODEC_ZSTD, packed, sizeof(packed), 300001);
	cr_assert_eq(batch_inflate(&inflate, BATCH_CODEC_ZSTD, packed, n), BATCH_E_INFLATE_LIMIT);
	n = compress_with(BATCH_CODEC_LZ4, packed, sizeof(packed), 300001);
	cr_assert_eq(batch_inflate(&inflate, BATCH_CODEC_LZ4, packed, n), BATCH_E_INFLATE_LIMIT);
	n = compress_with(BATCH_CODEC_LZ4, packed, sizeof(packed), 299999);
	cr_assert_eq(batch_inflate(&inflate, BATCH_CODEC_LZ4, packed, n), BATCH_OK);
	batch_inflate_free(&inflate);
}

Test(batch_inflate, codecs_without_a_decompressor)
{
	struct batch_inflate inflate = {0};

	cr_assert_eq(batch_inflate(&inflate, BATCH_CODEC_SNAPPY, plain, 10), BATCH_E_CODEC);
	cr_assert_eq(batch_inflate(&inflate, BATCH_CODEC_NONE, plain, 10), BATCH_E_CODEC);
	cr_assert_eq(batch_inflate(&inflate, 7, plain, 10), BATCH_E_CODEC);
	cr_assert_str_eq(batch_codec_name(2), "snappy");
	cr_assert_str_eq(batch_codec_name(7), "unknown");
}
