/*
 * Framing: every record that is written here is read back by the log's own reader, which knows
 * nothing of the writer, and the reference batches must come out byte for byte.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

#include "dataplane/api/batch_reader.h"
#include "dataplane/rx_record.h"

/* Varints by the book: 7 bits a byte, lowest first. */
static unsigned model_varint(uint8_t *p, uint64_t v)
{
	unsigned n = 0;

	do {
		p[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
		n++;
	} while (v);
	return n;
}

static void check_varint(uint64_t v)
{
	uint8_t want[10], got[12];
	unsigned n = model_varint(want, v);

	memset(got, 0xa5, sizeof(got));
	cr_expect_eq(rx_varint_len(v), n, "length of %llx: %u, not %u", (unsigned long long)v,
		     rx_varint_len(v), n);
	cr_expect_eq(rx_put_varint(got, v), got + n);
	cr_expect_arr_eq(got, want, n);
	cr_expect_eq(got[n], 0xa5, "%llx: wrote beyond", (unsigned long long)v);
}

Test(rx_record, varints_at_all_boundaries)
{
	check_varint(0);
	for (int bit = 0; bit < 64; bit++)
		for (int off = -2; off <= 2; off++)
			check_varint((UINT64_C(1) << bit) + (uint64_t)off);
	check_varint(UINT64_MAX);
	srand(2);
	for (int i = 0; i < 100000; i++)
		check_varint(((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()) >>
			     rand() % 64);
}

Test(rx_record, zigzag)
{
	static const struct {
		int64_t v;
		uint64_t z;
	} cases[] = {{0, 0},
		     {-1, 1},
		     {1, 2},
		     {-2, 3},
		     {INT64_MAX, UINT64_MAX - 1},
		     {INT64_MIN, UINT64_MAX},
		     {-64, 127},
		     {64, 128}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(rx_zigzag64(cases[i].v), cases[i].z);
}

/* The source lies at the end of a block of its own size, the target in the middle of a mark. */
Test(rx_record, copy_neither_reads_nor_writes_beyond)
{
	for (uint32_t n = 0; n <= 300; n++) {
		uint8_t *src = malloc(n ? n : 1), *dst = malloc(n ? n : 1);
		uint8_t marked[400];

		for (uint32_t i = 0; i < n; i++)
			src[i] = (uint8_t)(i * 7 + n);
		memset(marked, 0x5a, sizeof(marked));
		rx_copy(marked + 50, src, n);
		cr_assert(memcmp(marked + 50, src, n) == 0, "%u bytes", n);
		for (uint32_t i = 0; i < sizeof(marked); i++)
			cr_assert(marked[i] == 0x5a || (i >= 50 && i < 50 + n), "%u: at %u", n, i);
		rx_copy(dst, src, n); /* AddressSanitizer looks on */
		cr_assert(memcmp(dst, src, n) == 0);
		free(src);
		free(dst);
	}
}

struct batch {
	uint8_t *bytes, *at;
	size_t room;
	uint32_t records;
};

/* A key as the sender cache holds it, in a block of what may be read of it and no byte more. */
struct key {
	uint8_t *framed;
	uint32_t len;
};

static struct key make_key(const uint8_t *text, uint32_t len)
{
	struct key k = {
		.framed = calloc(1, len + 1 > RX_KEY_READABLE ? RX_KEY_LONGEST : RX_KEY_READABLE),
		.len = len + 1};

	k.framed[0] = (uint8_t)(len << 1);
	memcpy(k.framed + 1, text, len);
	return k;
}

static void set_time(struct rx_record *r, int64_t delta)
{
	uint8_t framed[16] = {0};

	r->ts_len = (uint32_t)(rx_put_varint(framed, rx_zigzag64(delta)) - framed);
	memcpy(&r->ts, framed, sizeof(r->ts));
}

/* Exactly what the header promises is reserved: more would be seen as an overflow. */
static void add(struct batch *b, struct rx_record *r, const uint8_t *value)
{
	uint32_t room = RX_RECORD_OVERHEAD + r->key_len + r->value_len + r->headers_len;
	uint8_t *block = malloc(room + RX_RECORD_SLACK);
	uint8_t *p = rx_record_begin(block, r);

	rx_copy(p, value, r->value_len);
	p = rx_record_end(p + r->value_len, r);
	size_t len = (size_t)(p - block);
	cr_assert_leq(len, room);
	cr_assert_leq((size_t)(b->at - b->bytes) + len, b->room + RECORD_BATCH_HEAD);
	memcpy(b->at, block, len);
	b->at += len;
	b->records++;
	free(block);
}

static struct batch start(size_t room)
{
	struct batch b = {.bytes = calloc(1, room + RECORD_BATCH_HEAD), .room = room};

	b.at = b.bytes + RECORD_BATCH_HEAD;
	return b;
}

/* The head, as the log core writes it. */
static size_t finish(struct batch *b, int64_t base, int32_t epoch, int64_t base_ts, int64_t max_ts)
{
	uint8_t *p = b->bytes;
	size_t size = (size_t)(b->at - p);

	log_put64(p + BATCH_baseOffset, (uint64_t)base);
	log_put32(p + BATCH_batchLength, (uint32_t)(size - BATCH_LENGTH_BIAS));
	log_put32(p + BATCH_partitionLeaderEpoch, (uint32_t)epoch);
	p[BATCH_magic] = BATCH_MAGIC;
	log_put32(p + BATCH_lastOffsetDelta, b->records - 1);
	log_put64(p + BATCH_baseTimestamp, (uint64_t)base_ts);
	log_put64(p + BATCH_maxTimestamp, (uint64_t)max_ts);
	memset(p + BATCH_producerId, 0xff, 14);
	log_put32(p + BATCH_recordCount, b->records);
	log_put32(p + BATCH_crc,
		  ~crc32_iscsi(p + BATCH_attributes, (int)(size - BATCH_attributes), UINT32_MAX));
	return size;
}

static void expect_hex(const uint8_t *p, size_t len, const char *hex)
{
	cr_assert_eq(strlen(hex), 2 * len, "%zu bytes, not %zu", len, strlen(hex) / 2);
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		sscanf(hex + 2 * i, "%2x", &byte);
		cr_assert_eq(p[i], byte, "byte %zu is %02x, not %02x", i, p[i], byte);
	}
}

/* Batches that Kafka's own reader accepted. */
static void reference(const char *hex, int64_t base, int32_t epoch, int64_t ts, bool two)
{
	struct batch b = start(1000);
	struct key k = make_key((const uint8_t *)"k", 1);
	uint8_t *null_key = calloc(1, RX_KEY_READABLE);
	struct rx_record r = {
		.key = k.framed,
		.key_len = k.len,
		.value_len = 1,
		.headers = (const uint8_t *)"",
		.headers_len = 1,
	};
	struct rx_record second = {
		.offset_delta = 1,
		.key = null_key,
		.key_len = 1,
		.headers = (const uint8_t *)"\x04\x02h\x02x\x02n\x01",
		.headers_len = 8,
	};

	null_key[0] = 1;
	set_time(&r, 0);
	add(&b, &r, (const uint8_t *)"v");
	set_time(&second, 1);
	if (two)
		add(&b, &second, (const uint8_t *)"");
	size_t len = finish(&b, base, epoch, ts, two ? ts + 1 : ts);
	expect_hex(b.bytes, len, hex);
	free(k.framed);
	free(null_key);
	free(b.bytes);
}

Test(rx_record, reference_batch_of_one)
{
	reference("00000000000000000000003a0000000002716a618900000000000000000000000003e80000000000"
		  "0003e8ffffffffffffffffffffffffffff0000000110000000026b027600",
		  0, 0, 1000, false);
}

Test(rx_record, reference_batch_with_null_key_and_headers)
{
	reference("0000000000000064000000480000000702b7ebfc700000000000010000018bcfe568000000018bcf"
		  "e56801ffffffffffffffffffffffffffff0000000210000000026b0276001a000202010004026802"
		  "78026e01",
		  100, 7, 1700000000000, true);
}

/* A value and a key of n bytes that tell which they are. */
static void fill(uint8_t *p, uint32_t n, unsigned seed)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

static const uint8_t null_key[RX_KEY_READABLE] = {1};

static void round_trip(const uint32_t *lens, const uint32_t *keys, const int64_t *ts, unsigned n)
{
	static uint8_t value[70000], key[300];
	size_t room = 0;
	int64_t max_ts = 0;

	for (unsigned i = 0; i < n; i++)
		room += lens[i] + keys[i] + 64;
	struct batch b = start(room);
	for (unsigned i = 0; i < n; i++) {
		fill(value, lens[i], i);
		fill(key, keys[i], i + 1);
		struct key k = make_key(key, keys[i]);
		struct rx_record r = {
			.offset_delta = i,
			.key = keys[i] ? k.framed : null_key,
			.key_len = keys[i] ? k.len : 1,
			.value_len = lens[i],
			.headers = (const uint8_t *)"",
			.headers_len = 1,
		};
		set_time(&r, ts[i]);
		add(&b, &r, value);
		free(k.framed);
		max_ts = ts[i] > max_ts ? ts[i] : max_ts;
	}
	size_t len = finish(&b, 5, 0, 1700000000000, 1700000000000 + max_ts);
	struct batch_head head;
	struct record_iter it;
	struct record rec;

	cr_assert_eq(batch_head_parse(b.bytes, len, &head), BATCH_OK);
	cr_assert_eq(batch_check_crc(&head, b.bytes, len), BATCH_OK);
	record_iter_init(&it, &head, b.bytes + RECORD_BATCH_HEAD, len - RECORD_BATCH_HEAD);
	for (unsigned i = 0; i < n; i++) {
		cr_assert(record_next(&it, &rec), "record %u (value %u, key %u): %s", i, lens[i],
			  keys[i], batch_error_text(it.error));
		cr_assert_eq(rec.offset, 5 + (int64_t)i);
		cr_assert_eq(rec.timestamp_ms, 1700000000000 + ts[i]);
		fill(value, lens[i], i);
		fill(key, keys[i], i + 1);
		cr_assert_eq(rec.value_len, (int32_t)lens[i]);
		cr_assert_eq(memcmp(rec.value, value, lens[i]), 0);
		cr_assert_eq(rec.key_len, keys[i] ? (int32_t)keys[i] : -1);
		if (keys[i])
			cr_assert_eq(memcmp(rec.key, key, keys[i]), 0);
		cr_assert_eq(rec.headers_count, 0);
	}
	cr_assert(!record_next(&it, &rec));
	cr_assert_eq(it.error, BATCH_OK);
	free(b.bytes);
}

/* The length of a length changes at these; so does that of the record around it. */
Test(rx_record, every_length_of_a_value)
{
	const uint32_t key = 17;
	const int64_t ts = 0;

	for (uint32_t len = 0; len < 66000;
	     len += len < 300 || (len > 4000 && len < 4200) || (len > 8000 && len < 8300) ||
				    (len > 16200 && len < 16500) || len > 65500
			    ? 1
			    : 61)
		round_trip(&len, &key, &ts, 1);
}

Test(rx_record, every_length_of_a_key)
{
	const int64_t ts = 0;
	const uint32_t len = 40;

	for (uint32_t key = 0; key < RX_KEY_LONGEST; key++)
		round_trip(&len, &key, &ts, 1);
}

Test(rx_record, many_records)
{
	enum { N = 20000 };
	uint32_t *lens = malloc(N * sizeof(*lens)), *keys = malloc(N * sizeof(*keys));
	int64_t *ts = malloc(N * sizeof(*ts));

	srand(3);
	for (unsigned i = 0; i < N; i++) {
		lens[i] = rand() % 100 ? (uint32_t)rand() % 200 : (uint32_t)rand() % 60000;
		keys[i] = rand() % 5 ? (uint32_t)rand() % RX_KEY_LONGEST : 0;
		/* Deltas of all sizes; negative ones when the system clock was set back. */
		ts[i] = rand() >> rand() % 31;
		if (rand() % 4 == 0)
			ts[i] = -ts[i];
	}
	round_trip(lens, keys, ts, N);
	free(lens);
	free(keys);
	free(ts);
}
