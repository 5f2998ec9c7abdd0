/*
 * When a lane closes its batches, and which slab the next one gets.
 */
#include <criterion/criterion.h>

#include "lane_rig.h"

TestSuite(rx_batch, .init = lane_up, .fini = lane_down);

Test(rx_batch, an_idle_lane_closes_its_batches)
{
	struct frame_spec s = frame_default(0);

	s.dst_port = 1000;
	frame_make(frame, &s);
	cr_assert_eq(lane_poll(lane), 0);
	cr_assert_eq(rte_ring_sp_enqueue(wire[0], to_mbufs(s.len, s.payload_off)), 0);
	cr_assert_eq(lane_poll(lane), 1);
	cr_expect_eq(lane->linger_due_ns, lane->now.mono_ns + plan->streams[0].linger_ns);
	lane->now.mono_ns += plan->streams[0].linger_ns - 1;
	cr_assert_eq(lane_poll(lane), 0);
	cr_expect(rte_ring_empty(lane->filled));
	lane->now.mono_ns++;
	cr_assert_eq(lane_poll(lane), 1);
	cr_expect_eq(rte_ring_count(lane->filled), 1);
	cr_expect_eq(lane->linger_due_ns, UINT64_MAX);
	cr_expect_eq(state_load(&lane->state->polls), 4);
	cr_expect_geq(state_load(&lane->state->polls_empty), 2);
}

/* The log takes nothing: open batches outlive their linger rather than use up the slabs. */
Test(rx_batch, a_batch_stays_open_while_the_log_is_behind)
{
	struct frame_spec s = frame_default(0);
	unsigned sent = 0;

	s.dst_port = 1005; /* linger 0: closed at the next poll */
	frame_make(frame, &s);
	while (!rx_batch_log_is_behind(lane)) {
		cr_assert_lt(sent++, lane->slabs_count);
		cr_assert_eq(rte_ring_sp_enqueue(wire[0], to_mbufs(s.len, s.payload_off)), 0);
		lane_poll(lane);
	}
	unsigned closed = rte_ring_count(lane->filled);
	cr_expect_geq(closed, lane->slabs_count / 2 - 1);
	for (unsigned i = 0; i < 500; i++) {
		lane->now.mono_ns += 1000 * 1000;
		cr_assert_eq(rte_ring_sp_enqueue(wire[0], to_mbufs(s.len, s.payload_off)), 0);
		lane_poll(lane);
	}
	cr_expect_leq(rte_ring_count(lane->filled), closed + 1);
	cr_expect_eq(state_load(&state_rx(state, 0, 0)->ledger[LEDGER_shed_no_slab]), 0);
	/* It goes as soon as the log has given slabs back. */
	struct slab *slab;
	while (rte_ring_sc_dequeue(lane->filled, (void **)&slab) == 0)
		rte_ring_sp_enqueue(lane->free, slab);
	lane->now.mono_ns += 1000 * 1000;
	lane_poll(lane);
	cr_expect_eq(rte_ring_count(lane->filled), 1);
	cr_expect_eq(lane->open_count, 0);
}

static struct slab *next_batch(void)
{
	struct frame_spec s = frame_default(0);
	struct slab *slab;

	s.dst_port = 1005; /* linger 0: a batch for each poll */
	frame_make(frame, &s);
	cr_assert_eq(rte_ring_sp_enqueue(wire[0], to_mbufs(s.len, s.payload_off)), 0);
	lane_poll(lane);
	lane->now.mono_ns += 1000;
	cr_assert_eq(rte_ring_sc_dequeue(lane->filled, (void **)&slab), 0);
	return slab;
}

/* Slabs are used in turn. One that another core has just read is the dearest to write: its lines
 * are still in that core's cache (docs/performance.md, "Which slab next"). */
Test(rx_batch, the_slab_longest_free_is_next)
{
	struct slab *slab, *order[HOT_SLABS] = {NULL};

	for (unsigned i = 0; i < 5 * HOT_SLABS; i++) {
		slab = next_batch();
		if (i < HOT_SLABS)
			order[i] = slab;
		cr_expect_eq(slab, order[i % HOT_SLABS], "batch %u", i);
		for (unsigned k = 0; i < HOT_SLABS && k < i; k++)
			cr_expect_neq(slab, order[k], "slab %u again as batch %u", k, i);
		rte_ring_sp_enqueue(lane->free, slab);
	}
	cr_expect_eq(lane->reserve_count, lane->slabs_count - HOT_SLABS);
}

/* While the log keeps slabs, those of the reserve serve; when they come back, a few take turns
 * again. */
Test(rx_batch, the_reserve_serves_while_the_log_keeps_slabs)
{
	struct slab *kept[64], *seen[64];
	unsigned n = lane->slabs_count, different = 0;

	for (unsigned i = 0; i < n / 2 - 1; i++)
		kept[i] = next_batch();
	cr_expect_lt(lane->reserve_count, n - HOT_SLABS);
	for (unsigned i = 0; i < n / 2 - 1; i++)
		rte_ring_sp_enqueue(lane->free, kept[i]);
	for (unsigned i = 0; i < 2 * n; i++)
		rte_ring_sp_enqueue(lane->free, next_batch());
	cr_expect_eq(lane->reserve_count, n - HOT_SLABS);
	for (unsigned i = 0; i < 3 * HOT_SLABS; i++) {
		struct slab *slab = next_batch();
		unsigned k = 0;

		while (k < different && seen[k] != slab)
			k++;
		if (k == different)
			seen[different++] = slab;
		rte_ring_sp_enqueue(lane->free, slab);
	}
	cr_expect_eq(different, HOT_SLABS);
	cr_expect_eq(state_load(&lane->state->slabs_short), 0);
}
