#include "log_sim_testing.h"

/* A predicted phase is right: nothing is moved but what was under way at a roll. */
Test(log_place, phases_are_predicted)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 1 << 20);
	sim_open(&t);
	for (unsigned i = 0; i < 400; i++)
		sim_submit(&t, i * 10, 10, 1 + i * 7 % 300, 1000);
	sim_quiet(&t);
	cr_assert_eq(state_load(&sim_core(&t)->realigned), 0);
	cr_assert_eq(state_load(&sim_core(&t)->rolls), 0);
	/* Through rolls: at most the slabs that were on their way. */
	for (unsigned i = 400; i < 4000; i++)
		sim_submit(&t, i * 10, 10, 1 + i * 7 % 300, 1000);
	sim_quiet(&t);
	uint64_t rolls = state_load(&sim_core(&t)->rolls);
	cr_assert_gt(rolls, 3);
	cr_assert_leq(state_load(&sim_core(&t)->realigned), rolls * t.slabs_count);
	sim_close(&t);
	sim_end(&t);
}

Test(log_place, a_wrong_phase_costs_a_move_and_nothing_else)
{
	struct log_testing t;
	uint64_t next;

	sim_start(&t, SLAB_BLOCK, 8 << 20);
	sim_open(&t);
	for (unsigned i = 0; i < 100; i++) {
		t.given_bytes += (uint64_t)rand() % 5000; /* the polling core miscounts */
		sim_submit(&t, i * 10, 10, 900, 1000);
	}
	sim_quiet(&t);
	cr_assert_gt(state_load(&sim_core(&t)->realigned), 50);
	sim_walk(&t, 0, &next);
	cr_assert_eq(next, 1000);
	sim_close(&t);
	sim_end(&t);
}

/* Batches far smaller than a block gather in one tail; each sync writes that one block. */
Test(log_place, small_batches_share_a_tail)
{
	struct log_testing t;
	uint64_t next;

	sim_start(&t, SLAB_BLOCK, 1 << 20);
	sim_open(&t);
	for (unsigned i = 0; i < 12; i++)
		sim_submit(&t, i, 1, 10, 1000);
	cr_assert_eq(state_load(&sim_core(&t)->writes), 0);
	cr_assert_eq(t.slabs_out, 12, "a slab whose batch is in the tail is free at once");
	testing_poll(&t, 1);
	cr_assert_eq(t.slabs_out, 0);
	sim_quiet(&t);
	cr_assert_eq(state_load(&t.st->durable_end), 12);
	cr_assert_eq(state_load(&sim_core(&t)->tail_writes), 1);
	cr_assert_eq(state_load(&sim_core(&t)->write_bytes), SLAB_BLOCK);
	sim_walk(&t, 0, &next);
	cr_assert_eq(next, 12);
	sim_close(&t);
	sim_end(&t);
}

/* Nobody waits for a sync: batches are padded where they are, in one write. */
Test(log_place, eager_batches_go_out_padded)
{
	struct log_testing t;

	sim_start(&t, SLAB_BLOCK, 1 << 20);
	t.plan->sync_ns = 0;
	sim_open(&t);
	for (unsigned i = 0; i < 10; i++) {
		sim_submit(&t, i * 10, 10, 1000, 1000);
		sim_quiet(&t);
		cr_assert_eq(state_load(&t.st->durable_end), (i + 1) * 10);
	}
	cr_assert_eq(state_load(&sim_core(&t)->writes), 10);
	cr_assert_eq(state_load(&sim_core(&t)->tail_writes), 0);
	cr_assert_eq(state_load(&sim_core(&t)->syncs), 10);
	sim_close(&t);
	sim_end(&t);
}

Test(log_place, buffered_writes_are_exact)
{
	struct log_testing t;

	sim_start(&t, 1, 1 << 20);
	sim_open(&t);
	for (unsigned i = 0; i < 50; i++)
		sim_submit(&t, i * 10, 10, 77, 1000);
	sim_quiet(&t);
	cr_assert_eq(state_load(&sim_core(&t)->writes), 50);
	cr_assert_eq(state_load(&sim_core(&t)->write_bytes),
		     state_load(&sim_core(&t)->batch_bytes));
	cr_assert_eq(state_load(&sim_core(&t)->tail_writes), 0);
	sim_close(&t);
	sim_end(&t);
}
