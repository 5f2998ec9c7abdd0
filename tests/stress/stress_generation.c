/*
 * Reloads against running cores: the real topology, a port that is a ring, packets all the while.
 * An old plan is made unreadable the moment topology_reload() gives it back, so whoever still looks
 * at it dies; a reader copies the ledger meanwhile; at the end nothing may be missing.
 *
 *     stress_generation [reloads]
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include "dataplane/clock.h"
#include "dataplane/topology.h"
#include "tests/unit/frames.h"
#include "tests/unit/plans.h"

enum { STREAMS = 4, SECONDS_MAX = 20 };

static struct plan *first; /* to make the others of */
static struct state *state;
static struct topology *topology;
static struct rte_mempool *pool;
static _Atomic int stop_sending, stop_reading;
static uint64_t sent, copies, bad;
static char err[512];

static int give_up(const char *what)
{
	fprintf(stderr, "stress_generation: %s: %s\n", what, err);
	return 1;
}

/* A plan in memory of its own: pages can be taken away. */
static struct plan *plan_pages(void)
{
	void *p = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Streams come and go, change their order, linger and batches; one is a filter now and then. */
static struct plan *next_plan(uint64_t generation)
{
	struct plan *p = plan_pages();

	if (!p)
		return NULL;
	memcpy(p, first, sizeof(*p));
	p->generation = generation;
	p->burst = (uint16_t)(1 + generation * 7 % 64);
	p->idle = generation % 3 ? PLAN_IDLE_ADAPTIVE : PLAN_IDLE_SPIN;
	p->sync_ns = generation % 5 * 1000000;
	for (unsigned i = 0; i < STREAMS; i++) {
		struct plan_stream *s = &p->streams[i];

		s->order = (uint16_t)((i + generation) % STREAMS);
		s->linger_ns = generation * (i + 1) % 7 * 300000;
		s->batch_bytes = generation % 2 ? 64 << 10 : 4096;
		s->used = i == 0 || (generation + i) % 4 != 0;
		s->headers = (uint8_t)(generation % 16);
	}
	if (generation % 2) { /* ret #65535: takes everything that comes so far */
		struct plan_stream *s = &p->streams[STREAMS - 1];

		s->listens = 0;
		s->filter_insns = p->filter_insns_count = 1;
		p->filter_insns[0] = (struct plan_insn){.code = 0x06, .k = 65535};
	}
	return p;
}

/*
 * ThreadSanitizer does not see how DPDK's driver hands packets from thread to thread. There, the
 * hand-over is said a second time: what is sent before it is taken (a callback in the polling
 * core), what is accounted before its memory is used again.
 */
static _Atomic uint64_t handed_over;

static void hand_over(void)
{
#ifdef __SANITIZE_THREAD__
	const struct state_rx *rx = state_rx(state, 0, 0);

	while (state_load(&rx->received) != sent && !stop_sending)
		sched_yield();
	atomic_load_explicit((state_u64 *)(uintptr_t)&rx->seq, memory_order_acquire);
#endif
}

static uint16_t taken_over(uint16_t port, uint16_t queue, struct rte_mbuf **m, uint16_t n,
			   uint16_t max, void *arg)
{
	atomic_load_explicit(&handed_over, memory_order_acquire);
	return n;
}

static void *sender(void *arg)
{
	static uint8_t frame[FRAME_MAX];
	uint16_t port = topology->ports[0].id;
	unsigned seed = 1;

	while (!stop_sending) {
		struct frame_spec s = frame_default(0);

		hand_over();
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (!m) {
			sched_yield();
			continue;
		}
		s.src_port = (uint16_t)rand_r(&seed);
		s.dst_port = (uint16_t)(1000 + (unsigned)rand_r(&seed) % STREAMS);
		s.payload_len = (uint32_t)rand_r(&seed) % 200;
		frame_make(frame, &s);
		memcpy(rte_pktmbuf_append(m, (uint16_t)s.len), frame, s.len);
		atomic_fetch_add_explicit(&handed_over, 1, memory_order_release);
		while (rte_eth_tx_burst(port, 0, &m, 1) == 0)
			sched_yield();
		sent++;
		if (rand_r(&seed) % 2000 == 0) { /* let the cores fall asleep */
			struct timespec ts = {.tv_nsec = 3000000};
			nanosleep(&ts, NULL);
		}
	}
	return arg;
}

static void *reader(void *arg)
{
	struct state_rx_copy c;

	while (!stop_reading) {
		uint64_t sum = 0;

		if (!state_read_rx(state, 0, 0, &c))
			continue;
		for (unsigned row = 0; row < LEDGER_ROWS; row++)
			sum += c.ledger[row];
		bad += sum != c.received;
		copies++;
		sched_yield();
	}
	return arg;
}

static int start_eal(void)
{
	static char args[][32] = {"stress",
				  "--no-huge",
				  "--no-shconf",
				  "--no-pci",
				  "--no-telemetry",
				  "--log-level=*:4",
				  "-m",
				  "64",
				  "--lcores=0@0,1@0,2@0"};
	char *argv[10] = {NULL};

	/* A thread of its own for each core, on any processor. */
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		strcpy(args[8], "--lcores=0@(0,1),1@0,2@1");
	for (int i = 0; i < 9; i++)
		argv[i] = args[i];
	return rte_eal_init(9, argv) < 0 ? give_up("EAL does not start") : 0;
}

static int make(void)
{
	char run_dir[64], storage[80];
	bool fresh;

	snprintf(run_dir, sizeof(run_dir), "/tmp/stress-generation-%d", getpid());
	snprintf(storage, sizeof(storage), "%s.data", run_dir);
	first = plan_new(run_dir, storage);
	first->sink = 1;
	strcpy(first->ports[0].device, "net_ring0");
	for (unsigned i = 0; i < STREAMS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "s%u", i);
		plan_listen(plan_add_stream(first, name), (uint16_t)(1000 + i),
			    (uint16_t)(1000 + i));
	}
	clock_init();
	state = state_create(first, clock_tsc_hz(), &fresh);
	if (!state)
		return give_up("no state block");
	state_unlink(run_dir);
	pool = rte_pktmbuf_pool_create("sender", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	struct plan *p = next_plan(1);
	if (!pool || !p || topology_create(&topology, p, state, err, sizeof(err)) < 0)
		return give_up("no topology");
	if (!rte_eth_add_rx_callback(topology->ports[0].id, 0, taken_over, NULL))
		return give_up("no callback");
	return topology_start(topology, err, sizeof(err)) < 0 ? give_up("no start") : 0;
}

static int reload(uint64_t generation)
{
	struct plan *next = next_plan(generation);
	const struct plan *old;

	if (!next || topology_reload(topology, next, &old, err, sizeof(err)) < 0)
		return give_up("reload");
	/* munmap would let the address be used again. */
	mprotect((void *)(uintptr_t)old, sizeof(*old), PROT_NONE);
	if (state_load(&state_lane(state, 0)->plan_generation) > generation)
		return give_up("a generation from nowhere");
	return 0;
}

static int check(void)
{
	struct state_rx_copy c;
	uint64_t packets = 0, shed = 0, stored = 0, ends = 0;

	state_read_rx(state, 0, 0, &c);
	for (unsigned slot = 0; slot < STREAMS; slot++) {
		const struct state_partition *p = state_partition(state, 0, slot);

		packets += state_load(&p->packets_stored);
		shed += state_load(&p->packets_shed);
		stored += state_load(&p->events[EVENT_stored]);
		ends += state_load(&p->log_end);
	}
	printf("stress_generation: %" PRIu64 " packets, %" PRIu64 " stored, %" PRIu64
	       " unrouted, %" PRIu64 " shed; %" PRIu64 " copies, %" PRIu64 " bad\n",
	       sent, packets, c.ledger[LEDGER_unrouted_none], shed, copies, bad);
	return c.received != sent || packets != c.ledger[LEDGER_stored_none] ||
	       packets + shed + c.ledger[LEDGER_unrouted_none] != sent || stored != packets ||
	       ends != stored || bad || packets < 1000 || copies < 100;
}

int main(int argc, char **argv)
{
	unsigned reloads = argc > 1 ? (unsigned)atoi(argv[1]) : 2000, done = 0;
	struct timespec begin, now;
	pthread_t s, r;

	if (start_eal() || make())
		return 1;
	pthread_create(&r, NULL, reader, NULL);
	pthread_create(&s, NULL, sender, NULL);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint64_t generation = 2; done < reloads; generation++, done++) {
		if (reload(generation))
			return 1;
		clock_discipline();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - begin.tv_sec > SECONDS_MAX)
			break; /* a slow machine: what was done counts */
	}
	stop_sending = 1;
	pthread_join(s, NULL);
	int failed = !topology_stop(topology, true, 20000);
	stop_reading = 1;
	pthread_join(r, NULL);
	printf("stress_generation: %u reloads%s\n", done, failed ? ", not stopped in time" : "");
	failed |= check();
#ifndef __SANITIZE_THREAD__ /* it does not see DPDK join the cores' threads either */
	topology_destroy(topology);
	state_close(state);
	rte_eal_cleanup();
#endif
	return failed;
}
