/* A partition read over its segments: seeking, times, limits, following, files that are used again.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "dataplane/api/index_reader.h"
#include "dataplane/api/log_dir.h"
#include "dataplane/api/log_reader.h"
#include "log_build.h"

static struct build b;
static char dir[64];
static struct log_reader *reader;
static struct log_batch batch;

static void setup(void)
{
	build_dir(dir);
}

static void teardown(void)
{
	log_reader_close(reader);
	build_remove(dir);
}

TestSuite(log_reader, .init = setup, .fini = teardown);

static void open_reader(void)
{
	char err[256];

	cr_assert_eq(log_reader_open(&reader, dir, "s", 0, err, sizeof(err)), 0, "%s", err);
}

/* Three segments of ten batches of four records; timestamps 1000 * first offset of the batch. */
static void three_segments(void)
{
	for (uint64_t segment = 0; segment < 3; segment++) {
		uint8_t index[LOG_INDEX_ENTRY], time[LOG_TIMEINDEX_ENTRY];
		char name[LOG_NAME_MAX];
		uint64_t base = segment * 40;
		size_t sixth = 0;

		b.len = 0;
		for (uint64_t i = 0; i < 10; i++) {
			if (i == 6)
				sixth = b.len;
			build_batch(&b, base + i * 4, 4, (int64_t)(base + i * 4) * 1000);
		}
		build_segment(dir, "s-0", base, &b);
		/* One entry for the sixth batch, as if the interval had been over, and the last
		 * time. */
		log_put32(index, 27);
		log_put32(index + 4, (uint32_t)sixth);
		log_format_name(name, base, LOG_SUFFIX_INDEX);
		build_file(dir, "s-0", name, index, sizeof(index), 0);
		log_put64(time, (base + 24) * 1000 + 3);
		log_put32(time + 8, 27);
		log_format_name(name, base, LOG_SUFFIX_TIMEINDEX);
		build_file(dir, "s-0", name, time, sizeof(time), 0);
		log_put64(time, (base + 36) * 1000 + 3);
		log_put32(time + 8, 39);
		build_file(dir, "s-0", name, time, sizeof(time), 1);
	}
}

/* Reads batches until the end; the offset after the last. */
static uint64_t read_all(unsigned *batches)
{
	uint64_t next = 0;
	int result;

	*batches = 0;
	while ((result = log_reader_next(reader, &batch)) == LOG_READ_BATCH) {
		next = (uint64_t)batch.head.last_offset + 1;
		++*batches;
	}
	cr_assert_eq(result, LOG_READ_END);
	return next;
}

Test(log_reader, over_all_segments)
{
	unsigned batches;
	uint64_t first;

	three_segments();
	open_reader();
	cr_assert_eq(log_reader_first(reader, &first), 0);
	cr_assert_eq(first, 0);
	cr_assert_eq(read_all(&batches), 120);
	cr_assert_eq(batches, 30);
	cr_assert_eq(log_reader_offset(reader), 120);
}

Test(log_reader, seek_to_every_offset)
{
	three_segments();
	open_reader();
	for (uint64_t offset = 0; offset < 120; offset++) {
		cr_assert_eq(log_reader_seek(reader, offset), 0);
		cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
		cr_assert_eq(batch.head.base_offset, offset / 4 * 4);
		cr_assert_eq(batch.segment_base, offset / 40 * 40);
	}
	cr_assert_eq(log_reader_seek(reader, 120), 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	/* What comes later is found. */
	b.len = 0;
	build_batch(&b, 120, 4, 0);
	build_segment(dir, "s-0", 120, &b);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.head.base_offset, 120);
}

/* An index may be missing or lie: the reader comes out at the right place all the same. */
Test(log_reader, wrong_indexes)
{
	static const uint8_t lies[] = {0, 0, 0, 5, 0, 0, 0, 99, 0, 0, 0, 20, 0x7f, 0, 0, 0};

	three_segments();
	build_file(dir, "s-0", "00000000000000000000.index", lies, sizeof(lies), 0);
	build_file(dir, "s-0", "00000000000000000040.index", lies, 3, 0);
	build_file(dir, "s-0", "00000000000000000080.index", "", 0, 0);
	open_reader();
	for (uint64_t offset = 0; offset < 120; offset++) {
		cr_assert_eq(log_reader_seek(reader, offset), 0);
		cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
		cr_assert_eq(batch.head.base_offset, offset / 4 * 4);
	}
}

Test(log_reader, find_time)
{
	struct log_found found;

	three_segments();
	open_reader();
	for (uint64_t offset = 0; offset < 120; offset++) {
		int64_t ts = (int64_t)(offset / 4 * 4 * 1000 + offset % 4);

		cr_assert_eq(log_reader_find_time(reader, ts, &found), 1);
		cr_assert_eq(found.offset, offset);
		cr_assert_eq(found.timestamp_ms, ts);
		/* Between two batches: the next one. */
		if (offset % 4 == 3 && offset < 119) {
			cr_assert_eq(log_reader_find_time(reader, ts + 1, &found), 1);
			cr_assert_eq(found.offset, offset + 1);
		}
	}
	cr_assert_eq(log_reader_find_time(reader, -5, &found), 1);
	cr_assert_eq(found.offset, 0);
	cr_assert_eq(log_reader_find_time(reader, 116004, &found), 0);
}

Test(log_reader, limit)
{
	unsigned batches;

	three_segments();
	open_reader();
	log_reader_limit(reader, 44);
	cr_assert_eq(read_all(&batches), 44);
	log_reader_limit(reader, 44);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	log_reader_limit(reader, 48);
	cr_assert_eq(read_all(&batches), 48);
	cr_assert_eq(batches, 1);
	log_reader_limit(reader, 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
}

/* Below a limit, what is no batch is damage; without one it is the end. */
Test(log_reader, tail_or_damage)
{
	static const uint8_t zeros[5000];
	struct log_tail tail;
	unsigned batches;

	b.len = 0;
	build_batch(&b, 0, 4, 0);
	build_segment(dir, "s-0", 0, &b);
	build_file(dir, "s-0", "00000000000000000000.log", zeros, sizeof(zeros), 1);
	open_reader();
	cr_assert_eq(read_all(&batches), 4);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.bytes, sizeof(zeros));
	cr_assert_eq(tail.error, BATCH_E_MAGIC);
	log_reader_limit(reader, 8);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_DAMAGED);
	cr_assert_eq(batch.error, BATCH_E_MAGIC);
	log_reader_limit(reader, 4);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
}

/* A reader that was there before the first event: the prepared segment holds no batch yet. */
Test(log_reader, before_the_first_batch)
{
	static const uint8_t zeros[5000];
	unsigned batches;

	build_file(dir, "s-0", "00000000000000000000.log", zeros, sizeof(zeros), 0);
	open_reader();
	log_reader_limit(reader, 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	b.len = 0;
	build_batch(&b, 0, 4, 0);
	build_segment(dir, "s-0", 0, &b);
	log_reader_limit(reader, 4);
	cr_assert_eq(read_all(&batches), 4);
}

/* A recycled file: the batches of its earlier life are whole, but their offsets are older. */
Test(log_reader, old_batches_behind_the_end)
{
	unsigned batches;

	b.len = 0;
	build_batch(&b, 1000, 4, 0);
	size_t one = b.len;
	/* What lay here before: same shape, lower offsets. */
	build_batch(&b, 504, 4, 0);
	build_batch(&b, 508, 4, 0);
	build_segment(dir, "s-0", 1000, &b);
	open_reader();
	cr_assert_eq(read_all(&batches), 1004);
	cr_assert_eq(batches, 1);
	/* The writer goes on over them. */
	b.len = one;
	build_batch(&b, 1004, 4, 0);
	build_batch(&b, 508, 4, 0);
	build_segment(dir, "s-0", 1000, &b);
	cr_assert_eq(read_all(&batches), 1008);
	cr_assert_eq(batches, 1);
}

Test(log_reader, a_whole_file_of_old_batches)
{
	unsigned batches;

	b.len = 0;
	build_batch(&b, 0, 4, 0);
	build_segment(dir, "s-0", 1000, &b);
	open_reader();
	read_all(&batches);
	cr_assert_eq(batches, 0);
}

Test(log_reader, follows_into_new_segments)
{
	unsigned batches;

	mkdir(dir, 0755);
	b.len = 0;
	build_segment(dir, "s-0", 0, &b);
	open_reader();
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	for (uint64_t i = 0; i < 50; i++) {
		if (i % 10 == 0)
			b.len = 0;
		build_batch(&b, i * 3, 3, 0);
		build_segment(dir, "s-0", i / 10 * 30, &b);
		cr_assert_eq(read_all(&batches), i * 3 + 3);
		cr_assert_eq(batches, 1);
	}
}

/* The segment that was rolled is not trimmed yet, and its successor is there already. */
Test(log_reader, untrimmed_before_the_last)
{
	static const uint8_t zeros[100];
	unsigned batches;

	three_segments();
	build_file(dir, "s-0", "00000000000000000040.log", zeros, sizeof(zeros), 1);
	open_reader();
	cr_assert_eq(read_all(&batches), 120);
}

Test(log_reader, damage_in_a_sealed_segment)
{
	unsigned batches = 0;
	int result;

	three_segments();
	b.len = 0;
	for (uint64_t i = 0; i < 10; i++)
		build_batch(&b, 40 + i * 4, 4, 0);
	b.data[b.len / 2 + BATCH_baseTimestamp] ^= 1;
	build_segment(dir, "s-0", 40, &b);
	open_reader();
	while ((result = log_reader_next(reader, &batch)) == LOG_READ_BATCH)
		batches++;
	cr_assert_eq(result, LOG_READ_DAMAGED);
	cr_assert_eq(batch.error, BATCH_E_CRC);
	cr_assert_eq(batches, 15);
	/* It stays there, and reading on elsewhere is possible. */
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_DAMAGED);
	cr_assert_eq(log_reader_seek(reader, 80), 0);
	cr_assert_eq(read_all(&batches), 120);
}

Test(log_reader, gaps_are_told)
{
	b.len = 0;
	build_batch(&b, 0, 4, 0);
	build_batch(&b, 10, 4, 0);
	build_segment(dir, "s-0", 0, &b);
	b.len = 0;
	build_batch(&b, 25, 4, 0);
	build_segment(dir, "s-0", 20, &b);
	open_reader();
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.gap, 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.gap, 6);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.gap, 11);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	/* An offset in a gap: what follows it. */
	cr_assert_eq(log_reader_seek(reader, 5), 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.head.base_offset, 10);
	cr_assert_eq(batch.gap, 6);
}

/* Retention takes the open segment away and the writer fills the same file anew: no batch of its
 * new life may pass for one of the old. */
Test(log_reader, retired_and_used_again_while_open)
{
	char from[128], to[128];
	unsigned batches;

	three_segments();
	open_reader();
	for (int i = 0; i < 3; i++)
		cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	snprintf(from, sizeof(from), "%s/s-0/00000000000000000000.log", dir);
	snprintf(to, sizeof(to), "%s/s-0/00000000000000000120.log", dir);
	cr_assert_eq(rename(from, to), 0);
	b.len = 0;
	for (uint64_t i = 0; i < 10; i++)
		build_batch(&b, 120 + i * 4, 4, 0);
	/* Into the same inode. */
	int fd = open(to, O_WRONLY);
	cr_assert_eq(write(fd, b.data, b.len), (ssize_t)b.len);
	close(fd);
	log_reader_limit(reader, 160);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.head.base_offset, 40);
	cr_assert_eq(read_all(&batches), 160);
	cr_assert_eq(batches, 29 - 10 + 10);
}

Test(log_reader, a_batch_that_claims_two_gigabytes)
{
	struct log_tail tail;

	b.len = 0;
	build_batch(&b, 0, 4, 0);
	log_put32(b.data + BATCH_batchLength, 0x7ffffff8);
	build_segment(dir, "s-0", 0, &b);
	open_reader();
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.error, BATCH_E_LENGTH);
	log_put32(b.data + BATCH_batchLength, 0x40000000);
	build_segment(dir, "s-0", 0, &b);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.error, BATCH_E_SHORT);
	/* The file is that long indeed: still no gigabyte of memory for it. */
	char path[128];
	snprintf(path, sizeof(path), "%s/s-0/00000000000000000000.log", dir);
	cr_assert_eq(truncate(path, 0x48000000), 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.error, BATCH_E_TOO_LARGE);
}

/* A batch larger than one read. */
Test(log_reader, a_large_batch)
{
	static uint8_t value[300000];
	struct build_record r = {.key_len = -1, .value = value, .value_len = sizeof(value)};
	struct record_iter it;
	struct record rec;
	size_t at;

	memset(value, 7, sizeof(value));
	for (uint64_t i = 0; i < 3; i++) {
		char name[LOG_NAME_MAX];

		b.len = 0;
		at = b.len;
		b.len += RECORD_BATCH_HEAD;
		for (int k = 0; k < 3; k++)
			build_record(&b, k, &r);
		build_head(&b, at, i * 3, 3, 0, 0, 0);
		log_format_name(name, 0, LOG_SUFFIX_LOG);
		build_file(dir, "s-0", name, b.data, b.len, i > 0);
	}
	open_reader();
	for (uint64_t i = 0; i < 3; i++) {
		cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
		cr_assert_eq(log_reader_records(reader, &batch, &it), BATCH_OK);
		for (int k = 0; k < 3; k++) {
			cr_assert(record_next(&it, &rec));
			cr_assert_eq(rec.value_len, sizeof(value));
			cr_assert(memcmp(rec.value, value, sizeof(value)) == 0);
		}
	}
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
}

Test(log_dir, names)
{
	static const struct {
		const char *name, *stream;
		int64_t partition; /* -1: none */
	} cases[] = {
		{"syslog-0", "syslog", 0},  {"a-b-12", "a-b", 12},
		{"a-1-0", "a-1", 0},	    {"a.b_C-3", "a.b_C", 3},
		{"syslog", NULL, -1},	    {"syslog-", NULL, -1},
		{"-1", NULL, -1},	    {"syslog-01", NULL, -1},
		{"syslog-x", NULL, -1},	    {"syslog-1x", NULL, -1},
		{"sys log-1", NULL, -1},    {"s-2147483647", "s", 2147483647},
		{"s-2147483648", NULL, -1}, {"s-99999999999", NULL, -1},
		{"s-0.deleted", NULL, -1},  {"s--1", "s-", 1},
	};
	struct log_dir_partition out;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(log_dir_parse(cases[i].name, &out), cases[i].partition >= 0, "%s",
			     cases[i].name);
		if (cases[i].partition < 0)
			continue;
		cr_assert_str_eq(out.stream, cases[i].stream);
		cr_assert_eq(out.partition, cases[i].partition);
	}
}

Test(log_reader, what_is_not_there)
{
	struct log_dir_partition *list;
	char err[256];
	uint64_t first;
	size_t count;

	cr_assert_eq(log_reader_open(&reader, dir, "s", 0, err, sizeof(err)), -ENOENT);
	cr_assert(strstr(err, "s-0"));
	b.len = 0;
	build_file(dir, "s-0", "foreign", "x", 1, 0);
	build_file(dir, "s-0", "0000000000000000000.log", "x", 1, 0);
	build_file(dir, "s-0", "00000000000000000000.log.deleted", "x", 1, 0);
	build_file(dir, "s-0", "next.prepared", "x", 1, 0);
	build_file(dir, "other", "x", "x", 1, 0);
	open_reader();
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	cr_assert_eq(log_reader_first(reader, &first), -ENOENT);
	cr_assert_eq(log_dir_partitions(dir, &list, &count), 0);
	cr_assert_eq(count, 1);
	free(list);
}
