/* Which segments may go: on real directories, against a simple model. */
#include <criterion/criterion.h>
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/retention.h"

#define SECOND	UINT64_C(1000000000)
#define NOW	(UINT64_C(1700000000) * SECOND)
#define NO_FILE UINT64_MAX

static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/weir-test-retention-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void clear(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/*", dir);
	cr_assert_eq(system(command), 0);
}

static void teardown(void)
{
	clear();
	rmdir(dir);
}

TestSuite(retention, .init = setup, .fini = teardown, .timeout = 60);

/* A segment whose newest record is of newest_ns; by .timeindex, or without one (the .log's mtime).
 */
static void segment(uint64_t base, uint64_t bytes, uint64_t newest_ns, bool timeindex)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%020" PRIu64 ".log", dir, base);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0640);
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
				    {.tv_sec = (time_t)((timeindex ? NOW : newest_ns) / SECOND)}};
	futimens(fd, times);
	close(fd);
	if (!timeindex)
		return;
	snprintf(path, sizeof(path), "%s/%020" PRIu64 ".timeindex", dir, base);
	FILE *out = fopen(path, "w");
	for (int i = 0; i < 2; i++) {
		uint64_t ms = htobe64((newest_ns - (i ? 0 : SECOND)) / 1000000);
		uint32_t relative = htobe32((uint32_t)i);
		fwrite(&ms, sizeof(ms), 1, out);
		fwrite(&relative, sizeof(relative), 1, out);
	}
	fclose(out);
}

static uint64_t log_bytes; /* what the log says it holds in all; 0: it does not */

static struct retention_verdict judge(uint64_t active_base, uint64_t active_bytes, uint64_t bytes,
				      uint64_t age_s)
{
	const struct retention_limits limits = {bytes, age_s * SECOND};
	struct retention_verdict v;

	cr_assert_eq(retention_judge(dir, active_base, active_bytes, log_bytes, &limits, NOW, &v),
		     0);
	return v;
}

Test(retention, by_size_keeps_at_least_the_limit)
{
	segment(0, 1000, NOW, true);
	segment(10, 1000, NOW, true);
	segment(20, 1000, NOW, true);
	segment(30, 4096, NOW, true); /* the active one, longer than its valid bytes */
	cr_assert_eq(judge(30, 500, 3500, 0).log_start, 0);
	cr_assert_eq(judge(30, 500, 2500, 0).log_start, 10);
	cr_assert_eq(judge(30, 500, 2499, 0).log_start, 10);
	cr_assert_eq(judge(30, 500, 1500, 0).log_start, 20);
	struct retention_verdict v = judge(30, 500, 1, 0);
	cr_assert_eq(v.log_start, 30, "the active one stays");
	cr_assert_eq(v.segments, 3);
	cr_assert_eq(v.bytes, 3000);
}

Test(retention, a_file_that_is_not_trimmed_yet_counts_by_what_the_log_holds)
{
	segment(0, 1000, NOW, true);
	segment(10, 1000, NOW, true);
	segment(20, 100000, NOW, true); /* sealed a moment ago with 300 bytes */
	segment(30, 100000, NOW, true);
	log_bytes = 1000 + 1000 + 300 + 500;
	cr_assert_eq(judge(30, 500, 2000, 0).log_start, 0);
	cr_assert_eq(judge(30, 500, 1800, 0).log_start, 10);
	log_bytes = 0;
}

Test(retention, by_age_of_the_newest_record)
{
	segment(0, 1000, NOW - 100 * SECOND, true);
	segment(10, 1000, NOW - 50 * SECOND, true);
	segment(20, 1000, NOW - 10 * SECOND, true);
	segment(30, 1000, NOW - 200 * SECOND, true);
	cr_assert_eq(judge(30, 1000, 0, 200).log_start, 0);
	cr_assert_eq(judge(30, 1000, 0, 60).log_start, 10);
	struct retention_verdict v = judge(30, 1000, 0, 20);
	cr_assert_eq(v.log_start, 20);
	cr_assert_eq(v.next_look_ns, NOW + 10 * SECOND, "when the next one is due");
	v = judge(30, 1000, 0, 5);
	cr_assert_eq(v.log_start, 30, "the active one stays, however old");
	cr_assert_eq(v.next_look_ns, UINT64_MAX);
}

Test(retention, without_an_index_the_file_time_counts)
{
	segment(0, 1000, NOW - 100 * SECOND, false);
	segment(10, 1000, NOW - 10 * SECOND, false);
	segment(20, 1000, NOW, false);
	cr_assert_eq(judge(20, 1000, 0, 50).log_start, 10);
}

/* An old segment behind a young one waits: only the front goes. */
Test(retention, no_holes)
{
	segment(0, 1000, NOW, true);
	segment(10, 1000, NOW - 100 * SECOND, true);
	segment(20, 1000, NOW, true);
	cr_assert_eq(judge(20, 1000, 0, 50).log_start, 0);
}

Test(retention, other_files_do_not_count)
{
	char path[160];
	static const char *const names[] = {"next.prepared",   "spare-1.recycled",
					    "weir.checkpoint", "00000000000000000005.log.tmp",
					    "5.log",	       "0000000000000000000x.log"};

	segment(0, 1000, NOW, true);
	segment(10, 1000, NOW, true);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		int fd = open(path, O_CREAT | O_WRONLY, 0640);
		cr_assert_eq(ftruncate(fd, 1 << 20), 0);
		close(fd);
	}
	cr_assert_eq(judge(10, 500, 1000, 0).segments, 0);
	cr_assert_eq(judge(10, 500, 500, 0).log_start, 10);
}

Test(retention, a_missing_directory_is_an_error)
{
	const struct retention_limits limits = {1, 1};
	struct retention_verdict v;

	cr_assert_lt(retention_judge("/nonexistent/x-0", 1, 1, 0, &limits, NOW, &v), 0);
}

struct model {
	unsigned count;
	uint64_t base[24], bytes[24], newest[24];
};

/* One after the other, from the front: goes while either limit says so. */
static uint64_t model_log_start(const struct model *m, uint64_t active_bytes, uint64_t bytes,
				uint64_t age_ns)
{
	unsigned i = 0;

	for (; i + 1 < m->count; i++) {
		uint64_t rest = active_bytes;
		for (unsigned j = i + 1; j + 1 < m->count; j++)
			rest += m->bytes[j];
		bool too_much = bytes && rest >= bytes;
		bool too_old = age_ns && NOW > m->newest[i] && NOW - m->newest[i] > age_ns;
		if (!too_much && !too_old)
			break;
	}
	return m->base[i];
}

Test(retention, random_directories_against_the_model)
{
	srand(7);
	for (int round = 0; round < 150; round++) {
		struct model m = {.count = 1 + (unsigned)rand() % 23};
		uint64_t base = (uint64_t)rand() % 1000;

		clear();
		for (unsigned i = 0; i < m.count; i++) {
			m.base[i] = base;
			m.bytes[i] = 1 + (uint64_t)rand() % 5000;
			m.newest[i] = NOW - (uint64_t)rand() % 1000 * SECOND;
			segment(base, m.bytes[i], m.newest[i], rand() % 4 != 0);
			base += 1 + (uint64_t)rand() % 100;
		}
		uint64_t active = m.base[m.count - 1], active_bytes = (uint64_t)rand() % 5000;
		uint64_t bytes = rand() % 3 ? (uint64_t)rand() % 60000 : 0;
		uint64_t age_s = rand() % 3 ? (uint64_t)rand() % 1000 : 0;
		struct retention_verdict v = judge(active, active_bytes, bytes, age_s);
		cr_assert_eq(v.log_start, model_log_start(&m, active_bytes, bytes, age_s * SECOND),
			     "round %d", round);
	}
}
