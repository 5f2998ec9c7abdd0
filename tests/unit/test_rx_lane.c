/*
 * A lane at random against a model: packets of all kinds over two ports that are rings, streams
 * that come and go with slabs, clocks that jump. Every slab is decoded by the log's own reader and
 * compared record by record; the ledger is compared after every burst.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "dataplane/topology_lane.h"
#include "eal_testing.h"
#include "frames.h"
#include "lane_packets.h"
#include "plans.h"

enum { MBUFS = 1023, FILL = 0xc3, HOT_SLABS = 3 };

static struct state *state;
static struct topology *topology;
static struct rx_route *route;
static char err[256];

static void make_streams(void)
{
	struct plan_stream *s = plan_add_stream(plan, "plain");

	plan_listen(s, 1000, 1000);
	s->batch_bytes = 512 << 10; /* offset deltas of three bytes */
	s->linger_ns = UINT64_C(300) * 1000 * 1000;
	s = plan_add_stream(plan, "small-batches");
	plan_listen(s, 1001, 1001);
	s->batch_bytes = 4096;
	s->linger_ns = 100 * 1000;
	s = plan_add_stream(plan, "no-key");
	plan_listen(s, 1002, 1002);
	s->key = PLAN_KEY_NONE;
	s = plan_add_stream(plan, "lines");
	plan_listen(s, 1003, 1003);
	s->decoder = PLAN_DECODER_lines;
	s->batch_bytes = 4096;
	s = plan_add_stream(plan, "all-headers");
	plan_listen(s, 1004, 1004);
	s->headers = 15;
	s->linger_ns = 20 * 1000 * 1000;
	s = plan_add_stream(plan, "lines-with-headers");
	plan_listen(s, 1005, 1005);
	s->decoder = PLAN_DECODER_lines;
	s->headers = PLAN_HEADER_DST | PLAN_HEADER_VLAN;
	s->linger_ns = 0;
}

static void make_ports(void)
{
	topology->ports_count = MODEL_PORTS;
	for (unsigned i = 0; i < MODEL_PORTS; i++) {
		struct rte_eth_conf conf = {0};
		char name[32];

		snprintf(name, sizeof(name), "wire%u", i);
		wire[i] = rte_ring_create(name, 512, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		int port = rte_eth_from_rings(name, &wire[i], 1, &wire[i], 1, 0);
		cr_assert_geq(port, 0);
		cr_assert_eq(rte_eth_dev_configure((uint16_t)port, 1, 1, &conf), 0);
		cr_assert_eq(rte_eth_rx_queue_setup((uint16_t)port, 0, 256, 0, NULL, pool), 0);
		cr_assert_eq(rte_eth_tx_queue_setup((uint16_t)port, 0, 256, 0, NULL), 0);
		cr_assert_eq(rte_eth_dev_start((uint16_t)port), 0);
		topology->ports[i].id = (uint16_t)port;
		topology->ports[i].queues = 1;
	}
}

static void setup(void)
{
	char run_dir[64];
	bool fresh;

	eal_up();
	snprintf(run_dir, sizeof(run_dir), "/tmp/test-lane-%d", getpid());
	plan = plan_new(run_dir, "/tmp/d");
	plan->ports_count = MODEL_PORTS;
	make_streams();
	plan->burst = 64;
	plan->lanes[0].slab_bytes = plan_slab_bytes(512 << 10);
	plan->lanes[0].hot_slabs = HOT_SLABS;
	state = state_create(plan, 1000000000, &fresh);
	cr_assert_not_null(state);
	state_unlink(run_dir);
	pool = rte_pktmbuf_pool_create("p", MBUFS, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM,
				       SOCKET_ID_ANY);
	topology = rte_zmalloc(NULL, sizeof(*topology), 64);
	cr_assert(pool && topology);
	topology->state = state;
	make_ports();
	for (unsigned i = 0; i < 2; i++) {
		topology->cores[i].topology = topology;
		topology->cores[i].wake_fd = eventfd(0, EFD_NONBLOCK);
	}
	cr_assert_eq(topology_make_lane(topology, plan, 0, err, sizeof(err)), 0, "%s", err);
	lane = topology->lanes[0];
	route = rx_route_create(plan, err, sizeof(err));
	cr_assert_not_null(route, "%s", err);
	lane->route = route;
	lane->now = (struct clock_now){.real_ns = UINT64_C(1700000000123456789), .mono_ns = 1000};
	lane->now_ms = (int64_t)(lane->now.real_ns / 1000000);
	model_init(&model, plan, lane);
	for (unsigned i = 0; i < lane->slabs_count; i++)
		memset(topology->slabs[0][i].base, FILL, topology->slabs[0][i].size_bytes);
}

static void teardown(void)
{
	topology_free_lane(topology, 0);
	rx_route_destroy(route);
	state_close(state);
	eal_down();
}

TestSuite(rx_lane, .init = setup, .fini = teardown);

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
	for (unsigned slot = 0; slot < MODEL_SLOTS; slot++) {
		const struct state_partition *p = &lane->partitions[slot];
		const struct model_slot *m = &model.slots[slot];

		cr_assert_eq(state_load(&p->packets_stored), m->packets_stored);
		cr_assert_eq(state_load(&p->packets_shed), m->packets_shed);
		cr_assert_eq(state_load(&p->packets_undecodable), m->packets_undecodable);
		cr_assert_eq(state_load(&p->events[EVENT_decoded]), m->decoded);
		cr_assert_eq(state_load(&p->events[EVENT_stored]), m->stored);
		cr_assert_eq(state_load(&p->events[EVENT_shed]), m->shed);
		cr_assert_eq(state_load(&p->value_bytes), m->value_bytes);
	}
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
		atomic_store(&lane->log_core->sleeping, sleeping);
		for (unsigned port = 0; port < MODEL_PORTS; port++)
			send_burst(port);
		lane_poll(lane);
		model_linger(&model);
		if (sleeping)
			check_wake(lane->log_core, !rte_ring_empty(lane->filled));
		take_filled();
		check_ledger();
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
	}
	cr_expect_gt(model.slots[0].open->records, 1 << 13);
	rx_batch_close_all(lane);
	model_close(&model.slots[0]);
	take_filled();
	cr_expect_null(model.slots[0].records);
}

Test(rx_lane, an_idle_lane_closes_its_batches)
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
Test(rx_lane, a_batch_stays_open_while_the_log_is_behind)
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
Test(rx_lane, the_slab_longest_free_is_next)
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
Test(rx_lane, the_reserve_serves_while_the_log_keeps_slabs)
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
