/*
 * Writes a data directory with the log writer alone, no packet in sight: streams of all codecs,
 * records of all shapes, many segments, a clean stop and a second start in the middle, retention,
 * O_DIRECT and buffered. For check-ours, which shows the result to a real Kafka.
 *
 *     write_segments DATA_DIR [SEED]
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/api/log_format.h"
#include "dataplane/disk.h"
#include "dataplane/log.h"

#define STREAMS 8u
enum { SLABS = 16, SLAB_BYTES = 256 << 10, BATCHES = 160, RUNS = 4, LIMIT_S = 60 };

/* What is peculiar to each stream. */
static const struct shape {
	const char *name;
	enum plan_compression compression;
	uint64_t segment_bytes;
	unsigned records_max, value_max;
	bool odd_times; /* timestamps that stand still, jump back and far ahead */
	bool retained;	/* old segments are dropped */
} shapes[STREAMS] = {
	{"plain", PLAN_COMPRESSION_NONE, 256 << 10, 60, 300, false, false},
	{"lz4", PLAN_COMPRESSION_LZ4, 64 << 10, 60, 300, false, false},
	{"zstd", PLAN_COMPRESSION_ZSTD, 64 << 10, 60, 300, false, false},
	{"tiny", PLAN_COMPRESSION_NONE, 16 << 10, 1, 3, false, false},
	{"large", PLAN_COMPRESSION_NONE, 1 << 20, 3, 65507, false, false},
	{"large-lz4", PLAN_COMPRESSION_LZ4, 1 << 20, 3, 65507, false, false},
	{"times", PLAN_COMPRESSION_NONE, 32 << 10, 20, 100, true, false},
	{"retained", PLAN_COMPRESSION_NONE, 32 << 10, 20, 100, false, true},
};

struct writer {
	struct plan plan;
	struct disk *disk;
	struct log *log;
	struct slab slabs[SLABS], *free;
	uint8_t *memory;
	int64_t now_ms[STREAMS];
	uint64_t submitted[STREAMS]; /* records, over all runs */
};

static struct writer w;

static void die(const char *what, const char *text)
{
	fprintf(stderr, "write_segments: %s: %s\n", what, text);
	exit(1);
}

static uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- records ---- */

static uint8_t *put_varint(uint8_t *at, int64_t v)
{
	uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);

	for (; z > 127; z >>= 7)
		*at++ = (uint8_t)(z | 128);
	*at++ = (uint8_t)z;
	return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *data, int len)
{
	at = put_varint(at, len);
	if (len > 0)
		memcpy(at, data, (size_t)len);
	return at + (len > 0 ? len : 0);
}

static uint8_t *put_headers(uint8_t *at)
{
	char text[32];
	int count = random() % 4 == 0 ? (int)(random() % 3) + 1 : 0;

	at = put_varint(at, count);
	for (int i = 0; i < count; i++) {
		at = put_bytes(at, text, snprintf(text, sizeof(text), "h%d", i));
		at = put_bytes(at, text, snprintf(text, sizeof(text), "%ld", random()));
	}
	return at;
}

static int fill_value(uint8_t *value, unsigned max)
{
	/* Mostly text that compresses, at times nothing, at times the largest there is. */
	unsigned len = (unsigned)random() % (max + 1);

	if (random() % 16 == 0)
		len = random() % 2 ? 0 : max;
	for (unsigned i = 0; i < len; i++)
		value[i] = (uint8_t)(random() % 8 ? 'a' + i % 7 : random());
	return (int)len;
}

static uint8_t *put_record(uint8_t *at, unsigned max, int64_t ts_delta, unsigned delta)
{
	static uint8_t body[SLAB_BYTES], value[1 << 16];
	char key[64];
	uint8_t *b = body;

	*b++ = 0;
	b = put_varint(b, ts_delta);
	b = put_varint(b, delta);
	if (random() % 5)
		b = put_bytes(b, key,
			      snprintf(key, sizeof(key), "10.0.%ld.%ld:%ld", random() % 256,
				       random() % 256, random() % 65536));
	else
		b = put_varint(b, random() % 2 ? -1 : 0);
	b = put_bytes(b, value, fill_value(value, max));
	b = put_headers(b);
	at = put_varint(at, b - body);
	memcpy(at, body, (size_t)(b - body));
	return at + (b - body);
}

static int64_t next_ms(const struct shape *shape, int64_t now)
{
	if (!shape->odd_times)
		return now + random() % 5;
	switch (random() % 8) {
	case 0:
		return now - random() % 100000;
	case 1:
		return now + random() % 1000000;
	default:
		return now;
	}
}

static void fill_slab(struct slab *s, unsigned slot)
{
	const struct shape *shape = &shapes[slot];
	unsigned records = 1 + (unsigned)random() % shape->records_max;

	s->data = SLAB_BLOCK + (unsigned)random() % SLAB_BLOCK;
	uint8_t *at = s->base + s->data + RECORD_BATCH_HEAD;
	for (unsigned i = 0; i < records; i++) {
		int64_t ms = next_ms(shape, w.now_ms[slot]);

		if (i == 0)
			s->base_ts_ms = s->max_ts_ms = ms;
		at = put_record(at, shape->value_max, ms - s->base_ts_ms, i);
		if (ms > s->max_ts_ms)
			s->max_ts_ms = ms;
		w.now_ms[slot] = ms;
	}
	s->end = (uint32_t)(at - s->base);
	s->records = s->packets = records;
	s->lane = 0;
	s->slot = (uint16_t)slot;
	s->opened_ns = mono_ns();
	w.submitted[slot] += records;
}

/* ---- the log ---- */

static void make_plan(const char *data_dir)
{
	w.plan.magic = PLAN_MAGIC;
	w.plan.version = PLAN_VERSION;
	w.plan.size_bytes = sizeof(w.plan);
	w.plan.generation = 1;
	snprintf(w.plan.storage_path, sizeof(w.plan.storage_path), "%s", data_dir);
	w.plan.lanes_count = 1;
	w.plan.cores_count = 2;
	w.plan.lanes[0].log_core = 1;
	w.plan.lanes[0].slab_bytes = SLAB_BYTES;
	w.plan.streams_max = STREAMS;
	w.plan.write_depth = 4;
	w.plan.prepare_bytes = 64 << 10;
	w.plan.sync_ns = 5000000;
	for (unsigned i = 0; i < STREAMS; i++) {
		struct plan_stream *s = &w.plan.streams[i];

		snprintf(s->name, sizeof(s->name), "%s", shapes[i].name);
		s->used = s->known = 1;
		s->compression = (uint8_t)shapes[i].compression;
		s->segment_bytes = shapes[i].segment_bytes;
		s->batch_bytes = SLAB_BYTES / 2;
	}
}

static void start(enum plan_direct direct)
{
	struct disk_uring_config disk = {
		.depth = 4, .direct = direct, .probe_path = w.plan.storage_path, .helper_cpu = -1};
	struct log_config config = {.plan = &w.plan, .core = 1};
	char err[512];

	if (disk_uring_create(&w.disk, &disk, err, sizeof(err)) < 0)
		die("disk", err);
	config.disk = w.disk;
	int rc = log_create(&w.log, &config);
	if (rc < 0)
		die("log", strerror(-rc));
	for (unsigned slot = 0; slot < STREAMS; slot++) {
		struct log_partition *p;

		if (log_partition_open(&p, w.log, 0, (uint16_t)slot, &w.plan.streams[slot], err,
				       sizeof(err)) < 0)
			die("open", err);
		log_add(w.log, p);
	}
	w.free = NULL;
	for (unsigned i = 0; i < SLABS; i++) {
		w.slabs[i] = (struct slab){.base = w.memory + (size_t)i * SLAB_BYTES,
					   .size_bytes = SLAB_BYTES,
					   .buf_index = UINT16_MAX,
					   .next = w.free};
		w.free = &w.slabs[i];
	}
}

/* One round; waits for the disk when there was nothing to do. */
static void turn(uint64_t until_ns)
{
	struct pollfd fd = {.fd = w.disk->ops->wait_fd(w.disk), .events = POLLIN};
	unsigned work = log_poll(w.log, &w.plan, mono_ns());
	struct slab *done[SLABS];
	unsigned n = log_take_free(w.log, done, SLABS);
	const char *text = "no progress";

	for (unsigned i = 0; i < n; i++) {
		done[i]->next = w.free;
		w.free = done[i];
	}
	if (log_failed(w.log, &text) || mono_ns() > until_ns)
		die("write", text);
	if (!work && !n)
		poll(&fd, 1, 1);
}

static uint64_t deadline(void)
{
	return mono_ns() + (uint64_t)LIMIT_S * 1000000000u;
}

static void write_batches(void)
{
	uint64_t until = deadline();

	for (unsigned i = 0; i < BATCHES * STREAMS; i++) {
		while (!w.free)
			turn(until);
		struct slab *s = w.free;
		w.free = s->next;
		fill_slab(s, (unsigned)random() % STREAMS);
		log_submit(w.log, s, mono_ns());
		if (random() % 4 == 0)
			turn(until);
	}
	while (!log_quiet(w.log))
		turn(until);
}

/* Drops the older half of what is there. */
static void retain(void)
{
	uint64_t until = deadline();

	for (unsigned slot = 0; slot < STREAMS; slot++) {
		if (!shapes[slot].retained)
			continue;
		int rc = log_retain(w.log, 0, (uint16_t)slot, w.submitted[slot] / 2);
		if (rc < 0)
			die("retain", strerror(-rc));
	}
	while (!log_quiet(w.log))
		turn(until);
}

static void stop(void)
{
	uint64_t until = deadline();

	log_close(w.log);
	while (!log_closed(w.log))
		turn(until);
	log_destroy(w.log);
	disk_uring_destroy(w.disk);
}

int main(int argc, char **argv)
{
	static const enum plan_direct modes[RUNS] = {PLAN_DIRECT_AUTO, PLAN_DIRECT_OFF,
						     PLAN_DIRECT_AUTO, PLAN_DIRECT_OFF};

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: write_segments DATA_DIR [SEED]\n");
		return 2;
	}
	srandom(argc > 2 ? (unsigned)atoi(argv[2]) : 1);
	make_plan(argv[1]);
	w.memory = aligned_alloc(SLAB_BLOCK, (size_t)SLABS * SLAB_BYTES);
	if (!w.memory)
		die("memory", strerror(ENOMEM));
	for (unsigned i = 0; i < STREAMS; i++)
		w.now_ms[i] = 1700000000000;
	for (unsigned run = 0; run < RUNS; run++) {
		start(modes[run]);
		write_batches();
		if (run == 1)
			retain();
		stop();
	}
	for (unsigned i = 0; i < STREAMS; i++)
		printf("%s %llu\n", shapes[i].name, (unsigned long long)w.submitted[i]);
	free(w.memory);
	return 0;
}
