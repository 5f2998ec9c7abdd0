/* What a job of the disk's thread waited, and what it did not. */
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "gateway/disk_thread.h"
#include "gateway_testing.h"

enum { MUCH_US = 4 * LIMIT_DISK_US };

static struct disk_thread *disk;

static void setup(void)
{
	cr_assert_eq(disk_thread_create(&disk), 0);
}

static void teardown(void)
{
	disk_thread_destroy(disk);
}

TestSuite(gateway_disk, .init = setup, .fini = teardown);

static uint64_t computed_us(void)
{
	return disk_wait_begin().computed_us;
}

static void compute_for(uint64_t us)
{
	uint64_t until = computed_us() + us;

	while (computed_us() < until)
		;
}

static void compute(struct disk_job *job)
{
	struct disk_wait since = disk_wait_begin();

	compute_for(MUCH_US);
	disk_job_waited(job, &since);
}

static void compute_and_wait(struct disk_job *job)
{
	struct disk_wait since = disk_wait_begin();

	compute_for(MUCH_US);
	usleep(MUCH_US);
	disk_job_waited(job, &since);
}

static void given_back(struct disk_job *job)
{
	(void)job;
}

/* Has the thread do it, and gives how long it waited. */
static uint64_t waited_us(void (*work)(struct disk_job *job))
{
	struct disk_job job = {.work = work, .give_back = given_back};
	struct pollfd done = {.fd = disk_thread_fd(disk), .events = POLLIN};

	disk_thread_ask(disk, &job);
	cr_assert_eq(poll(&done, 1, 10000), 1);
	cr_assert_eq(disk_thread_take_done(disk), &job);
	return job.longest_us;
}

/* A look-up through much that lies in memory says nothing about the disk. */
Test(gateway_disk, what_computes_does_not_make_the_disk_slow)
{
	struct disk_patience patience = {.left_us = LIMIT_DISK_US};

	disk_patience_judge(&patience, waited_us(compute));
	cr_assert(disk_patience_is_left(&patience));
	disk_patience_judge(&patience, waited_us(compute_and_wait));
	cr_assert(!disk_patience_is_left(&patience));
}

Test(gateway_disk, only_what_was_waited_counts)
{
	uint64_t us = waited_us(compute_and_wait);

	cr_assert_geq(us, MUCH_US / 2);
	/* Beside others on a busy machine, but not with what it computed in any case. */
	cr_assert_lt(waited_us(compute), LIMIT_DISK_US);
}

/* Both threads on one core, where another takes half of it. */
Test(gateway_disk, a_shared_core_is_not_the_disk)
{
	struct disk_job job = {.work = compute, .give_back = given_back};
	struct pollfd done = {.fd = disk_thread_fd(disk), .events = POLLIN};
	cpu_set_t one;

	disk_thread_destroy(disk);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	cr_assert_eq(disk_thread_create(&disk), 0);
	done.fd = disk_thread_fd(disk);
	disk_thread_ask(disk, &job);
	while (poll(&done, 1, 0) == 0)
		compute_for(1000);
	cr_assert_eq(disk_thread_take_done(disk), &job);
	cr_assert_lt(job.longest_us, LIMIT_DISK_US);
}
