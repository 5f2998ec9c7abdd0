/*
 * How far apart two cores are: the round trip of a cache line between them, in nanoseconds, printed
 * as one number. A hypervisor may move a virtual core to another L3 cache at any time; nothing in
 * the guest says so, but lines then take five times as long, and whatever two cores hand each other
 * is slower by as much. scripts/bench asks around each turn (docs/performance.md, "Near and far").
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_tool.h"

enum { ROUND_TRIPS = 50000 };

static _Alignas(128) _Atomic uint32_t turn;
static int cpu[2];

static void stay_on(int number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		die("cannot run on CPU %d", number);
}

static void *answer(void *unused)
{
	(void)unused;
	stay_on(cpu[1]);
	for (uint32_t i = 0; i < ROUND_TRIPS; i++) {
		while (atomic_load_explicit(&turn, memory_order_acquire) != 2 * i + 1)
			;
		atomic_store_explicit(&turn, 2 * i + 2, memory_order_release);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t other;

	if (argc != 3) {
		fputs("usage: core_distance CPU CPU\n", stderr);
		return 2;
	}
	cpu[0] = atoi(argv[1]);
	cpu[1] = atoi(argv[2]);
	stay_on(cpu[0]);
	if (cpu[0] == cpu[1] || pthread_create(&other, NULL, answer, NULL) != 0)
		die("needs two different CPUs");
	uint64_t from = now_ns();
	for (uint32_t i = 0; i < ROUND_TRIPS; i++) {
		atomic_store_explicit(&turn, 2 * i + 1, memory_order_release);
		while (atomic_load_explicit(&turn, memory_order_acquire) != 2 * i + 2)
			;
	}
	uint64_t to = now_ns();
	pthread_join(other, NULL);
	printf("%.0f\n", (double)(to - from) / ROUND_TRIPS);
	return 0;
}
