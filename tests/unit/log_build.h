/*
 * For tests: builds batches and segment files byte by byte from the format's description alone,
 * apart from the writer under test.
 */
#pragma once

#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/api/log_format.h"

struct build {
	uint8_t data[1 << 20];
	size_t len;
};

struct build_record {
	const void *key, *value;
	int key_len, value_len; /* -1: null */
	int64_t timestamp_delta;
	const char *header;	  /* NULL: none; a header of that name */
	const char *header_value; /* NULL: its name */
};

static inline void build_varint(struct build *b, int64_t value)
{
	uint64_t v = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);

	for (; v > 0x7f; v >>= 7)
		b->data[b->len++] = (uint8_t)(v | 0x80);
	b->data[b->len++] = (uint8_t)v;
}

static inline void build_bytes(struct build *b, const void *data, int len)
{
	build_varint(b, len);
	if (len > 0)
		memcpy(b->data + b->len, data, (size_t)len);
	b->len += len > 0 ? (size_t)len : 0;
}

static inline void build_record(struct build *b, int delta, const struct build_record *r)
{
	static struct build body;

	body.len = 0;
	body.data[body.len++] = 0;
	build_varint(&body, r->timestamp_delta);
	build_varint(&body, delta);
	build_bytes(&body, r->key, r->key_len);
	build_bytes(&body, r->value, r->value_len);
	build_varint(&body, r->header ? 1 : 0);
	if (r->header) {
		const char *value = r->header_value ? r->header_value : r->header;
		build_bytes(&body, r->header, (int)strlen(r->header));
		build_bytes(&body, value, (int)strlen(value));
	}
	build_varint(b, (int64_t)body.len);
	memcpy(b->data + b->len, body.data, body.len);
	b->len += body.len;
}

/* Lengths and CRC of the batch from `at` on, whose records end at b->len. */
static inline void build_seal(struct build *b, size_t at)
{
	uint8_t *p = b->data + at;
	size_t len = b->len - at;

	log_put32(p + BATCH_batchLength, (uint32_t)(len - BATCH_LENGTH_BIAS));
	log_put32(p + BATCH_crc,
		  ~crc32_iscsi(p + BATCH_attributes, (int)(len - BATCH_attributes), UINT32_MAX));
}

/* The head at `at`; the records follow it. */
static inline void build_head(struct build *b, size_t at, uint64_t base, int records, int64_t ts,
			      int64_t max_ts, int attributes)
{
	uint8_t *p = b->data + at;

	log_put64(p + BATCH_baseOffset, base);
	log_put32(p + BATCH_partitionLeaderEpoch, 0);
	p[BATCH_magic] = BATCH_MAGIC;
	log_put16(p + BATCH_attributes, (uint16_t)attributes);
	log_put32(p + BATCH_lastOffsetDelta, (uint32_t)(records - 1));
	log_put64(p + BATCH_baseTimestamp, (uint64_t)ts);
	log_put64(p + BATCH_maxTimestamp, (uint64_t)max_ts);
	log_put64(p + BATCH_producerId, UINT64_MAX);
	log_put16(p + BATCH_producerEpoch, UINT16_MAX);
	log_put32(p + BATCH_baseSequence, UINT32_MAX);
	log_put32(p + BATCH_recordCount, (uint32_t)records);
	build_seal(b, at);
}

/* A whole batch of `records` records "value <offset>", key "k", timestamps ts, ts + 1, ... */
static inline void build_batch(struct build *b, uint64_t base, int records, int64_t ts)
{
	size_t at = b->len;

	b->len += RECORD_BATCH_HEAD;
	for (int i = 0; i < records; i++) {
		char value[64];
		struct build_record r = {
			.key = "k", .key_len = 1, .value = value, .timestamp_delta = i};

		r.value_len = snprintf(value, sizeof(value), "value %llu",
				       (unsigned long long)base + (unsigned)i);
		build_record(b, i, &r);
	}
	build_head(b, at, base, records, ts, ts + records - 1, 0);
}

/* A temporary data directory; build_remove() deletes it. */
static inline void build_dir(char path[64])
{
	snprintf(path, 64, "/tmp/weir-unit-XXXXXX");
	if (!mkdtemp(path))
		abort();
}

static inline void build_remove(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command) != 0)
		abort();
}

/* dir/partition/name, made anew or (append) made longer. */
static inline void build_file(const char *dir, const char *partition, const char *name,
			      const void *data, size_t len, int append)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, partition);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, partition, name);
	int fd = open(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0644);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static inline void build_segment(const char *dir, const char *partition, uint64_t base,
				 const struct build *b)
{
	char name[LOG_NAME_MAX];

	log_format_name(name, base, LOG_SUFFIX_LOG);
	build_file(dir, partition, name, b->data, b->len, 0);
}
