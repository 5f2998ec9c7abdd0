/*
 * A lane at random against a model: packets of all kinds over two ports that are rings, streams
 * that come and go with slabs, clocks that jump. Every slab is decoded by the log's own reader and
 * compared record by record; the ledger is compared after every burst.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <time.h>

#include "lane_rig.h"

TestSuite(rx_lane, .init = lane_up, .fini = lane_down);

/* ---- the comparison ---- */

static void check_ledger(void)
{
	for (unsigned port = 0; port < MODEL_PORTS; port++) {
		struct state_rx_copy c;
		uint64_t sum = 0;

		cr_assert(state_read_rx(state, 0, port, &c));
		for (unsigned row = 0; row < LEDGER_ROWS; row++) {
			cr_assert_eq(c.ledger[row], model.rows[port][row],
				     "port %u %s.%s: %llu, not %llu", port, ledger_info[row].term,
				     ledger_info[row].cause, (unsigned long long)c.ledger[row],
				     (unsigned long long)model.rows[port][row]);
			sum += c.ledger[row];
		}
		cr_assert_eq(c.received, sum);
		cr_assert_eq(c.received, model.received[port]);
		cr_assert_eq(c.received_bytes, model.bytes[port]);
		cr_assert_eq(state_load(&state_rx(state, 0, port)->begun), c.received);
	}
}

/* What was not stored is counted at once. */
static void check_unstored(void)
{
	for (unsigned slot = 0; slot < MODEL_SLOTS; slot++) {
		const struct state_partition *p = &lane->partitions[slot];
		const struct model_slot *m = &model.slots[slot];

		cr_assert_eq(state_load(&p->packets_shed), m->packets_shed);
		cr_assert_eq(state_load(&p->packets_undecodable), m->packets_undecodable);
		cr_assert_eq(state_load(&p->events[EVENT_shed]), m->shed);
	}
}

static bool stored_are_told(void)
{
	bool all = true;

	for (unsigned slot = 0; slot < MODEL_SLOTS; slot++) {
		const struct state_partition *p = &lane->partitions[slot];
		const struct model_slot *m = &model.slots[slot];
		uint64_t shed = state_load(&p->events[EVENT_shed]);

		cr_assert_leq(state_load(&p->packets_stored), m->packets_stored);
		cr_assert_leq(state_load(&p->value_bytes), m->value_bytes);
		/* Each event's fate is known as soon as the event is. */
		cr_assert_eq(state_load(&p->events[EVENT_decoded]),
			     state_load(&p->events[EVENT_stored]) + shed);
		all = all && state_load(&p->packets_stored) == m->packets_stored &&
		      state_load(&p->events[EVENT_decoded]) == m->decoded &&
		      state_load(&p->events[EVENT_stored]) == m->stored &&
		      state_load(&p->value_bytes) == m->value_bytes;
	}
	return all;
}

/* What was stored is told after a poll with less than a burst, else after the sixteenth at the
 * latest (dataplane/api/state.h). */
static void check_partitions(uint64_t packets)
{
	static unsigned untold_polls;

	check_unstored();
	untold_polls = stored_are_told() ? 0 : untold_polls + 1;
	cr_assert_lt(untold_polls, 16);
	if (packets < plan->burst)
		cr_assert_eq(untold_polls, 0, "%llu packets", (unsigned long long)packets);
}

static uint64_t packets_sent(void)
{
	uint64_t sum = 0;

	for (unsigned port = 0; port < MODEL_PORTS; port++)
		sum += model.received[port];
	return sum;
}

static struct slab *held[64];
static unsigned held_count;

/* Nothing is written before the batch, nor further behind it than a record may. */
static void check_surroundings(const struct slab *slab)
{
	for (uint32_t i = 0; i < slab->size_bytes; i++) {
		if (i == slab->data)
			i = slab->end + RX_RECORD_SLACK;
		if (slab->base[i] != FILL)
			cr_assert_fail("byte %u is written; the batch is %u to %u", i, slab->data,
				       slab->end);
	}
	memset(slab->base + slab->data, FILL, slab->size_bytes - slab->data);
}

static void take_filled(void)
{
	struct slab *slab;

	while (rte_ring_sc_dequeue(lane->filled, (void **)&slab) == 0) {
		model_check_slab(&model, slab);
		check_surroundings(slab);
		held[held_count++] = slab;
	}
	for (unsigned slot = 0; slot < MODEL_SLOTS; slot++)
		cr_assert_null(model.slots[slot].closed, "a batch of slot %u was not closed", slot);
}

static void give_back(unsigned leave)
{
	while (held_count > leave) {
		unsigned i = (unsigned)rand() % held_count; /* the disk is not in order */

		cr_assert_eq(rte_ring_sp_enqueue(lane->free, held[i]), 0);
		held[i] = held[--held_count];
		model.free_slabs++;
	}
}

static void pass_time(void)
{
	uint64_t step = rand() % 3 ? (uint64_t)rand() % 300000 : (uint64_t)rand() % 5000000;

	lane->now.mono_ns += step;
	lane->now.real_ns += step;
	if (rand() % 100 == 0) /* the system clock is set, by up to some months */
		lane->now.real_ns += (uint64_t)(((int64_t)rand() - RAND_MAX / 2) * 10000000);
	lane->now_ms = (int64_t)(lane->now.real_ns / 1000000);
}

/* A sleeping log core must be woken by whatever is enqueued. */
static void check_wake(struct core *core, bool enqueued)
{
	struct pollfd fd = {.fd = core->wake_fd, .events = POLLIN};
	uint64_t drop;

	bool woken = poll(&fd, 1, 0) == 1;
	cr_assert_eq(woken, enqueued);
	if (woken)
		cr_assert_eq(read(core->wake_fd, &drop, sizeof(drop)), (ssize_t)sizeof(drop));
}

Test(rx_lane, random_against_a_model, .timeout = 55)
{
	unsigned rounds = getenv("LANE_ROUNDS") ? (unsigned)atoi(getenv("LANE_ROUNDS")) : 2500;
	unsigned leave = 0;
	time_t end = time(NULL) + 15; /* a busy machine: what was done counts */

	srand(getenv("LANE_SEED") ? (unsigned)atoi(getenv("LANE_SEED")) : 8);
	for (unsigned round = 0; round < rounds && time(NULL) < end; round++) {
		pass_time();
		if (rand() % 50 == 0) /* how many slabs the log keeps for itself */
			leave = rand() % 2 ? 0 : (unsigned)rand() % 12;
		give_back(leave);
		if (rand() % 40 == 0)
			atomic_store(&lane->partitions[rand() % 6].storage_failed, rand() % 4 == 0);
		if (rand() % 20 == 0)
			atomic_store(&lane->partitions[rand() % 6].phase_adjust,
				     (uint32_t)rand() % SLAB_BLOCK);
		bool sleeping = rand() % 4 == 0;
		uint64_t before = packets_sent();

		atomic_store(&lane->log_core->sleeping, sleeping);
		for (unsigned port = 0; port < MODEL_PORTS; port++)
			send_burst(port);
		lane_poll(lane);
		model_linger(&model);
		if (sleeping)
			check_wake(lane->log_core, !rte_ring_empty(lane->filled));
		take_filled();
		check_ledger();
		check_partitions(packets_sent() - before);
		cr_assert_eq(rte_mempool_avail_count(pool), MBUFS, "mbufs are missing");
	}
	rx_batch_close_all(lane);
	for (unsigned slot = 0; slot < MODEL_SLOTS; slot++)
		model_close(&model.slots[slot]);
	take_filled();
	give_back(0);
	for (unsigned slot = 0; slot < MODEL_SLOTS; slot++)
		cr_assert_null(model.slots[slot].records);
	/* The test saw what it is for. */
	cr_expect_gt(model.rows[0][LEDGER_stored_none], 1000);
	cr_expect_gt(model.rows[0][LEDGER_shed_no_slab], 10);
	cr_expect_gt(model.rows[0][LEDGER_shed_storage], 10);
	cr_expect_gt(model.rows[0][LEDGER_undecodable_no_event], 10);
	cr_expect_gt(state_load(&lane->state->slabs_short), 10);
}

/* Offset deltas and timestamp deltas of every length that a batch can have, among them those where
 * the short way of a run must give up. */
Test(rx_lane, ten_thousand_small_records_in_a_batch)
{
	static const int64_t steps_ms[] = {0,	1,    63,   64,	   -1,	    -64,
					   -65, 8191, 8192, -8193, 1 << 20, 1 << 27};

	srand(9);
	for (unsigned round = 0; round < 400; round++) {
		unsigned n = 1 + (unsigned)rand() % plan->burst;

		lane->now_ms = INT64_C(1700000000123) + steps_ms[round / 4 % 12];
		lane->now.real_ns = (uint64_t)lane->now_ms * 1000000;
		train = 1000;
		train_length = round / 48 % 2 ? 0 : (uint32_t)rand() % 40;
		for (unsigned i = 0; i < n; i++) {
			struct frame_spec s;

			train_spec(&s);
			uint32_t len = frame_make(frame, &s);
			model.rows[0][expect_routed(&s)]++;
			model.received[0]++;
			model.bytes[0] += len;
			cr_assert_eq(rte_ring_sp_enqueue(wire[0], to_mbufs(len, s.payload_off)), 0);
		}
		lane_poll(lane);
		check_ledger();
		check_partitions(n);
	}
	cr_expect_gt(model.slots[0].open->records, 1 << 13);
	rx_batch_close_all(lane);
	model_close(&model.slots[0]);
	take_filled();
	cr_expect_null(model.slots[0].records);
}

/* Under full bursts the counters of streams follow at every sixteenth, not at each. */
Test(rx_lane, what_was_stored_is_told_in_time)
{
	const struct state_partition *p = &lane->partitions[0];
	struct frame_spec s = frame_default(0);

	s.dst_port = 1000;
	frame_make(frame, &s);
	for (unsigned poll = 1; poll <= 40; poll++) {
		unsigned told = poll < 40 ? poll / 16 * 16 : 40;

		for (unsigned i = poll == 40; i < plan->burst; i++)
			cr_assert_eq(rte_ring_sp_enqueue(wire[0], to_mbufs(s.len, s.payload_off)),
				     0);
		lane_poll(lane);
		cr_expect_eq(state_load(&p->packets_stored), told * plan->burst - (poll == 40),
			     "poll %u: %llu packets", poll,
			     (unsigned long long)state_load(&p->packets_stored));
		cr_expect_eq(state_load(&p->events[EVENT_stored]), state_load(&p->packets_stored));
	}
}
