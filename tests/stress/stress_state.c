/*
 * One lane that accounts its bursts, readers that copy its ledger: every copy that is called
 * consistent balances, and counters never go back. The writer does what account() of rx_lane.c
 * does.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/api/state.h"

enum { READERS = 2, MILLISECONDS = 3000 };

static struct state *state;
static _Atomic int stop;

static void account(struct state_rx *rx, unsigned n, const uint32_t *rows)
{
	state_add(&rx->begun, n);
	uint64_t seq = state_load(&rx->seq);
	state_store(&rx->seq, seq + 1);
	atomic_thread_fence(memory_order_release);
	state_add(&rx->received, n);
	state_add(&rx->received_bytes, n * UINT64_C(100));
	for (unsigned row = 0; row < LEDGER_ROWS; row++)
		if (rows[row])
			state_add(&rx->ledger[row], rows[row]);
	atomic_store_explicit(&rx->seq, seq + 2, memory_order_release);
}

static void *writer(void *arg)
{
	struct state_rx *rx = state_rx(state, 0, 0);
	unsigned seed = 1;

	for (unsigned burst = 0; !stop; burst++) {
		uint32_t rows[LEDGER_ROWS] = {0};
		unsigned n = 1 + (unsigned)rand_r(&seed) % 64;

		for (unsigned i = 0; i < n; i++)
			rows[rand_r(&seed) % LEDGER_ROWS]++;
		account(rx, n, rows);
		if (burst % 64 == 0) /* a lane does other things meanwhile */
			sched_yield();
	}
	return arg;
}

struct reader {
	pthread_t thread;
	uint64_t copies, bad;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	struct state_rx_copy c, last = {0};

	while (!stop) {
		uint64_t sum = 0;

		if (!state_read_rx(state, 0, 0, &c))
			continue;
		for (unsigned row = 0; row < LEDGER_ROWS; row++) {
			sum += c.ledger[row];
			r->bad += c.ledger[row] < last.ledger[row];
		}
		r->bad += sum != c.received || c.received_bytes != 100 * c.received;
		r->copies++;
		last = c;
	}
	return NULL;
}

int main(void)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	struct reader readers[READERS] = {0};
	struct timespec ms = {.tv_nsec = 1000000};
	pthread_t w;
	bool fresh;
	int failed = 0;

	snprintf(plan->run_dir, sizeof(plan->run_dir), "/tmp/stress-state-%d", getpid());
	plan->ports_count = plan->lanes_count = plan->cores_count = plan->streams_max = 1;
	state = state_create(plan, 1, &fresh);
	if (!state)
		return 1;
	pthread_create(&w, NULL, writer, NULL);
	for (int i = 0; i < READERS; i++)
		pthread_create(&readers[i].thread, NULL, read_on, &readers[i]);
	for (int i = 0; i < MILLISECONDS; i++)
		nanosleep(&ms, NULL);
	stop = 1;
	pthread_join(w, NULL);
	for (int i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		printf("stress_state: reader %d: %llu copies, %llu bad\n", i,
		       (unsigned long long)readers[i].copies, (unsigned long long)readers[i].bad);
		failed |= readers[i].bad != 0 || readers[i].copies < 100;
	}
	state_unlink(plan->run_dir);
	state_close(state);
	free(plan);
	return failed;
}
