/*
 * The gateway's disk thread: pieces to be read, lookups and jobs of the test's own, asked for and
 * taken back in any order of the two, some of which nobody waits for any more, until it is ended in
 * the middle of them. Each comes back once, in its order, done or not begun, and no descriptor is
 * left.
 *
 *     stress_disk_thread [rounds]
 */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gateway/disk_lookup.h"
#include "gateway/prefetch.h"
#include "tests/unit/log_build.h"

enum { JOBS = 400, PENDING_MAX = 40, SECONDS_MAX = 20, RECORDS = 4000, TS = 1000 };

/* A job of the test's own. */
struct parcel {
	struct disk_job job;
	uint64_t question, answer; /* by either thread, as the job is its own */
};

static struct catalog catalog;
static struct partition *partition;
static struct disk_thread *disk;
static struct segment_file *file;
static struct disk_lookup *lookup;
static uint64_t asked, given_back, next_back, not_begun, answers;
static unsigned seed = 1;
static int failed;

static void fail(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "stress_disk_thread: %s: %llu, %llu\n", what, (unsigned long long)a,
		(unsigned long long)b);
	failed = 1;
}

static unsigned chance(unsigned of)
{
	return (unsigned)rand_r(&seed) % of;
}

/* In the other thread; now and then with something to read ahead. */
static void parcel_work(struct disk_job *job)
{
	struct parcel *p = (struct parcel *)job;

	p->answer = p->question * 3 + 1;
	if (p->question % 5 == 0)
		job->ahead = (struct disk_ahead){
			.fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0), .at = 0, .end = 1 << 20};
}

static void parcel_back(struct disk_job *job)
{
	struct parcel *p = (struct parcel *)job;

	given_back++;
	if (p->question != next_back)
		fail("out of order", p->question, next_back);
	next_back = p->question + 1;
	not_begun += p->answer == 0;
	if (p->answer && p->answer != p->question * 3 + 1)
		fail("a wrong answer", p->question, p->answer);
	free(p);
}

static void ask_parcel(void)
{
	struct parcel *p = calloc(1, sizeof(*p));

	p->job.work = parcel_work;
	p->job.give_back = parcel_back;
	p->question = asked++;
	disk_thread_ask(disk, &p->job);
}

static void ask_lookup(void)
{
	struct disk_question question = {.kind = chance(2) ? DISK_BATCHES : DISK_TIME,
					 .partition = partition,
					 .timestamp_ms = chance(3) ? TS : TIME_LARGEST,
					 .view = {.end = RECORDS},
					 .want = {.offset = chance(RECORDS), .max_bytes = 1 << 16}};

	if (lookup) {
		/* In time or not. */
		answers += lookup->done;
		for (uint32_t i = 0; lookup->done && i < lookup->count; i++)
			if (disk_lookup_result(lookup, i)->rc < 0)
				fail("a lookup", i, (uint64_t)-disk_lookup_result(lookup, i)->rc);
		disk_lookup_put(lookup);
		lookup = NULL;
	}
	for (question.nth = 0; question.nth <= chance(4); question.nth++)
		if (!disk_lookup_add(&lookup, &catalog, &question))
			fail("no lookup", question.nth, 0);
	disk_lookup_ask(lookup, disk);
}

static void take_done(int wait_ms)
{
	struct pollfd done = {.fd = disk_thread_fd(disk), .events = POLLIN};
	struct disk_job *job;

	if (poll(&done, 1, wait_ms) <= 0)
		return;
	while ((job = disk_thread_take_done(disk)))
		job->give_back(job);
}

static void one_round(void)
{
	if (disk_thread_create(&disk) < 0) {
		fail("no thread", 0, 0);
		return;
	}
	for (unsigned i = 0; i < JOBS; i++) {
		while (asked - given_back > PENDING_MAX)
			take_done(100);
		switch (chance(8)) {
		case 0:
			ask_lookup();
			break;
		case 1:
			if (!prefetch_ask(disk, NULL, file, chance(4096), 1 + chance(1 << 20)))
				fail("no memory", 0, 0);
			break;
		case 2:
			take_done((int)chance(3));
			break;
		default:
			ask_parcel();
		}
	}
	/* To the end, or not. */
	while (chance(2) && given_back < asked)
		take_done(1);
	disk_lookup_put(lookup);
	lookup = NULL;
	disk_thread_destroy(disk);
	if (given_back != asked)
		fail("jobs, and those that came back", asked, given_back);
	if (file->refs != 1)
		fail("holds of the file", file->refs, 1);
}

static unsigned descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static int make(char *dir)
{
	static struct build b;

	build_dir(dir);
	for (uint64_t at = 0; at < RECORDS; at += 10)
		build_batch(&b, at, 10, TS + (int64_t)at);
	build_segment(dir, "s-0", 0, &b);
	if (catalog_open(&catalog, NULL, dir) < 0)
		return -1;
	partition = catalog_partition(catalog_topic(&catalog, (struct wire_string){"s", 1}), 0);
	return partition ? segment_file_get(&partition->files, 0, &file) : -1;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 60, done = 0;
	time_t begin = time(NULL);
	char dir[64];

	if (make(dir) < 0)
		return 1;
	one_round(); /* what is opened once and kept */
	unsigned before = descriptors();
	for (; done < rounds && !failed && time(NULL) - begin < SECONDS_MAX; done++)
		one_round();
	if (descriptors() != before)
		fail("descriptors", descriptors(), before);
	if (catalog.lookups)
		fail("lookups that are left", catalog.lookups, 0);
	printf("stress_disk_thread: %u rounds, %llu jobs, %llu not begun, %llu lookups in time\n",
	       done, (unsigned long long)asked, (unsigned long long)not_begun,
	       (unsigned long long)answers);
	if (!answers || !not_begun)
		fail("nothing was done of a kind", answers, not_begun);
	segment_file_put(file);
	catalog_close(&catalog);
	build_remove(dir);
	return failed;
}
