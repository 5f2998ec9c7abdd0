#include "log_testing.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	log_submit(t->log, s, t->now);
	return true;
}
