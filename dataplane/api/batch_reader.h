/*
 * Reads one record batch: head, CRC, records, headers. Parsers over (pointer, length): they never
 * read past it, keep no state outside their arguments and allocate nothing. Any thread.
 *
 * A batch is taken apart in this order:
 *
 *     struct batch_head head;
 *     struct record_iter it;
 *     struct record rec;
 *
 *     if ((e = batch_head_parse(p, len, &head)) || (e = batch_check_crc(&head, p, len)))
 *             ...
 *     // head.codec != 0: batch_inflate() (batch_inflate.h) gives records and length instead
 *     record_iter_init(&it, &head, p + RECORD_BATCH_HEAD, head.size_bytes - RECORD_BATCH_HEAD);
 *     while (record_next(&it, &rec))
 *             ...
 *     if (it.error)
 *             ...
 *
 * Format: log_format.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log_format.h"

enum batch_error {
	BATCH_OK = 0,
#define BATCH_ERROR(name, text) BATCH_E_##name,
#include "batch_errors.def"
#undef BATCH_ERROR
	BATCH_ERRORS
};

/* "has a wrong CRC"; never NULL. */
const char *batch_error_text(enum batch_error error);

/* The codecs by Kafka's numbers; those without a decompressor are BATCH_E_CODEC. */
enum batch_codec {
	BATCH_CODEC_NONE = 0,
	BATCH_CODEC_GZIP = 1,
	BATCH_CODEC_SNAPPY = 2,
	BATCH_CODEC_LZ4 = 3,
	BATCH_CODEC_ZSTD = 4,
};

/* "lz4"; "codec 7" has no name: then "unknown". */
const char *batch_codec_name(unsigned codec);

struct batch_head {
	int64_t base_offset;
	int64_t last_offset;
	int64_t base_timestamp_ms;
	int64_t max_timestamp_ms;
	int64_t producer_id;
	uint32_t size_bytes; /* the whole batch, head and all */
	uint32_t crc;
	int32_t leader_epoch;
	uint32_t records;
	int32_t base_sequence;
	int16_t producer_epoch;
	uint16_t attributes;
	uint8_t codec; /* of attributes */
};

/*
 * Reads the head. len may be less than the batch: BATCH_E_SHORT only when the head itself is not
 * there whole. BATCH_E_MAGIC, BATCH_E_LENGTH, BATCH_E_FIELDS (negative offsets or counts): then
 * what stands here is no batch, and *head holds what was found, for the message.
 */
enum batch_error batch_head_parse(const uint8_t *p, size_t len, struct batch_head *head);

/* BATCH_OK, BATCH_E_SHORT (len < head->size_bytes), BATCH_E_CRC. */
enum batch_error batch_check_crc(const struct batch_head *head, const uint8_t *p, size_t len);

/* One record. Pointers lead into the batch (or its inflated records); a length of -1 is null. */
struct record {
	int64_t offset;
	int64_t timestamp_ms;
	const uint8_t *key, *value;
	int32_t key_len, value_len;
	const uint8_t *headers; /* for header_iter_init() */
	uint32_t headers_len;
	uint32_t headers_count;
};

struct record_iter {
	const uint8_t *at, *end;
	int64_t base_offset;
	int64_t base_timestamp_ms;
	int64_t append_timestamp_ms; /* with BATCH_LOG_APPEND_TIME: every record's timestamp */
	bool append_time;
	uint32_t records; /* that the head promises */
	uint32_t done;
	int32_t last_delta; /* of the record before; -1 at first */
	int32_t last_delta_max;
	enum batch_error error;
};

/* records, len: all records of the batch, not compressed. */
void record_iter_init(struct record_iter *it, const struct batch_head *head, const uint8_t *records,
		      size_t len);

/*
 * The next record, its headers checked too. False at the end, or with it->error set: lengths that
 * do not add up to the byte, offsets that do not rise or pass the head's last one, fewer or more
 * records than the head says.
 */
bool record_next(struct record_iter *it, struct record *rec);

struct record_header {
	const uint8_t *key, *value;
	int32_t key_len;   /* >= 0 */
	int32_t value_len; /* -1: null */
};

struct header_iter {
	const uint8_t *at, *end;
	uint32_t left;
};

/* rec comes from record_next(), which has checked the headers: iteration cannot fail. */
void header_iter_init(struct header_iter *it, const struct record *rec);
bool header_next(struct header_iter *it, struct record_header *header);
