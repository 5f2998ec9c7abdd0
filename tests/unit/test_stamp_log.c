/* Stamps in partitions: what is missing, out of order, doubled, and how long it took. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "dataplane/api/log_reader.h"
#include "log_build.h"
#include "replay/stamp_log.h"

static char dir[64];

static void setup(void)
{
	build_dir(dir);
}

static void teardown(void)
{
	build_remove(dir);
}

TestSuite(stamp_log, .init = setup, .fini = teardown);

static const uint64_t T0 = UINT64_C(1700000000000); /* ms */

/* One record: sent at T0 + sent_us, arrived at T0 + ms; 0: no stamp. */
struct row {
	uint16_t run;
	uint64_t number;
	int64_t sent_us;
	uint64_t ms;
	const char *rx_ns;
};

static void write_partition_from(uint64_t base, const char *name, const struct row *rows,
				 unsigned count)
{
	static struct build b;
	uint8_t value[64];

	b.len = 0;
	for (unsigned i = 0; i < count; i++) {
		struct stamp stamp = {rows[i].run, 1, rows[i].number,
				      T0 * 1000000 + (uint64_t)(rows[i].sent_us * 1000)};
		struct build_record r = {.key_len = -1,
					 .value = value,
					 .value_len = 20 + STAMP_BYTES,
					 .header = rows[i].rx_ns ? "rx_ns" : NULL,
					 .header_value = rows[i].rx_ns};
		size_t at = b.len;

		memset(value, 'v', sizeof(value));
		if (rows[i].run)
			stamp_put(value + 20, &stamp);
		b.len += RECORD_BATCH_HEAD;
		build_record(&b, 0, &r);
		build_head(&b, at, base + i, 1, (int64_t)(T0 + rows[i].ms),
			   (int64_t)(T0 + rows[i].ms), 0);
	}
	build_segment(dir, name, base, &b);
}

static void write_partition(const char *name, const struct row *rows, unsigned count)
{
	write_partition_from(0, name, rows, count);
}

static struct stamp_log stamps;

static int read_parts(unsigned count, uint64_t from, char *err, size_t err_size)
{
	static struct stamp_log_part parts[2];

	for (unsigned i = 0; i < count; i++)
		parts[i] = (struct stamp_log_part){"s", i, from, LOG_READER_NO_LIMIT};
	const struct stamp_log_options options = {
		.data_dir = dir, .parts = parts, .parts_count = count};
	return stamp_log_read(&stamps, &options, err, err_size);
}

Test(stamp_log, what_became_of_each)
{
	static const struct row first[] = {{7, 0, 0, 1, NULL},	{0, 0, 0, 1, NULL},
					   {7, 3, 10, 2, NULL}, {7, 2, 20, 3, NULL},
					   {7, 2, 20, 4, NULL}, {9, 0, 30000, 20, NULL}};
	static const struct row second[] = {{7, 1, 0, 1, NULL}, {7, 6, 100, 5, NULL}};
	struct stamp_range ranges[4];
	char err[256] = "";

	write_partition("s-0", first, 6);
	write_partition("s-1", second, 2);
	cr_assert_eq(read_parts(2, 0, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(stamps.records, 8);
	cr_assert_eq(stamps.by_timestamp, 7);
	cr_assert_eq(stamps.runs.count, 2);
	const struct stamp_run *run = stamps.runs.list[0];
	cr_assert_eq(run->run, 7);
	cr_assert_eq(run->queue, 1);
	cr_assert_eq(run->end, 7);
	cr_assert_eq(run->stored, 6);
	cr_assert_eq(run->duplicates, 1);
	cr_assert_eq(run->reordered, 1, "2 behind 3; a doubled one is not out of order too");
	cr_assert_eq(stamp_run_missing(run), 2);
	cr_assert_eq(stamp_set_missing(&run->seen, run->end, ranges, 4), 1);
	cr_assert_eq(ranges[0].first, 4);
	cr_assert_eq(ranges[0].last, 5);
	cr_assert_eq(run->early, 0);
	/* To the end of the millisecond. */
	cr_assert_eq(run->latency.max, 5999999 - 100000);
	cr_assert_eq(run->first_ns, T0 * 1000000);
	cr_assert_eq(run->last_ns, T0 * 1000000 + 100000);
	run = stamps.runs.list[1];
	cr_assert_eq(run->run, 9);
	cr_assert_eq(run->early, 1);
	cr_assert_eq(run->shortest_ns, 20999999 - 30000000);
	stamp_log_free(&stamps);
}

Test(stamp_log, nanoseconds_where_the_stream_has_them)
{
	static const struct row rows[] = {{7, 0, 0, 1, "1700000000001000250"}};
	char err[256] = "";

	write_partition("s-0", rows, 1);
	cr_assert_eq(read_parts(1, 0, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(stamps.by_rx_ns, 1);
	cr_assert_eq(stamps.runs.list[0]->latency.max, 1000250);
	stamp_log_free(&stamps);
}

Test(stamp_log, from_an_offset_on_and_none_of_another_day)
{
	static const struct row rows[] = {
		{7, 0, 0, 1, NULL}, {7, 1, INT64_C(90000000000), 1, NULL}, {7, 2, 0, 1, NULL}};
	char err[256] = "";

	write_partition("s-0", rows, 3);
	cr_assert_eq(read_parts(1, 1, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(stamps.records, 2);
	cr_assert_eq(stamps.runs.count, 1);
	cr_assert_eq(stamps.runs.list[0]->stored, 1, "bytes met by chance are no stamp");
	stamp_log_free(&stamps);
}

Test(stamp_log, what_retention_took_is_told)
{
	static const struct row rows[] = {{7, 3, 0, 1, NULL}, {7, 4, 0, 1, NULL}};
	char err[256] = "";

	write_partition_from(3, "s-0", rows, 2);
	write_partition("s-1", rows, 2);
	cr_assert_eq(read_parts(2, 0, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(stamps.removed, 3);
	stamp_log_free(&stamps);
	cr_assert_eq(read_parts(1, 2, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(stamps.removed, 1, "of those that were asked for");
	stamp_log_free(&stamps);
	cr_assert_eq(read_parts(1, 4, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(stamps.removed, 0);
	stamp_log_free(&stamps);
}

Test(stamp_log, damage_is_named_and_what_stands_before_it_is_there)
{
	static const struct row rows[] = {{7, 0, 0, 1, NULL}, {7, 1, 0, 1, NULL}};
	char err[256] = "", path[128];

	write_partition("s-0", rows, 2);
	snprintf(path, sizeof(path), "%s/s-0/00000000000000000000.log", dir);
	int fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, "x", 1, lseek(fd, 0, SEEK_END) - 2), 1);
	close(fd);
	static struct stamp_log_part part = {"s", 0, 0, 2};
	const struct stamp_log_options options = {
		.data_dir = dir, .parts = &part, .parts_count = 1};
	cr_assert_eq(stamp_log_read(&stamps, &options, err, sizeof(err)), -EBADMSG);
	cr_assert_not_null(strstr(err, "s-0: at offset 1: has a wrong CRC"), "%s", err);
	cr_assert_eq(stamps.records, 1);
	stamp_log_free(&stamps);
}
