/* A partition read over its segments: seeking, times, limits, following. */
#include "reader_testing.h"

TestSuite(log_reader, .init = setup, .fini = teardown);

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
