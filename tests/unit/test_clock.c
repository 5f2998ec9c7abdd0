/*
 * The clock against the kernel's. clock_gettime() is taken over here so that the kernel's clocks
 * can be made to run fast or slow and to be set: nobody may do that to a real machine in a test.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dataplane/clock.h"

#define MS UINT64_C(1000000)

static _Atomic int faked;
static double rate = 1.0;	  /* of the faked clocks against the true one */
static uint64_t true_at, fake_at; /* where that rate began */
static int64_t real_offset;

static uint64_t true_ns(clockid_t id)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t kernel_mono(void)
{
	uint64_t now = true_ns(CLOCK_MONOTONIC);

	return faked ? fake_at + (uint64_t)((double)(now - true_at) * rate) : now;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ns = faked && (id == CLOCK_MONOTONIC || id == CLOCK_REALTIME)
			      ? kernel_mono() + (uint64_t)(id == CLOCK_REALTIME ? real_offset : 0)
			      : true_ns(id);

	ts->tv_sec = (time_t)(ns / 1000000000);
	ts->tv_nsec = (long)(ns % 1000000000);
	return 0;
}

static void set_rate(double r)
{
	uint64_t fake = kernel_mono();

	true_at = true_ns(CLOCK_MONOTONIC);
	fake_at = fake;
	rate = r;
	faked = 1;
}

static void sleep_ms(unsigned ms)
{
	struct timespec ts = {.tv_nsec = (long)ms * 1000000};

	nanosleep(&ts, NULL);
}

/* Reads the clock all the while and asserts that it never goes back. */
static struct clock_now last;

static void run(unsigned ms, unsigned discipline_each_ms)
{
	uint64_t start = true_ns(CLOCK_MONOTONIC), next = start;
	uint64_t end = start + ms * MS;

	for (;;) {
		uint64_t now = true_ns(CLOCK_MONOTONIC);

		if (now >= end)
			return;
		if (discipline_each_ms && now >= next) {
			clock_discipline();
			next = now + discipline_each_ms * MS;
		}
		struct clock_now c = clock_at(rte_rdtsc());
		cr_assert_geq(c.mono_ns, last.mono_ns, "mono back by %llu ns",
			      (unsigned long long)(last.mono_ns - c.mono_ns));
		cr_assert_geq(c.real_ns, last.real_ns, "real back by %llu ns",
			      (unsigned long long)(last.real_ns - c.real_ns));
		last = c;
	}
}

/* The least distance over some tries: a preemption between two looks is not the clock's fault. */
static double off_by_us(clockid_t id)
{
	double best = 1e18;

	for (int i = 0; i < 2000; i++) {
		struct timespec ts;
		struct clock_now c = clock_at(rte_rdtsc());

		clock_gettime(id, &ts);
		double kernel = (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
		double ours = (double)(id == CLOCK_REALTIME ? c.real_ns : c.mono_ns);
		double off = (kernel > ours ? kernel - ours : ours - kernel) / 1000;
		best = off < best ? off : best;
	}
	return best;
}

Test(clock, frequency)
{
	clock_init();
	uint64_t t = rte_rdtsc(), ns = true_ns(CLOCK_MONOTONIC);
	sleep_ms(200);
	double hz = (double)(rte_rdtsc() - t) * 1e9 / (double)(true_ns(CLOCK_MONOTONIC) - ns);
	cr_expect_lt(clock_tsc_hz() / hz, 1.05);
	cr_expect_gt(clock_tsc_hz() / hz, 0.95);
}

Test(clock, is_close_to_the_kernels)
{
	clock_init();
	run(600, 100);
	clock_discipline();
	cr_expect_lt(off_by_us(CLOCK_MONOTONIC), 200);
	cr_expect_lt(off_by_us(CLOCK_REALTIME), 200);
}

Test(clock, never_steps_back_while_disciplined)
{
	clock_init();
	run(1500, 11);
}

static void *reader(void *arg)
{
	_Atomic int *stop = arg;
	struct clock_now before = {0};
	uintptr_t bad = 0;

	while (!*stop) {
		uint64_t tsc = rte_rdtsc();
		struct clock_now c = clock_at(tsc);

		if (rte_rdtsc() - tsc > clock_tsc_hz() / 200)
			continue; /* preempted for so long that the count was no recent one */
		bad += c.mono_ns < before.mono_ns || c.real_ns < before.real_ns;
		before = c;
	}
	return (void *)bad;
}

Test(clock, other_threads_see_no_step_back)
{
	static _Atomic int stop;
	pthread_t threads[2];

	clock_init();
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, reader, &stop);
	for (int i = 0; i < 60; i++) {
		sleep_ms(12);
		clock_discipline();
	}
	stop = 1;
	for (int i = 0; i < 2; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		cr_expect_eq((uintptr_t)bad, 0, "%zu steps back", (size_t)(uintptr_t)bad);
	}
}

Test(clock, follows_a_kernel_clock_that_runs_fast)
{
	real_offset = (int64_t)(UINT64_C(1700000000000) * MS);
	set_rate(1.0);
	clock_init();
	set_rate(1.1);
	run(800, 50);
	clock_discipline();
	cr_expect_lt(off_by_us(CLOCK_MONOTONIC), 1000);
	cr_expect_lt(off_by_us(CLOCK_REALTIME), 1000);
}

Test(clock, waits_for_a_kernel_clock_that_runs_slow)
{
	real_offset = (int64_t)(UINT64_C(1700000000000) * MS);
	set_rate(1.1);
	clock_init();
	set_rate(0.9);
	run(1000, 50);
	clock_discipline();
	cr_expect_lt(off_by_us(CLOCK_MONOTONIC), 5000);
	cr_expect_lt(off_by_us(CLOCK_REALTIME), 5000);
}

/* Far ahead after a long time alone: further than the kernel's clock goes between two looks. */
Test(clock, recovers_from_being_far_ahead)
{
	real_offset = (int64_t)(UINT64_C(1700000000000) * MS);
	set_rate(1.5);
	clock_init();
	set_rate(1.0);
	run(300, 0); /* 150 ms ahead */
	run(1500, 20);
	clock_discipline();
	cr_expect_lt(off_by_us(CLOCK_MONOTONIC), 5000);
	cr_expect_lt(off_by_us(CLOCK_REALTIME), 5000);
	run(200, 0);
}

Test(clock, the_system_clock_is_set)
{
	static const int64_t steps[] = {3600, -7200, 1};

	real_offset = (int64_t)(UINT64_C(1700000000000) * MS);
	set_rate(1.0);
	clock_init();
	for (unsigned i = 0; i < 3; i++) {
		run(100, 20);
		real_offset += steps[i] * 1000 * (int64_t)MS;
		sleep_ms(12);
		clock_discipline();
		cr_expect_lt(off_by_us(CLOCK_REALTIME), 1000);
		cr_expect_lt(off_by_us(CLOCK_MONOTONIC), 1000);
		last.real_ns = 0; /* that step is the administrator's */
	}
	run(100, 20);
}

/* A count that was taken just before the parameters were renewed. */
Test(clock, a_count_of_the_recent_past)
{
	clock_init();
	for (int i = 0; i < 20; i++) {
		sleep_ms(12);
		uint64_t tsc = rte_rdtsc();
		struct clock_now before = clock_at(tsc);
		clock_discipline();
		struct clock_now after = clock_at(tsc);
		uint64_t off = after.mono_ns > before.mono_ns ? after.mono_ns - before.mono_ns
							      : before.mono_ns - after.mono_ns;
		cr_expect_lt(off, MS);
	}
}
