#include "log_sim_testing.h"

static void feed(struct log_testing *t, uint64_t from, uint64_t to, int64_t ts)
{
	for (uint64_t i = from; i < to; i += 10) {
		sim_submit(t, i, 10, 300, ts);
		sim_rounds(t, 3);
	}
}

static void check_segments(struct log_testing *t, uint64_t end, uint64_t max_bytes)
{
	for (uint64_t base = 0, next; base < end; base = next) {
		uint64_t len;
		const uint8_t *log = sim_log(t, base, &len);
		uint64_t valid = sim_walk(t, base, &next);

		cr_assert_eq(valid, len, "segment %lu", base);
		cr_assert_leq(len, max_bytes);
		if (next < end) /* one more batch would not have fitted */
			cr_assert_gt(len + log_get32(log + BATCH_batchLength) + 12, max_bytes);
	}
}

Test(log_segment, rolls_by_size_as_kafka_does)
{
	for (int direct = 0; direct < 2; direct++) {
		struct log_testing t;

		sim_start(&t, direct ? SLAB_BLOCK : 1, 50000);
		sim_open(&t);
		feed(&t, 0, 3000, 1000);
		sim_quiet(&t);
		cr_assert_eq(state_load(&t.st->segments), state_load(&sim_core(&t)->rolls) + 1);
		sim_close(&t);
		check_segments(&t, 3000, 50000);
		sim_end(&t);
	}
}

/* The age of a segment is told by the batches that arrive, against its first one. */
Test(log_segment, rolls_by_age)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	t.plan->streams[0].segment_age_ns = UINT64_C(10000000000); /* 10 s */
	sim_open(&t);
	sim_submit(&t, 0, 10, 100, 5000);
	sim_submit(&t, 10, 10, 100, 5000 + 10000); /* exactly: not yet */
	sim_quiet(&t);
	cr_assert_eq(state_load(&sim_core(&t)->rolls), 0);
	sim_submit(&t, 20, 10, 100, 5000 + 10001);
	sim_quiet(&t);
	cr_assert_eq(state_load(&sim_core(&t)->rolls), 1);
	cr_assert_eq(state_load(&t.st->active_base), 20);
	sim_close(&t);
	sim_end(&t);
}

/* Bytes and segments published are those of the files. */
Test(log_segment, gauges_are_true)
{
	struct log_testing t;
	uint64_t sum = 0, len, next;

	sim_start(&t, SLAB_BLOCK, 50000);
	sim_open(&t);
	feed(&t, 0, 2000, 1000);
	sim_quiet(&t);
	uint64_t bytes = state_load(&t.st->bytes), segments = state_load(&t.st->segments), n = 0;
	sim_close(&t);
	for (uint64_t base = 0; base < 2000; base = next, n++) {
		sim_log(&t, base, &len);
		sum += len;
		sim_walk(&t, base, &next);
	}
	cr_assert_eq(bytes, sum);
	cr_assert_eq(segments, n);
	/* And again after opening. */
	sim_open(&t);
	cr_assert_eq(state_load(&t.st->bytes), sum);
	cr_assert_eq(state_load(&t.st->segments), n);
	sim_close(&t);
	sim_end(&t);
}

static int count_spares(void *arg, const char *name, int is_dir)
{
	unsigned *n = arg;

	*n += strncmp(name, "spare-", 6) == 0;
	return 0;
}

/* Retired segments become spares, spares become segments, the rest goes; the active one stays. */
Test(log_segment, retention_recycles)
{
	struct log_testing t;
	uint64_t len, next, first = 0;
	unsigned spares = 0;

	sim_start(&t, SLAB_BLOCK, 50000);
	sim_open(&t);
	feed(&t, 0, 2000, 1000);
	sim_quiet(&t);
	uint64_t active = state_load(&t.st->active_base), bytes = state_load(&t.st->bytes);
	/* In the middle of a segment: those wholly below go, that one stays. */
	cr_assert_eq(log_retain(t.log, 0, 0, active - 1), 0);
	cr_assert_eq(log_retain(t.log, 0, 0, active - 1), -EBUSY);
	sim_quiet(&t);
	cr_assert_eq(state_load(&t.st->log_start), active - 1);
	cr_assert_null(sim_log(&t, 0, &len));
	cr_assert_null(sim_file(&t, "00000000000000000000.index", &len));
	cr_assert_null(sim_file(&t, "00000000000000000000.timeindex", &len));
	cr_assert_eq(state_load(&t.st->segments), 2);
	cr_assert_lt(state_load(&t.st->bytes), bytes);
	t.disk->ops->list(t.disk, "/d/s-0", count_spares, &spares);
	cr_assert_eq(spares, LOG_SPARES_MAX);
	/* Everything below the active one, and nothing of it. */
	cr_assert_eq(log_retain(t.log, 0, 0, state_load(&t.st->durable_end)), 0);
	sim_quiet(&t);
	cr_assert_eq(state_load(&t.st->segments), 1);
	cr_assert_not_null(sim_log(&t, active, &len));
	cr_assert_eq(log_retain(t.log, 0, 0, state_load(&t.st->durable_end) + 1), -EINVAL);
	/* The spares come back as segments. */
	feed(&t, 2000, 4000, 1000);
	sim_quiet(&t);
	cr_assert_gt(disk_sim_count(t.disk, DISK_SCRUB), 0);
	sim_close(&t);
	for (first = active; first < 4000; first = next)
		cr_assert_eq(sim_walk(&t, first, &next), (sim_log(&t, first, &len), len));
	/* log_start was remembered. */
	sim_open(&t);
	cr_assert_eq(state_load(&t.st->log_start), 2000);
	sim_close(&t);
	sim_end(&t);
}

/* A roll that finds nothing prepared waits, is counted, and blocks nothing. */
Test(log_segment, waits_for_a_file)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 30000);
	sim_open(&t);
	disk_sim_faults(t.disk)->slow = 95;
	for (unsigned i = 0; i < 400; i += 10) {
		while (!testing_submit(&t, i, 10, 1000, 1000))
			sim_rounds(&t, 1);
		testing_poll(&t, 1);
	}
	disk_sim_faults(t.disk)->slow = 0;
	sim_quiet(&t);
	cr_assert_gt(state_load(&sim_core(&t)->segment_waits), 0);
	cr_assert_eq(state_load(&t.st->durable_end), 400);
	sim_close(&t);
	check_segments(&t, 400, 30000);
	sim_end(&t);
}

/* Fresh files are zeroed ahead of the writer, and no further than asked. */
Test(log_segment, zeroes_ahead)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 4 << 20);
	t.plan->prepare_bytes = 512 * 1024;
	sim_open(&t);
	feed(&t, 0, 1000, 1000);
	sim_rounds(&t, 3000);
	uint64_t zeroed = t.p->active->zeroed;
	cr_assert_gt(zeroed, t.p->active->pos);
	cr_assert_leq(zeroed, t.p->active->pos + 512 * 1024);
	cr_assert_gt(zeroed + 2 * 64 * 1024, t.p->active->pos + 512 * 1024);
	sim_close(&t);
	sim_end(&t);
}
