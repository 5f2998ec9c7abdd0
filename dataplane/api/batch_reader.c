#include "batch_reader.h"

#include <isa-l/crc.h>

/* Bytes of a varint: 32 bits in groups of 7, 64 bits in groups of 7. */
enum { VARINT_MAX = 5, VARLONG_MAX = 10 };

const char *batch_error_text(enum batch_error error)
{
	static const char *const texts[BATCH_ERRORS] = {
		[BATCH_OK] = "is valid",
#define BATCH_ERROR(name, text) [BATCH_E_##name] = text,
#include "batch_errors.def"
#undef BATCH_ERROR
	};

	return (unsigned)error < BATCH_ERRORS ? texts[error] : "is wrong in an unknown way";
}

const char *batch_codec_name(unsigned codec)
{
	static const char *const names[] = {
		[BATCH_CODEC_NONE] = "none",	 [BATCH_CODEC_GZIP] = "gzip",
		[BATCH_CODEC_SNAPPY] = "snappy", [BATCH_CODEC_LZ4] = "lz4",
		[BATCH_CODEC_ZSTD] = "zstd",
	};

	return codec < sizeof(names) / sizeof(names[0]) ? names[codec] : "unknown";
}

enum batch_error batch_head_parse(const uint8_t *p, size_t len, struct batch_head *head)
{
	if (len < RECORD_BATCH_HEAD)
		return BATCH_E_SHORT;

	uint32_t length = log_get32(p + BATCH_batchLength);
	int32_t last_delta = (int32_t)log_get32(p + BATCH_lastOffsetDelta);
	int32_t records = (int32_t)log_get32(p + BATCH_recordCount);

	head->base_offset = (int64_t)log_get64(p + BATCH_baseOffset);
	head->size_bytes = length + BATCH_LENGTH_BIAS;
	head->leader_epoch = (int32_t)log_get32(p + BATCH_partitionLeaderEpoch);
	head->crc = log_get32(p + BATCH_crc);
	head->attributes = log_get16(p + BATCH_attributes);
	head->codec = head->attributes & BATCH_CODEC_MASK;
	head->base_timestamp_ms = (int64_t)log_get64(p + BATCH_baseTimestamp);
	head->max_timestamp_ms = (int64_t)log_get64(p + BATCH_maxTimestamp);
	head->producer_id = (int64_t)log_get64(p + BATCH_producerId);
	head->producer_epoch = (int16_t)log_get16(p + BATCH_producerEpoch);
	head->base_sequence = (int32_t)log_get32(p + BATCH_baseSequence);
	head->records = (uint32_t)records;
	head->last_offset = head->base_offset;

	if (p[BATCH_magic] != BATCH_MAGIC)
		return BATCH_E_MAGIC;
	if (length < RECORD_BATCH_HEAD - BATCH_LENGTH_BIAS ||
	    length > LOG_SEGMENT_BYTES_MAX - BATCH_LENGTH_BIAS)
		return BATCH_E_LENGTH;
	if (head->base_offset < 0 || last_delta < 0 || records < 0 ||
	    head->base_offset > INT64_MAX - 1 - last_delta)
		return BATCH_E_FIELDS;
	head->last_offset = head->base_offset + last_delta;
	return BATCH_OK;
}

enum batch_error batch_check_crc(const struct batch_head *head, const uint8_t *p, size_t len)
{
	if (len < head->size_bytes)
		return BATCH_E_SHORT;
	/* ISA-L takes the start value as it is and does not invert the result; its pointer is not
	 * const. A batch is smaller than 2 GiB, so the length fits its int. */
	uint32_t crc = crc32_iscsi((unsigned char *)(uintptr_t)(p + BATCH_attributes),
				   (int)(head->size_bytes - BATCH_attributes), UINT32_MAX);

	return (crc ^ UINT32_MAX) == head->crc ? BATCH_OK : BATCH_E_CRC;
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Moves *at behind the varint. False: it runs past end or over 64 bits. */
static inline bool get_varlong(const uint8_t **at, const uint8_t *end, int64_t *out)
{
	const uint8_t *p = *at;
	uint64_t v = 0;

	for (unsigned i = 0; i < VARLONG_MAX && p + i < end; i++) {
		uint8_t byte = p[i];

		if (i == VARLONG_MAX - 1 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*at = p + i + 1;
			*out = unzigzag(v);
			return true;
		}
	}
	return false;
}

static inline bool get_varint(const uint8_t **at, const uint8_t *end, int32_t *out)
{
	const uint8_t *p = *at;
	uint32_t v = 0;

	for (unsigned i = 0; i < VARINT_MAX && p + i < end; i++) {
		uint8_t byte = p[i];

		if (i == VARINT_MAX - 1 && byte > 0x0f)
			return false;
		v |= (uint32_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*at = p + i + 1;
			*out = (int32_t)(v >> 1) ^ -(int32_t)(v & 1);
			return true;
		}
	}
	return false;
}

/* A length and that many bytes; least is -1 where null is allowed, else 0. */
static inline bool get_bytes(const uint8_t **at, const uint8_t *end, int32_t least,
			     const uint8_t **data, int32_t *len)
{
	if (!get_varint(at, end, len) || *len < least)
		return false;
	*data = NULL;
	if (*len < 0)
		return true;
	if (*len > end - *at)
		return false;
	*data = *at;
	*at += *len;
	return true;
}

static bool get_header(const uint8_t **at, const uint8_t *end, struct record_header *header)
{
	return get_bytes(at, end, 0, &header->key, &header->key_len) &&
	       get_bytes(at, end, -1, &header->value, &header->value_len);
}

void record_iter_init(struct record_iter *it, const struct batch_head *head, const uint8_t *records,
		      size_t len)
{
	*it = (struct record_iter){
		.at = records,
		.end = records + len,
		.base_offset = head->base_offset,
		.base_timestamp_ms = head->base_timestamp_ms,
		.append_timestamp_ms = head->max_timestamp_ms,
		.append_time = head->attributes & BATCH_LOG_APPEND_TIME,
		.records = head->records,
		.last_delta = -1,
		.last_delta_max = (int32_t)(head->last_offset - head->base_offset),
	};
}

static bool fail(struct record_iter *it, enum batch_error error)
{
	it->error = error;
	return false;
}

/* The headers from at on must end exactly at end. */
static bool take_headers(struct record *rec, const uint8_t *at, const uint8_t *end)
{
	struct record_header header;
	int32_t count;

	if (!get_varint(&at, end, &count) || count < 0)
		return false;
	rec->headers = at;
	rec->headers_count = (uint32_t)count;
	for (int32_t i = 0; i < count; i++) {
		if (!get_header(&at, end, &header))
			return false;
	}
	rec->headers_len = (uint32_t)(at - rec->headers);
	return at == end;
}

bool record_next(struct record_iter *it, struct record *rec)
{
	const uint8_t *at = it->at, *end;
	int64_t time_delta;
	int32_t length, delta;

	if (it->error)
		return false;
	if (it->done == it->records)
		return at == it->end ? false : fail(it, BATCH_E_RECORD_COUNT);
	if (at == it->end)
		return fail(it, BATCH_E_RECORD_COUNT);
	if (!get_varint(&at, it->end, &length) || length < 1 || length > it->end - at)
		return fail(it, BATCH_E_RECORD_LENGTH);
	end = at + length;
	at++; /* attributes: unused so far, and readers must not mind them */
	if (!get_varlong(&at, end, &time_delta) || !get_varint(&at, end, &delta))
		return fail(it, BATCH_E_RECORD_FIELD);
	if (delta <= it->last_delta || delta > it->last_delta_max)
		return fail(it, BATCH_E_RECORD_OFFSET);
	if (!get_bytes(&at, end, -1, &rec->key, &rec->key_len) ||
	    !get_bytes(&at, end, -1, &rec->value, &rec->value_len) || !take_headers(rec, at, end))
		return fail(it, BATCH_E_RECORD_FIELD);
	rec->offset = it->base_offset + delta;
	/* Wraps, as Java's sum does: a timestamp is never more than data here. */
	rec->timestamp_ms =
		it->append_time ? it->append_timestamp_ms
				: (int64_t)((uint64_t)it->base_timestamp_ms + (uint64_t)time_delta);
	it->last_delta = delta;
	it->done++;
	it->at = end;
	return true;
}

void header_iter_init(struct header_iter *it, const struct record *rec)
{
	it->at = rec->headers;
	it->end = rec->headers + rec->headers_len;
	it->left = rec->headers_count;
}

bool header_next(struct header_iter *it, struct record_header *header)
{
	if (!it->left || !get_header(&it->at, it->end, header))
		return false;
	it->left--;
	return true;
}
