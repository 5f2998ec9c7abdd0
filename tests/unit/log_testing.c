#include "log_testing.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <isa-l.h>
#include <lz4frame.h>
#include <zstd.h>

enum { SLABS = 16 };

struct plan *testing_plan(const char *storage_path, uint64_t segment_bytes)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	plan->magic = PLAN_MAGIC;
	plan->version = PLAN_VERSION;
	plan->size_bytes = sizeof(*plan);
	plan->generation = 1;
	snprintf(plan->storage_path, sizeof(plan->storage_path), "%s", storage_path);
	plan->lanes_count = 1;
	plan->cores_count = 2;
	plan->lanes[0].log_core = 1;
	plan->lanes[0].slab_bytes = TESTING_SLAB_BYTES;
	plan->streams_max = 1;
	plan->write_depth = 4;
	plan->prepare_bytes = 64 * 1024;
	plan->sync_ns = 5000000;
	struct plan_stream *s = &plan->streams[0];
	snprintf(s->name, sizeof(s->name), "s");
	s->used = s->known = 1;
	s->segment_bytes = segment_bytes;
	s->batch_bytes = 32 * 1024;
	return plan;
}

struct state *testing_state(const struct plan *plan)
{
	size_t partitions = (size_t)PLAN_LANES_MAX * plan->streams_max;
	size_t head = (sizeof(struct state) + 63) / 64 * 64;
	size_t lanes = plan->lanes_count * sizeof(struct state_lane);
	size_t cores = plan->cores_count * sizeof(struct state_core);
	size_t size = head + lanes + cores + partitions * sizeof(struct state_partition);
	struct state *s = aligned_alloc(64, (size + 63) / 64 * 64);

	memset(s, 0, size);
	s->lanes = plan->lanes_count;
	s->cores = plan->cores_count;
	s->streams_max = plan->streams_max;
	s->off_lanes = head;
	s->off_cores = head + lanes;
	s->off_partitions = head + lanes + cores;
	return s;
}

static void warn(void *arg, const char *text)
{
	struct log_testing *t = arg;
	size_t at = strlen(t->warned);

	snprintf(t->warned + at, sizeof(t->warned) - at, "%s\n", text);
}

static uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void make_slabs(struct log_testing *t)
{
	t->slabs_count = SLABS;
	t->memory = aligned_alloc(SLAB_BLOCK, (size_t)SLABS * TESTING_SLAB_BYTES);
	t->slabs = calloc(SLABS, sizeof(*t->slabs));
	t->free = NULL;
	t->slabs_out = 0;
	for (unsigned i = 0; i < SLABS; i++) {
		struct slab *s = &t->slabs[i];

		s->base = t->memory + (size_t)i * TESTING_SLAB_BYTES;
		s->size_bytes = TESTING_SLAB_BYTES;
		s->buf_index = UINT16_MAX;
		s->next = t->free;
		t->free = s;
	}
}

int testing_open(struct log_testing *t)
{
	struct log_config config = {.disk = t->disk,
				    .plan = t->plan,
				    .state = t->state,
				    .core = 1,
				    .warn = warn,
				    .warn_arg = t};
	int rc = log_create(&t->log, &config);

	if (rc < 0)
		abort();
	t->err[0] = 0;
	t->given_bytes = 0;
	make_slabs(t);
	t->st = state_partition(t->state, 0, 0);
	rc = log_partition_open(&t->p, t->log, 0, 0, &t->plan->streams[0], t->err, sizeof(t->err));
	if (rc < 0) {
		testing_drop(t);
		return rc;
	}
	log_add(t->log, t->p);
	return 0;
}

void testing_drop(struct log_testing *t)
{
	log_destroy(t->log);
	free(t->slabs);
	free(t->memory);
	t->log = NULL;
	t->slabs = NULL;
	t->memory = NULL;
}

unsigned testing_poll(struct log_testing *t, unsigned rounds)
{
	struct slab *slabs[4];
	unsigned work = 0, n;

	for (unsigned i = 0; i < rounds; i++) {
		t->now = t->real_time ? mono_ns() : t->now + 100000;
		work += log_poll(t->log, t->plan, t->now);
		while ((n = log_take_free(t->log, slabs, 4)) > 0) {
			for (unsigned k = 0; k < n; k++) {
				slabs[k]->next = t->free;
				t->free = slabs[k];
			}
			t->slabs_out -= n;
		}
	}
	return work;
}

static void wait_for_disk(struct log_testing *t)
{
	int fd = t->disk->ops->wait_fd(t->disk);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (t->real_time && fd >= 0)
		poll(&p, 1, 1);
}

static bool failed(struct log_testing *t)
{
	const char *text;

	if (!log_failed(t->log, &text))
		return false;
	snprintf(t->err, sizeof(t->err), "%s", text);
	return true;
}

bool testing_settle(struct log_testing *t)
{
	uint64_t until = mono_ns() + 5000000000u;

	for (unsigned i = 0; t->real_time ? mono_ns() < until : i < 20000; i++) {
		if (testing_poll(t, 1) == 0)
			wait_for_disk(t);
		if (failed(t))
			return false;
		if (log_quiet(t->log))
			return true;
	}
	snprintf(t->err, sizeof(t->err),
		 "not quiet: log_end %lu, visible_end %lu, durable_end %lu, slabs out %u",
		 state_load(&t->st->log_end), state_load(&t->st->visible_end),
		 state_load(&t->st->durable_end), t->slabs_out);
	return false;
}

int testing_close(struct log_testing *t)
{
	log_close(t->log);
	uint64_t until = mono_ns() + 5000000000u;
	for (unsigned i = 0; t->real_time ? mono_ns() < until : i < 20000; i++) {
		if (log_closed(t->log) || failed(t))
			break;
		if (testing_poll(t, 1) == 0)
			wait_for_disk(t);
	}
	int rc = log_closed(t->log) ? 0 : log_failed(t->log, NULL);
	if (!log_closed(t->log) && rc == 0)
		rc = -ETIMEDOUT;
	if (rc == -ETIMEDOUT)
		snprintf(t->err, sizeof(t->err), "not closed: log_end %lu, durable_end %lu",
			 state_load(&t->st->log_end), state_load(&t->st->durable_end));
	testing_drop(t);
	return rc;
}

/* ---- writing ---- */

static uint8_t *put_varint(uint8_t *at, int64_t v)
{
	uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);

	for (; z > 127; z >>= 7)
		*at++ = (uint8_t)(z | 128);
	*at++ = (uint8_t)z;
	return at;
}

uint8_t testing_value(uint64_t seed, unsigned k)
{
	/* Runs of the same byte, so that it compresses, but not to nothing. */
	return (uint8_t)(((seed + 1) * 1000003 + k / 4) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

static uint8_t *put_record(uint8_t *at, uint64_t seed, unsigned delta, unsigned value_bytes)
{
	uint8_t body[64], *b = body;

	*b++ = 0;
	b = put_varint(b, delta % 3);
	b = put_varint(b, delta);
	b = put_varint(b, -1);
	b = put_varint(b, value_bytes);
	at = put_varint(at, (b - body) + value_bytes + 1);
	memcpy(at, body, (size_t)(b - body));
	at += b - body;
	for (unsigned k = 0; k < value_bytes; k++)
		*at++ = testing_value(seed, k);
	*at++ = 0;
	return at;
}

bool testing_submit(struct log_testing *t, uint64_t seed, unsigned records, unsigned value_bytes,
		    int64_t ts_ms)
{
	struct slab *s = t->free;
	uint32_t adjust = atomic_load(&t->st->phase_adjust);

	if (!s)
		return false;
	t->free = s->next;
	t->slabs_out++;
	s->data = SLAB_BLOCK + (uint32_t)((t->given_bytes + adjust) % SLAB_BLOCK);
	uint8_t *at = s->base + s->data;
	memset(at, 0xee, RECORD_BATCH_HEAD);
	at += RECORD_BATCH_HEAD;
	for (unsigned i = 0; i < records; i++)
		at = put_record(at, seed + i, i, value_bytes);
	s->end = (uint32_t)(at - s->base);
	if (s->end + SLAB_BLOCK > s->size_bytes)
		abort();
	s->records = records;
	s->packets = records;
	s->lane = 0;
	s->slot = 0;
	s->base_ts_ms = ts_ms;
	s->max_ts_ms = ts_ms + (records > 2 ? 2 : records - 1);
	s->opened_ns = t->now;
	t->given_bytes += s->end - s->data;
	log_submit(t->log, s);
	return true;
}

/* ---- reading ---- */

static uint64_t be(const uint8_t *at, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *at++;
	return v;
}

static bool get_varint(const uint8_t **at, const uint8_t *end, int64_t *v)
{
	uint64_t z = 0;

	for (unsigned shift = 0; *at < end && shift < 70; shift += 7) {
		uint8_t b = *(*at)++;

		z |= (uint64_t)(b & 127) << shift;
		if (b < 128) {
			*v = (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
			return true;
		}
	}
	return false;
}

static bool decompress(unsigned codec, const uint8_t *from, size_t len, uint8_t *to, size_t *room)
{
	if (codec == 0) {
		memcpy(to, from, len);
		*room = len;
		return true;
	}
	if (codec == 3) {
		LZ4F_dctx *ctx;
		size_t in = len;

		/* The header that Kafka's readers want, byte for byte. */
		if (memcmp(from, "\x04\x22\x4d\x18\x60\x40\x82", 7) != 0)
			return false;
		LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION);
		size_t left = LZ4F_decompress(ctx, to, room, from, &in, NULL);
		LZ4F_freeDecompressionContext(ctx);
		return left == 0 && in == len;
	}
	if (codec != 4)
		return false;
	size_t n = ZSTD_decompress(to, *room, from, len);
	*room = n;
	return !ZSTD_isError(n);
}

static bool walk_records(const uint8_t *at, size_t len, uint64_t base, uint64_t count,
			 int64_t base_ts, int64_t max_ts,
			 void (*fn)(void *arg, const struct testing_record *r), void *arg)
{
	const uint8_t *end = at + len;
	int64_t seen_ts = INT64_MIN;

	for (uint64_t i = 0; i < count; i++) {
		int64_t length, ts, delta, key, value, headers;

		if (!get_varint(&at, end, &length) || length < 0 || length > end - at)
			return false;
		const uint8_t *record_end = at + length;
		if (*at++ != 0 || !get_varint(&at, record_end, &ts) ||
		    !get_varint(&at, record_end, &delta) || !get_varint(&at, record_end, &key) ||
		    key != -1 || !get_varint(&at, record_end, &value) || value < 0 ||
		    value > record_end - at || delta != (int64_t)i)
			return false;
		struct testing_record r = {base + i, base_ts + ts, at, (unsigned)value};
		at += value;
		if (!get_varint(&at, record_end, &headers) || headers != 0 || at != record_end)
			return false;
		if (r.ts_ms > seen_ts)
			seen_ts = r.ts_ms;
		if (fn)
			fn(arg, &r);
	}
	return at == end && seen_ts == max_ts;
}

uint64_t testing_walk(const uint8_t *bytes, uint64_t len, uint64_t *offset, const char **why,
		      void (*fn)(void *arg, const struct testing_record *r), void *arg)
{
	static uint8_t plain[4 << 20];
	uint64_t at = 0;

	*why = NULL;
	while (at < len) {
		const uint8_t *b = bytes + at;

		*why = "short head";
		if (len - at < 61)
			return at;
		uint64_t size = be(b + 8, 4) + 12, count = be(b + 57, 4);
		*why = "length";
		if (size < 61 || size > len - at)
			return at;
		*why = "magic";
		if (b[16] != 2)
			return at;
		*why = "offset";
		if (be(b, 8) != *offset)
			return at;
		*why = "crc";
		if (~crc32_iscsi((unsigned char *)(uintptr_t)b + 21, (int)(size - 21),
				 UINT32_MAX) != be(b + 17, 4))
			return at;
		*why = "fixed fields";
		if (be(b + 43, 8) != UINT64_MAX || be(b + 51, 2) != 0xffff ||
		    be(b + 53, 4) != 0xffffffff || be(b + 23, 4) + 1 != count)
			return at;
		*why = "codec";
		size_t room = sizeof(plain);
		if (be(b + 21, 2) > 7 || !decompress(b[22], b + 61, size - 61, plain, &room))
			return at;
		*why = "records";
		if (!walk_records(plain, room, *offset, count, (int64_t)be(b + 27, 8),
				  (int64_t)be(b + 35, 8), fn, arg))
			return at;
		*offset += count;
		at += size;
	}
	*why = NULL;
	return at;
}

static void put_be(uint8_t *at, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		at[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static void time_entry(struct testing_index *x, int64_t *last, int64_t ts, uint64_t relative)
{
	if (ts <= *last)
		return;
	put_be(x->times + x->times_bytes, (uint64_t)ts, 8);
	put_be(x->times + x->times_bytes + 8, relative, 4);
	x->times_bytes += 12;
	*last = ts;
}

struct testing_index testing_index_of(const uint8_t *log, uint64_t len, uint64_t base)
{
	struct testing_index x = {malloc(len + 64), malloc(2 * len + 64), 0, 0};
	uint64_t acc = 0, max_offset = 0;
	int64_t max_ts = -1, last_ts = -1;

	for (uint64_t at = 0; at < len;) {
		const uint8_t *b = log + at;
		uint64_t size = be(b + 8, 4) + 12, last = be(b, 8) + be(b + 23, 4);

		if ((int64_t)be(b + 35, 8) > max_ts) {
			max_ts = (int64_t)be(b + 35, 8);
			max_offset = last;
		}
		if (acc > 4096) {
			put_be(x.index + x.index_bytes, last - base, 4);
			put_be(x.index + x.index_bytes + 4, at, 4);
			x.index_bytes += 8;
			time_entry(&x, &last_ts, max_ts, max_offset - base);
			acc = 0;
		}
		acc += size;
		at += size;
	}
	time_entry(&x, &last_ts, max_ts, max_offset - base);
	return x;
}
