/*
 * A log core with its helper thread on the real disk, while main opens partitions, asks for
 * retention and reads what is published: for ThreadSanitizer. Also checks what a reader may rely
 * on: the published ends only grow, and durable never passes what was given.
 *
 *     log_threads [milliseconds]
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/log_testing.h"

static struct log_testing t;
static _Atomic int stop;
static char dir[] = "/tmp/weir-threads-XXXXXX";

static uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	const char *text = "";

	log_failed(t.log, &text);
	fprintf(stderr, "log_threads: %s %s %s\n", what, t.err, text);
	abort();
}

static void *log_core(void *arg)
{
	uint64_t seed = 0;

	while (!atomic_load(&stop)) {
		if (testing_submit(&t, seed, 20, 700, 1000 + (int64_t)(seed / 100)))
			seed += 20;
		if (testing_poll(&t, 1) == 0) {
			struct pollfd p = {.fd = t.disk->ops->wait_fd(t.disk), .events = POLLIN};
			poll(&p, 1, 1);
		}
		if (log_failed(t.log, NULL))
			die("failed");
	}
	return NULL;
}

static void watch(uint64_t *visible, uint64_t *durable, unsigned *retains)
{
	uint64_t v = atomic_load_explicit(&t.st->visible_end, memory_order_acquire);
	uint64_t d = atomic_load_explicit(&t.st->durable_end, memory_order_acquire);
	uint64_t end = state_load(&t.st->log_end);

	if (v < *visible || d < *durable || d > end || v > end)
		die("published ends");
	*visible = v;
	*durable = d;
	if (d > 4000 && log_retain(t.log, 0, 0, d - 4000) == 0)
		++*retains;
}

int main(int argc, char **argv)
{
	uint64_t until = mono_ns() + (argc > 1 ? strtoull(argv[1], NULL, 10) : 1500) * 1000000;
	uint64_t visible = 0, durable = 0;
	unsigned retains = 0, opened = 1;
	pthread_t thread;

	if (!mkdtemp(dir))
		return 1;
	t.real_time = true;
	t.plan = testing_plan(dir, 600 * 1000);
	t.plan->sync_ns = 1000000;
	t.state = testing_state(t.plan);
	struct disk_uring_config config = {.depth = 4, .probe_path = dir, .helper_cpu = -1};
	if (disk_uring_create(&t.disk, &config, t.err, sizeof(t.err)) < 0 || testing_open(&t) < 0)
		die("open");
	pthread_create(&thread, NULL, log_core, NULL);
	while (mono_ns() < until) {
		watch(&visible, &durable, &retains);
		/* Partitions come while others are written. */
		if (opened < 8 && rand() % 20 == 0) {
			struct log_partition *p;

			if (log_partition_open(&p, t.log, (uint16_t)opened++, 0,
					       &t.plan->streams[0], t.err, sizeof(t.err)) < 0)
				die("open another");
			log_add(t.log, p);
		}
		usleep(2000);
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	uint64_t end = state_load(&t.st->log_end);
	if (testing_close(&t) != 0)
		die("close");
	if (state_load(&t.st->durable_end) != end)
		die("not all durable after the stop");
	disk_uring_destroy(t.disk);
	free(t.plan);
	free(t.state);
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0 || end == 0 || opened < 3)
		return 1;
	printf("%lu records, %u partitions, %u retentions\n", end, opened, retains);
	return 0;
}
