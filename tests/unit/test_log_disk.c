/* The log on the real disk: open, write, sync, publish, close, open again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_testing.h"

static char dir[256];

static uint8_t *slurp(const char *name, uint64_t *len)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/s-0/%s", dir, name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		*len = UINT64_MAX;
		return NULL;
	}
	fstat(fileno(f), &st);
	*len = (uint64_t)st.st_size;
	uint8_t *bytes = malloc(*len + 1);
	cr_assert_eq(fread(bytes, 1, *len, f), *len);
	fclose(f);
	return bytes;
}

static const char *parent;

static void make_dir(void)
{
	const char *tmp = parent ? parent : getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/weir-log-XXXXXX", tmp ? tmp : "/tmp");
	cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

static void start(struct log_testing *t, enum plan_direct direct, uint64_t segment_bytes)
{
	struct disk_uring_config config = {
		.depth = 4, .direct = direct, .probe_path = dir, .helper_cpu = -1};

	memset(t, 0, sizeof(*t));
	t->real_time = true;
	t->plan = testing_plan(dir, segment_bytes);
	t->state = testing_state(t->plan);
	int rc = disk_uring_create(&t->disk, &config, t->err, sizeof(t->err));
	cr_assert_eq(rc, 0, "%s", t->err);
	cr_assert_eq(testing_open(t), 0, "%s", t->err);
}

static void stop(struct log_testing *t)
{
	cr_assert_eq(testing_close(t), 0, "%s", t->err);
	disk_uring_destroy(t->disk);
	free(t->plan);
	free(t->state);
}

static void check_value(void *arg, const struct testing_record *r)
{
	uint64_t *records = arg;

	for (unsigned k = 0; k < r->value_bytes; k++)
		cr_assert_eq(r->value[k], testing_value(r->offset, k), "offset %lu byte %u",
			     r->offset, k);
	++*records;
}

/* Every segment of the partition: exact to the byte, consecutive, indexes as Kafka has them. */
static uint64_t check_files(uint64_t end_offset)
{
	uint64_t offset = 0, records = 0, segments = 0;

	while (offset < end_offset || segments == 0) {
		char name[64];
		uint64_t base = offset, len, index_len, times_len;
		const char *why;

		snprintf(name, sizeof(name), "%020lu.log", base);
		uint8_t *log = slurp(name, &len);
		cr_assert_not_null(log, "%s is missing", name);
		uint64_t valid = testing_walk(log, len, &offset, &why, check_value, &records);
		cr_assert_eq(valid, len, "%s: %s at %lu of %lu", name, why, valid, len);
		struct testing_index want = testing_index_of(log, len, base);
		snprintf(name, sizeof(name), "%020lu.index", base);
		uint8_t *index = slurp(name, &index_len);
		cr_assert_eq(index_len, want.index_bytes, "%s: %ld, not %lu", name, index_len,
			     want.index_bytes);
		cr_assert_eq(memcmp(index, want.index, index_len), 0, "%s", name);
		snprintf(name, sizeof(name), "%020lu.timeindex", base);
		uint8_t *times = slurp(name, &times_len);
		cr_assert_eq(times_len, want.times_bytes, "%s: %ld, not %lu", name, times_len,
			     want.times_bytes);
		cr_assert_eq(memcmp(times, want.times, times_len), 0, "%s", name);
		free(log);
		free(index);
		free(times);
		free(want.index);
		free(want.times);
		segments++;
	}
	cr_assert_eq(offset, end_offset);
	cr_assert_eq(records, end_offset);
	return segments;
}

/* Batches of all sizes until so many records are in; the first value's seed is its offset. */
static void feed(struct log_testing *t, uint64_t records)
{
	uint64_t from = state_load(&t->st->log_end), rounds = 0;

	for (uint64_t n = 0; n < records;) {
		unsigned count = 1 + (unsigned)(rand() % 40);

		if (count > records - n)
			count = (unsigned)(records - n);
		if (testing_submit(t, from + n, count, (unsigned)(rand() % 600), 1000 + (int64_t)n))
			n += count;
		testing_poll(t, 1);
		cr_assert_lt(rounds++, 10000000u, "no progress");
	}
}

static void cycle(enum plan_direct direct, enum plan_compression codec)
{
	struct log_testing t;

	make_dir();
	start(&t, direct, codec ? 64 * 1024 : 256 * 1024);
	t.plan->streams[0].compression = codec;
	feed(&t, 5000);
	cr_assert(testing_settle(&t), "%s", t.err);
	cr_assert_eq(state_load(&t.st->durable_end), 5000);
	cr_assert_eq(state_load(&t.st->visible_end), 5000);
	stop(&t);
	check_files(5000);
	/* Goes on where it stopped. */
	start(&t, direct, codec ? 64 * 1024 : 256 * 1024);
	t.plan->streams[0].compression = codec;
	cr_assert_str_empty(t.warned);
	cr_assert_eq(state_load(&t.st->log_end), 5000);
	cr_assert_eq(state_load(&t.st->durable_end), 5000);
	feed(&t, 3000);
	stop(&t);
	cr_assert_gt(check_files(8000), 3);
	remove_dir();
}

Test(log_disk, direct)
{
	cycle(PLAN_DIRECT_AUTO, PLAN_COMPRESSION_NONE);
}

Test(log_disk, buffered)
{
	cycle(PLAN_DIRECT_OFF, PLAN_COMPRESSION_NONE);
}

Test(log_disk, direct_lz4)
{
	cycle(PLAN_DIRECT_AUTO, PLAN_COMPRESSION_LZ4);
}

Test(log_disk, buffered_zstd)
{
	cycle(PLAN_DIRECT_OFF, PLAN_COMPRESSION_ZSTD);
}

/* tmpfs, where Linux has one for everybody. */
Test(log_disk, memory)
{
	parent = "/dev/shm";
	if (access(parent, W_OK) == 0)
		cycle(PLAN_DIRECT_AUTO, PLAN_COMPRESSION_NONE);
}

Test(log_disk, memory_direct)
{
	parent = "/dev/shm";
	if (access(parent, W_OK) == 0)
		cycle(PLAN_DIRECT_ON, PLAN_COMPRESSION_NONE);
}
