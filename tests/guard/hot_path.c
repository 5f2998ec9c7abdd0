/*
 * hot_path CASE CAPTURE PACKETS: lets a capture's packets through one lane and its log into the
 * sink, without EAL and with a clock of its own, so that the same instructions run each time.
 * Prints what came of them, one "name value" a line. tests/guard/instructions counts what drive()
 * takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "dataplane/log/log_private.h"
#include "dataplane/topology.h"
#include "tests/unit/plans.h"
#include "wire.h"

enum {
	BURST = 64,	 /* the default of lanes.burst ... */
	BURST_NS = 8000, /* ... at 8 M packets/s */
	SLABS = 16,
};

static char err[512];
static struct plan *plan;
static struct state *state;
static struct log *log_half;
static struct lane lane;
static struct core cores[2];
static struct rx_senders senders;
static struct slab slabs[SLABS];

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "hot_path: %s%s%s\n", what, err[0] ? ": " : "", err);
	exit(1);
}

static void *zeroed(size_t align, size_t bytes)
{
	void *p = aligned_alloc(align, (bytes + align - 1) / align * align);

	if (!p)
		die("no memory");
	memset(p, 0, bytes);
	return p;
}

static struct rte_ring *make_ring(void)
{
	struct rte_ring *ring = zeroed(64, (size_t)rte_ring_get_memsize(2 * SLABS));

	rte_ring_init(ring, "ring", 2 * SLABS, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return ring;
}

static void make_plan(const struct guard_case *guarded)
{
	char run_dir[64];
	bool fresh;

	snprintf(run_dir, sizeof(run_dir), "/tmp/weir-hot-path-%d", (int)getpid());
	plan = plan_new(run_dir, "/sink");
	plan->burst = BURST;
	guarded->add_streams(plan);
	plan->lanes[0].slab_bytes = plan_slab_bytes(plan->streams[0].batch_bytes);
	plan->lanes[0].slabs = SLABS;
	state = state_create(plan, 1000000000, &fresh);
	if (!state)
		die("no state block");
	state_unlink(run_dir);
}

/* What topology_make_lane() makes of EAL's memory. */
static void make_lane(const struct guard_case *guarded)
{
	struct rx_route *route = rx_route_create(plan, err, sizeof(err));
	uint32_t size = plan->lanes[0].slab_bytes;

	if (!route || (guarded->finish_route && guarded->finish_route(route) < 0))
		die("no route");
	lane.route = route;
	lane.burst = plan->burst;
	lane.linger_due_ns = UINT64_MAX;
	lane.state = state_lane(state, 0);
	lane.partitions = state_partition(state, 0, 0);
	lane.senders = &senders;
	lane.filled = make_ring();
	lane.free = make_ring();
	lane.log_core = &cores[1];
	lane.batches = zeroed(64, plan->streams_max * sizeof(*lane.batches));
	lane.open_slots = zeroed(64, plan->streams_max * sizeof(*lane.open_slots));
	lane.scratch = zeroed(64, LANE_SCRATCH);
	lane.hot_slabs = lane.slabs_count = SLABS;
	lane.queues[lane.queues_count++] =
		(struct lane_queue){.port = WIRE_PORT, .state = state_rx(state, 0, 0)};
	for (unsigned i = 0; i < SLABS; i++) {
		slabs[i] = (struct slab){.base = zeroed(SLAB_BLOCK, size),
					 .size_bytes = size,
					 .buf_index = UINT16_MAX};
		rte_ring_sp_enqueue(lane.free, &slabs[i]);
	}
}

static void pass_time(uint64_t ns)
{
	lane.now.mono_ns += ns;
	lane.now.real_ns += ns;
	lane.now_ms = (int64_t)(lane.now.real_ns / 1000000);
}

/* As core_loop.c does on one core. */
static void poll_log(void)
{
	struct slab *slab;

	while (rte_ring_sc_dequeue(lane.filled, (void **)&slab) == 0)
		log_submit(log_half, slab, lane.now.mono_ns);
	log_poll(log_half, plan, lane.now.mono_ns);
	while (log_take_free(log_half, &slab, 1) > 0)
		rte_ring_sp_enqueue(lane.free, slab);
}

static void settle(void)
{
	for (unsigned rounds = 0; rounds < 10 || !log_quiet(log_half); rounds++) {
		if (rounds == 10000 || log_failed(log_half, NULL))
			die("the log does not come to rest");
		pass_time(plan->sync_ns);
		poll_log();
	}
}

static void make_log(void)
{
	struct log_config config = {.plan = plan, .state = state, .core = 1};

	if (disk_sink_create(&config.disk) < 0 || log_create(&log_half, &config) < 0)
		die("no log");
	for (uint16_t slot = 0; slot < plan->streams_max && plan->streams[slot].used; slot++) {
		struct log_partition *p;

		if (log_partition_open(&p, log_half, 0, slot, &plan->streams[slot], err,
				       sizeof(err)) < 0)
			die("a partition does not open");
		log_add(log_half, p);
	}
	settle(); /* files made, their zeroing begun */
}

/* What is counted. A function of its own, to be found by its name. */
static __rte_noinline void drive(void)
{
	while (wire_left()) {
		pass_time(BURST_NS);
		lane_poll(&lane);
		poll_log();
	}
	rx_batch_close_all(&lane);
	poll_log();
}

/* All packets are in the ledger, and the log has sealed each event that the ledger calls stored. */
static void report(unsigned packets)
{
	uint64_t decoded = 0, stored = 0, sealed = 0, ledger = 0;
	struct state_rx_copy rx;

	settle();
	for (uint16_t slot = 0; slot < plan->streams_max; slot++) {
		const struct state_partition *p = &lane.partitions[slot];

		decoded += state_load(&p->events[EVENT_decoded]);
		stored += state_load(&p->events[EVENT_stored]);
		sealed += state_load(&p->durable_end);
	}
	if (!state_read_rx(state, 0, 0, &rx))
		die("the ledger cannot be read");
	for (unsigned row = 0; row < LEDGER_ROWS; row++)
		ledger += rx.ledger[row];
	if (rx.received != packets || ledger != packets || rx.received_bytes != wire_bytes())
		die("not all packets are in the ledger");
	if (decoded != stored || stored != sealed || wire_out() != 0)
		die("not all events are in the log, or not all mbufs went home");
	printf("packets %lu\nstored %lu\nevents %lu\nbatches %lu\nbytes %lu\n", rx.received,
	       rx.ledger[LEDGER_stored_none], sealed, state_load(&lane.state->batches),
	       rx.received_bytes);
}

static void report_compiler(void)
{
#ifdef __clang__
	printf("compiler clang %d\n", __clang_major__);
#else
	printf("compiler gcc %d\n", __GNUC__);
#endif
}

int main(int argc, char **argv)
{
	unsigned packets = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	const struct guard_case *guarded = packets ? guard_case_find(argv[1]) : NULL;

	if (!guarded) {
		fprintf(stderr, "usage: hot_path CASE CAPTURE PACKETS\n");
		return 2;
	}
	if (wire_open(argv[2], packets, err, sizeof(err)) < 0)
		die("no packets");
	make_plan(guarded);
	make_lane(guarded);
	lane.now.real_ns = UINT64_C(1700000000123456789);
	lane.now.mono_ns = 1000000000;
	make_log();
	drive();
	report(packets);
	report_compiler();
	return 0;
}
