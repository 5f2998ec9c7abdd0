/*
 * Slabs from a polling core to its log core and back, over the two rings, while the log core falls
 * asleep as often as it can: no slab is lost, none comes twice or out of order, and none waits for
 * the heartbeat of a sleeper that should have been woken.
 *
 *     stress_rings [slabs]
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/core_loop.h"

enum { SLABS = 7, BYTES = 256, HEARTBEAT_MS = 100, SECONDS_MAX = 20 };

struct parcel {
	struct slab slab;
	uint64_t number; /* written before the hand-off, read after it */
	uint8_t bytes[BYTES];
};

static struct topology topology;
static struct core core;
static struct lane lane;
static struct parcel parcels[SLABS];
static uint64_t total = 300000, sleeps, lost_wakes, received;
static int failed;

/* The polling core has told of this slab, at that time. */
static _Atomic uint64_t told_number, told_ns;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void fail(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "stress_rings: %s: %llu, %llu\n", what, (unsigned long long)a,
		(unsigned long long)b);
	failed = 1;
}

/* Time that this thread has waited for a processor: on a busy machine that is no sleep. */
static uint64_t run_delay_ns(void)
{
	char text[128];
	unsigned long long ran, waited = 0;
	static int fd = -1;

	if (fd < 0)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	if (n > 0) {
		text[n] = '\0';
		sscanf(text, "%llu %llu", &ran, &waited);
	}
	return waited;
}

static struct rte_ring *make_ring(const char *name)
{
	struct rte_ring *ring =
		aligned_alloc(128, ((size_t)rte_ring_get_memsize(8) + 127) / 128 * 128);

	if (!ring || rte_ring_init(ring, name, 8, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
		exit(1);
	return ring;
}

/* The polling core: as rx_batch.c takes and gives slabs. Pauses of all lengths, so that the other
 * side is met before, in and after each step of falling asleep. */
static void *polling_core(void *arg)
{
	unsigned seed = 1;
	uint64_t end = now_ns() + SECONDS_MAX * UINT64_C(1000000000);

	for (uint64_t n = 0; n < total;) {
		struct parcel *p;

		if (n % 1024 == 0 && now_ns() > end)
			break; /* a slow machine: what was done counts */
		if (rte_ring_sc_dequeue(lane.free, (void **)&p) != 0) {
			sched_yield();
			continue;
		}
		p->number = n++;
		memset(p->bytes, (int)(p->number & 0xff), BYTES);
		if (rte_ring_sp_enqueue(lane.filled, p) != 0)
			fail("the ring of filled slabs is full", n, 0);
		topology_wake_log(&lane);
		told_ns = now_ns();
		told_number = n - 1;
		unsigned pause = (unsigned)rand_r(&seed) % 64;
		if (pause == 0) {
			struct timespec ts = {.tv_nsec = rand_r(&seed) % 200000};
			nanosleep(&ts, NULL);
		}
		for (volatile unsigned i = 0; pause < 40 && i < pause * 20; i++)
			;
	}
	/* The last one says so. */
	struct parcel *p;
	while (rte_ring_sc_dequeue(lane.free, (void **)&p) != 0)
		sched_yield();
	p->number = UINT64_MAX;
	rte_ring_sp_enqueue(lane.filled, p);
	topology_wake_log(&lane);
	return arg;
}

/* False: the last one. */
static bool take(struct parcel *p)
{
	if (p->number == UINT64_MAX)
		return false;
	if (p->number != received)
		fail("order", p->number, received);
	for (unsigned i = 0; i < BYTES; i++)
		if (p->bytes[i] != (uint8_t)p->number)
			fail("contents", p->number, p->bytes[i]);
	received++;
	if (rte_ring_sp_enqueue(lane.free, p) != 0)
		fail("the ring of free slabs is full", received, 0);
	return true;
}

/* The whole heartbeat went by with a slab there, long after its sender was done with it. */
static bool slept_on(const struct parcel *p, uint64_t slept_ns)
{
	return slept_ns > (HEARTBEAT_MS - 5) * UINT64_C(1000000) && told_number >= p->number &&
	       now_ns() - told_ns > HEARTBEAT_MS / 2 * UINT64_C(1000000);
}

static void *log_core(void *arg)
{
	unsigned empty = 0;
	uint64_t slept_ns = 0;
	struct parcel *p;

	rte_rcu_qsbr_thread_register(topology.rcu, 0);
	rte_rcu_qsbr_thread_online(topology.rcu, 0);
	for (;;) {
		if (rte_ring_sc_dequeue(lane.filled, (void **)&p) != 0) {
			slept_ns = 0;
			if (++empty > 3) {
				uint64_t before = now_ns(), waited = run_delay_ns();

				core_wait(&core, 0);
				waited = run_delay_ns() - waited;
				slept_ns = now_ns() - before;
				slept_ns -= waited < slept_ns ? waited : slept_ns;
				sleeps++;
			}
			continue;
		}
		empty = 0;
		if (p->number != UINT64_MAX && slept_on(p, slept_ns))
			lost_wakes++;
		slept_ns = 0;
		if (!take(p))
			break;
	}
	rte_rcu_qsbr_thread_offline(topology.rcu, 0);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	if (argc > 1)
		total = strtoull(argv[1], NULL, 10);
	topology.rcu = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(1) + 63) / 64 * 64);
	if (!topology.rcu || rte_rcu_qsbr_init(topology.rcu, 1) != 0)
		return 1;
	core.topology = &topology;
	core.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	core.log_lanes[core.log_count++] = &lane;
	lane.log_core = &core;
	lane.filled = make_ring("filled");
	lane.free = make_ring("free");
	for (unsigned i = 0; i < SLABS; i++)
		rte_ring_sp_enqueue(lane.free, &parcels[i]);
	pthread_create(&a, NULL, log_core, NULL);
	pthread_create(&b, NULL, polling_core, NULL);
	pthread_join(b, NULL);
	pthread_join(a, NULL);
	if (rte_ring_count(lane.free) != SLABS - 1 || !rte_ring_empty(lane.filled))
		fail("slabs are missing", rte_ring_count(lane.free), rte_ring_count(lane.filled));
	/* A virtual machine that is stopped for so long looks the same, once or twice. */
	if (lost_wakes > 2)
		fail("wake-ups lost, of so many sleeps", lost_wakes, sleeps);
	if (sleeps < 100)
		fail("the log core hardly slept: the test shows nothing", sleeps, received);
	printf("stress_rings: %llu slabs, %llu sleeps%s\n", (unsigned long long)received,
	       (unsigned long long)sleeps, failed ? ": FAILED" : "");
	free(lane.filled);
	free(lane.free);
	free(topology.rcu);
	return failed;
}
