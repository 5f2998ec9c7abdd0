/* Leader epochs and topic ids: what the files of a directory say, and what holds without them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/partition_epochs.h"
#include "gateway_testing.h"

TestSuite(gateway_epochs, .init = gateway_testing_setup, .fini = gateway_testing_teardown);

static struct partition *partition(void)
{
	return catalog_partition(catalog_topic(&catalog, (struct wire_string){"s", 1}), 0);
}

static void write_epochs(const char *text)
{
	build_file(dir, "s-0", LOG_NAME_EPOCHS, text, strlen(text), 0);
	partition()->epochs_seen = -1;
}

static struct partition_view view = {.log_start = 0, .end = 15, .epoch = 7};

static void check_end(int32_t asked, int32_t epoch, int64_t offset)
{
	struct partition_epoch_end end;

	cr_assert_eq(partition_epoch_end(partition(), &view, asked, &end), 0);
	cr_assert_eq(end.epoch, epoch, "epoch %d: found %d", asked, end.epoch);
	cr_assert_eq(end.offset, offset, "epoch %d: ended at %lld", asked, (long long)end.offset);
}

Test(gateway_epochs, an_epoch_ends_where_the_next_begins)
{
	write_epochs("0\n3\n2 0\n4 5\n7 12\n");
	check_end(7, 7, 15);
	check_end(4, 4, 12);
	check_end(2, 2, 5);
	/* Between two: the one below. */
	check_end(3, 2, 5);
	check_end(6, 4, 12);
	/* Below all: where the first begins. */
	check_end(0, 0, 0);
	check_end(1, 1, 0);
	/* Nothing can be said only of what never was. */
	check_end(8, -1, -1);
	check_end(-1, -1, -1);
	check_end(INT32_MAX, -1, -1);
}

Test(gateway_epochs, what_retention_took_is_no_epoch_any_more)
{
	write_epochs("0\n3\n2 0\n4 5\n7 12\n");
	view.log_start = 5;
	check_end(2, 2, 5);
	check_end(1, 1, 5);
	/* The newest below it went with its records. */
	check_end(3, 3, 5);
	check_end(4, 4, 12);
	view.log_start = 13;
	check_end(2, 2, 13);
	check_end(4, 4, 13);
	check_end(7, 7, 15);
}

Test(gateway_epochs, a_newer_epoch_in_the_file_than_anybody_was_told_of)
{
	write_epochs("0\n4\n2 0\n4 5\n7 12\n8 15\n");
	check_end(7, 7, 15);
	check_end(4, 4, 12);
	check_end(8, -1, -1);
	/* The file is read again when somebody is. */
	view.epoch = 8;
	view.end = 20;
	check_end(7, 7, 15);
	check_end(8, 8, 20);
}

Test(gateway_epochs, without_a_file_all_belongs_to_the_epoch_at_hand)
{
	static const char *const files[] = {"",
					    "0\n",
					    "0\n1\n",
					    "0\n1\nnonsense\n",
					    "0\n1\n-3 4\n",
					    "0\n1\n99999999999999999999 4\n"};

	check_end(7, 7, 15);
	check_end(3, 3, 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_epochs(files[i]);
		check_end(7, 7, 15);
		check_end(3, 3, 0);
	}
	/* Lines that fall are none. */
	write_epochs("0\n4\n2 3\n1 4\n5 2\n7 9\n");
	check_end(2, 2, 9);
}

Test(gateway_epochs, more_than_are_kept)
{
	static char text[64 << 10];
	size_t at = (size_t)snprintf(text, sizeof(text), "0\n%d\n", LIMIT_EPOCHS + 100);

	for (int i = 0; i < LIMIT_EPOCHS + 100; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%d %d\n", i, 2 * i);
	write_epochs(text);
	view.epoch = LIMIT_EPOCHS + 99;
	view.end = 10000;
	check_end(LIMIT_EPOCHS + 98, LIMIT_EPOCHS + 98, 2 * (LIMIT_EPOCHS + 99));
	check_end(100, 100, 202);
	check_end(99, 99, 200);
	cr_assert_eq(partition()->epochs.count, LIMIT_EPOCHS);
}

Test(gateway_epochs, of_an_offset)
{
	write_epochs("0\n4\n2 0\n4 5\n6 12\n7 12\n");
	static const struct {
		uint64_t offset;
		int32_t epoch;
	} want[] = {{0, 2}, {4, 2}, {5, 4}, {11, 4}, {12, 7}, {14, 7}, {15, 7}};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		cr_assert_eq(partition_epoch_at(partition(), &view, want[i].offset), want[i].epoch,
			     "offset %d", (int)want[i].offset);
	write_epochs("");
	cr_assert_eq(partition_epoch_at(partition(), &view, 3), 7);
}

enum { ANY_NUMBER = -1 };

/* So many files can be opened beside those that are open. */
static void allow_files(int count)
{
	static struct rlimit before;
	struct rlimit limit;

	if (count == ANY_NUMBER) {
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		return;
	}
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	int next = dup(0);
	close(next);
	limit = (struct rlimit){.rlim_cur = (rlim_t)(next + count), .rlim_max = before.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(gateway_epochs, a_file_that_cannot_be_read_is_not_one_that_is_not_there)
{
	struct partition_epoch_end end;

	write_epochs("0\n3\n2 0\n4 5\n7 12\n");
	allow_files(0);
	cr_assert_eq(partition_epoch_end(partition(), &view, 4, &end), -EMFILE);
	cr_assert_eq(partition_epoch_at(partition(), &view, 6), -1);
	/* What needs no file is known. */
	check_end(7, 7, 15);
	check_end(8, -1, -1);
	allow_files(ANY_NUMBER);
	check_end(4, 4, 12);
	cr_assert_eq(partition_epoch_at(partition(), &view, 6), 4);
	/* Known for once, until somebody is told of a newer one. */
	allow_files(0);
	check_end(2, 2, 5);
	allow_files(ANY_NUMBER);
}

enum { FILES_AT_ONCE = 8 /* more than a look at a partition has open */ };

Test(gateway_epochs, a_log_that_cannot_be_read_stays_as_it_was)
{
	static struct build b;
	struct partition *p = partition();
	struct partition_view seen;
	unsigned failed = 0;

	write_epochs("0\n1\n3 0\n");
	build_batch(&b, 10, 5, TESTING_TS);
	build_batch(&b, 15, 5, TESTING_TS);
	build_segment(dir, "s-0", 10, &b);
	for (int files = 0; files <= FILES_AT_ONCE; files++) {
		allow_files(files);
		partition_refresh(p, dir);
		allow_files(ANY_NUMBER);
		cr_assert(partition_look(p, &seen));
		if (seen.end == TESTING_END) {
			cr_assert_eq(seen.epoch, 0);
			failed++;
			continue;
		}
		cr_assert_eq(seen.end, 20, "with %d files: %d", files, (int)seen.end);
		cr_assert_eq(seen.epoch, 3);
	}
	cr_assert(failed >= 2 && failed <= FILES_AT_ONCE, "%u", failed);
}

/* Neither empty nor from 0 on: nobody may take it for that. */
Test(gateway_epochs, a_log_that_could_not_be_read_yet_is_not_there_for_now)
{
	struct partition_view seen;
	unsigned failed = 0;

	write_epochs("0\n1\n3 0\n");
	for (int files = 0; files <= FILES_AT_ONCE; files++) {
		struct partition *p = partition_create(dir, "s", 0);

		cr_assert_not_null(p);
		allow_files(files);
		partition_refresh(p, dir);
		allow_files(ANY_NUMBER);
		if (!partition_look(p, &seen)) {
			failed++;
			partition_refresh(p, dir);
			cr_assert(partition_look(p, &seen));
		}
		cr_assert_eq(seen.end, TESTING_END, "with %d files: %d", files, (int)seen.end);
		cr_assert_eq(seen.epoch, 3);
		partition_destroy(p);
	}
	cr_assert(failed >= 2 && failed <= FILES_AT_ONCE, "%u", failed);
}

Test(gateway_epochs, topic_ids_are_the_same_on_every_start)
{
	uint8_t a[TOPIC_ID_BYTES], b[TOPIC_ID_BYTES], none[TOPIC_ID_BYTES] = {0};

	for (int i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "stream-%d", i);
		topic_id_derive("weir-1", name, a);
		topic_id_derive("weir-1", name, b);
		cr_assert_arr_eq(a, b, sizeof(a));
		cr_assert_neq(a[0] >> 2, 62, "%s: '-' in front", name);
		cr_assert_arr_neq(a, none, sizeof(a));
		topic_id_derive("weir-2", name, b);
		cr_assert_arr_neq(a, b, sizeof(a));
		topic_id_derive("weir-1", "other", b);
		cr_assert_arr_neq(a, b, sizeof(a));
	}
}

static void write_metadata(const char *text)
{
	build_file(dir, "s-0", LOG_NAME_METADATA, text, strlen(text), 0);
}

Test(gateway_epochs, a_topic_id_of_the_directory_counts)
{
	static const uint8_t want[TOPIC_ID_BYTES] = {0xfb, 0xef, 0xff, 0, 0, 0, 0, 0,
						     0,	   0,	 0,    0, 0, 0, 0, 0x10};
	static const char *const bad[] = {
		"", "version: 0\n", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA",
		"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAA", "version: 0\ntopic_id: +/+/"};
	int dir_fd = partition()->files.dir_fd;
	uint8_t id[TOPIC_ID_BYTES];

	cr_assert(!topic_id_read(dir_fd, id), "no file");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_metadata(bad[i]);
		cr_assert(!topic_id_read(dir_fd, id), "%s", bad[i]);
	}
	write_metadata("version: 0\ntopic_id: --__AAAAAAAAAAAAAAAAEA\n");
	cr_assert(topic_id_read(dir_fd, id));
	cr_assert_arr_eq(id, want, sizeof(want));
	/* Known at the next look. */
	catalog_refresh(&catalog, REFRESH_MS);
	cr_assert_not_null(catalog_topic_by_id(&catalog, want));
}
