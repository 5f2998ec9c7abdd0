#include "log_sim_testing.h"

/* Many batches, few syncs; nothing is durable before one came back. */
Test(log_sync, group_commit)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	t.plan->sync_ns = 10000000; /* a hundred rounds of the test's clock */
	sim_open(&t);
	for (unsigned i = 0; i < 1000; i++) {
		sim_submit(&t, i * 5, 5, 200, 1000);
		sim_rounds(&t, 1);
		cr_assert(state_load(&t.st->durable_end) == 0 ||
			  disk_sim_count(t.disk, DISK_SYNC) > 0);
		cr_assert_eq(state_load(&t.st->visible_end), state_load(&t.st->durable_end));
	}
	sim_quiet(&t);
	cr_assert_eq(state_load(&t.st->durable_end), 5000);
	cr_assert_geq(state_load(&sim_core(&t)->syncs), 9);
	cr_assert_leq(state_load(&sim_core(&t)->syncs), 13);
	uint64_t commits = 0;
	for (int i = 0; i < 16; i++)
		commits += state_load(&sim_core(&t)->commit_ns[i]);
	cr_assert_eq(commits, 1000);
	sim_close(&t);
	sim_end(&t);
}

Test(log_sync, deadline_is_the_interval)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	sim_open(&t);
	testing_poll(&t, 1);
	cr_assert_eq(log_deadline(t.log), UINT64_MAX);
	cr_assert(log_quiet(t.log));
	sim_submit(&t, 0, 5, 200, 1000);
	cr_assert_eq(log_deadline(t.log), t.now + t.plan->sync_ns);
	cr_assert_not(log_quiet(t.log));
	sim_quiet(&t);
	cr_assert_eq(log_deadline(t.log), UINT64_MAX);
	sim_close(&t);
	sim_end(&t);
}

/* A batch is as old as it is, however long ago the log core had work the last time. */
Test(log_sync, the_first_batch_after_a_pause_has_its_interval)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	t.plan->sync_ns = 10000000;
	sim_open(&t);
	for (unsigned pause = 0; pause < 3; pause++) {
		t.now += UINT64_C(3600000000000);
		sim_submit(&t, pause * 5, 5, 200, 1000);
		sim_rounds(&t, 5);
		cr_assert_eq(disk_sim_count(t.disk, DISK_SYNC), pause);
		sim_quiet(&t);
		cr_assert_eq(disk_sim_count(t.disk, DISK_SYNC), pause + 1);
	}
	sim_close(&t);
	sim_end(&t);
}

Test(log_sync, off_waits_for_roll_and_stop)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 200000);
	t.plan->sync_off = 1;
	sim_open(&t);
	for (unsigned i = 0; i < 20; i++)
		sim_submit(&t, i * 5, 5, 200, 1000);
	sim_quiet(&t);
	cr_assert_eq(state_load(&t.st->durable_end), 0);
	cr_assert_eq(state_load(&sim_core(&t)->syncs), 0);
	uint64_t next;
	sim_walk(&t, 0, &next);
	cr_assert_eq(next, 100, "all is in the file");
	for (unsigned i = 20; i < 300; i++)
		sim_submit(&t, i * 5, 5, 200, 1000);
	sim_quiet(&t);
	uint64_t durable = state_load(&t.st->durable_end);
	cr_assert_eq(durable, state_load(&t.st->active_base), "as far as the last roll");
	cr_assert_gt(durable, 0);
	log_close(t.log);
	while (!log_closed(t.log))
		sim_rounds(&t, 1);
	cr_assert_eq(state_load(&t.st->durable_end), 1500);
	testing_drop(&t);
	sim_end(&t);
}

Test(log_sync, written_is_visible_before_it_is_durable)
{
	struct log_testing t;
	bool ahead = false;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	t.plan->visible = PLAN_VISIBLE_WRITTEN;
	t.plan->sync_ns = 50000000;
	sim_open(&t);
	for (unsigned i = 0; i < 200; i++) {
		sim_submit(&t, i * 5, 5, 200, 1000);
		sim_rounds(&t, 1);
		ahead |= state_load(&t.st->visible_end) > state_load(&t.st->durable_end);
		cr_assert_geq(state_load(&t.st->visible_end), state_load(&t.st->durable_end));
	}
	cr_assert(ahead);
	sim_quiet(&t);
	cr_assert_eq(state_load(&t.st->visible_end), 1000);
	sim_close(&t);
	sim_end(&t);
}

/* After a clean stop the checkpoint on disk says "clean"; a power cut would take what is only
 * written back to there, and nobody would raise the leader epoch. So nobody sees it before that is
 * put right. */
Test(log_sync, nothing_more_is_visible_while_the_checkpoint_says_clean)
{
	struct log_testing t;
	unsigned ahead = 0, held = 0;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	t.plan->visible = PLAN_VISIBLE_WRITTEN;
	t.plan->sync_ns = 50000000;
	for (unsigned life = 0; life < 40; life++) {
		sim_open(&t);
		disk_sim_faults(t.disk)->slow = 70;
		uint64_t puts = disk_sim_count(t.disk, DISK_PUT);
		for (unsigned i = 0; i < 30; i++) {
			if (i < 5)
				sim_submit(&t, i * 5, 5, 200, 1000);
			sim_rounds(&t, 1);
			bool marked = disk_sim_count(t.disk, DISK_PUT) > puts;
			bool more = state_load(&t.st->visible_end) > state_load(&t.st->durable_end);
			cr_assert(marked || !more || life == 0, "life %u, round %u", life, i);
			ahead += more;
			held += life && !marked && disk_sim_count(t.disk, DISK_WRITE) > 0;
		}
		disk_sim_faults(t.disk)->slow = 0;
		sim_close(&t);
	}
	cr_assert_gt(ahead, 40);
	cr_assert_gt(held, 40);
	sim_end(&t);
}

/* No space: said so, nothing lost, and on it goes when there is some. */
Test(log_sync, no_space_is_waited_out)
{
	struct log_testing t;
	uint64_t next;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	sim_open(&t);
	sim_submit(&t, 0, 10, 500, 1000);
	sim_quiet(&t);
	disk_sim_faults(t.disk)->full = true;
	for (unsigned i = 1; i < 10; i++)
		sim_submit(&t, i * 10, 10, 500, 1000);
	sim_rounds(&t, 500);
	cr_assert_eq(atomic_load(&t.st->storage_failed), 1);
	cr_assert_eq(state_load(&t.st->durable_end), 10);
	cr_assert_eq(log_failed(t.log, NULL), 0);
	cr_assert_lt(log_deadline(t.log), t.now + 100000001);
	/* Tried again ten times a second, not more. */
	uint64_t errors = state_load(&sim_core(&t)->write_errors);
	sim_rounds(&t, 10000); /* a second */
	uint64_t per_try = t.plan->write_depth;
	cr_assert_leq(state_load(&sim_core(&t)->write_errors) - errors, 11 * per_try);
	disk_sim_faults(t.disk)->full = false;
	sim_rounds(&t, 2000);
	cr_assert_eq(atomic_load(&t.st->storage_failed), 0);
	sim_quiet(&t);
	cr_assert_eq(state_load(&t.st->durable_end), 100);
	sim_walk(&t, 0, &next);
	cr_assert_eq(next, 100);
	sim_close(&t);
	sim_end(&t);
}

/* An I/O error is the end, and says of what. */
Test(log_sync, an_io_error_is_final)
{
	for (uint64_t nth = 1; nth < 6; nth++) {
		struct log_testing t;
		const char *text;

		sim_start(&t, SLAB_BLOCK, 8 << 20);
		t.plan->prepare_bytes = 0; /* a failed zeroing is no harm */
		sim_open(&t);
		disk_sim_faults(t.disk)->error_in = nth;
		for (unsigned i = 0; i < 30; i++) {
			if (!testing_submit(&t, i * 10, 10, 500, 1000))
				break;
			sim_rounds(&t, 100);
		}
		cr_assert_eq(log_failed(t.log, &text), -EIO);
		cr_assert_not_null(strstr(text, "Input/output error"), "%s", text);
		cr_assert_not_null(strstr(text, "/d/s-0/"), "%s", text);
		cr_assert_not(log_closed(t.log));
		sim_crash(&t, true);
		sim_end(&t);
	}
}
