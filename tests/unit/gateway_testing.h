/*
 * For tests of the gateway: a data directory with topic "s", and requests put together by hand. Its
 * partition 0 has two segments: offsets 0-9 in two batches, 10-14 in one.
 */
#pragma once

#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>

#include "gateway/api.h"
#include "gateway/limits.h"
#include "log_build.h"

enum { TESTING_TS = 1000, TESTING_END = 15 };

static inline void gateway_testing_log(const char *dir)
{
	static struct build b;

	b.len = 0;
	build_batch(&b, 0, 4, TESTING_TS);
	build_batch(&b, 4, 6, TESTING_TS + 100);
	build_segment(dir, "s-0", 0, &b);
	b.len = 0;
	build_batch(&b, 10, 5, TESTING_TS + 200);
	build_segment(dir, "s-0", 10, &b);
}

/* No groups yet; their store in dir. Time begins at 1 s. */
static inline void gateway_testing_groups(struct groups *groups, const char *dir)
{
	char path[128], error[128];

	snprintf(path, sizeof(path), "%s/weir.groups", dir);
	groups_set_time(groups, 1000, 1000);
	if (groups_open(groups, path, error, sizeof(error)) < 0)
		abort();
}

/* What a test works with: the directory with its log, and one call. */
static char dir[64];
static struct catalog catalog;
static struct wire_writer request;
static struct answer answer;
static struct api_call call __attribute__((unused));
static struct api_watch watches[LIMIT_WATCHES] __attribute__((unused));

static inline void gateway_testing_setup(void)
{
	build_dir(dir);
	gateway_testing_log(dir);
	cr_assert_eq(catalog_open(&catalog, NULL, dir), 0);
}

static inline void gateway_testing_teardown(void)
{
	answer_free(&answer);
	free(request.data);
	catalog_close(&catalog);
	build_remove(dir);
	/* It may be set up anew. */
	answer = (struct answer){0};
	request = (struct wire_writer){0};
	catalog = (struct catalog){0};
}

/* Until the disk's thread has answered all questions. */
static inline void gateway_testing_wait(struct disk_thread *disk, const struct disk_lookup *lookup)
{
	struct pollfd done = {.fd = disk_thread_fd(disk), .events = POLLIN};
	struct disk_job *job;

	while (!lookup->done && poll(&done, 1, -1) >= 0)
		while ((job = disk_thread_take_done(disk)))
			job->give_back(job);
}

/* A header of version 1, client id "t". */
static inline void gateway_testing_header(struct wire_writer *w, int16_t key, int16_t version)
{
	w->len = 0;
	w->flexible = false;
	w->max = 1 << 20;
	wire_put16(w, key);
	wire_put16(w, version);
	wire_put32(w, 77);
	wire_put_text(w, "t");
}

/* A Fetch of one partition of "s", version 4. */
static inline void gateway_testing_fetch(struct wire_writer *w, int32_t partition, int64_t offset,
					 int32_t wait_ms, int32_t min_bytes, int32_t max_bytes)
{
	gateway_testing_header(w, API_KEY_FETCH, 4);
	wire_put32(w, -1);
	wire_put32(w, wait_ms);
	wire_put32(w, min_bytes);
	wire_put32(w, max_bytes);
	wire_put8(w, 0);
	wire_put_array(w, 1);
	wire_put_text(w, "s");
	wire_put_array(w, 1);
	wire_put32(w, partition);
	wire_put64(w, offset);
	wire_put32(w, max_bytes);
}

/* Partition 0 of "s". */
static inline struct partition *gateway_testing_partition(void)
{
	return catalog_partition(catalog_topic(&catalog, (struct wire_string){"s", 1}), 0);
}

/* partition_find() as far as `end`: bytes, or what it returned if not 1. */
static inline int64_t gateway_testing_find(uint64_t end, uint64_t offset, uint64_t max, bool one,
					   uint64_t *position)
{
	struct partition_view view = {.end = end};
	struct partition_range range;
	struct partition_want want = {.offset = offset, .max_bytes = max, .at_least_one = one};
	int rc = partition_find(gateway_testing_partition(), &view, &want, &range);

	if (rc != 1)
		return rc;
	*position = range.position;
	segment_file_put(range.file);
	return range.length;
}
