/* Which bytes of which file a Fetch gets: limits, ends, indexes that lie, files used again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/sent_files.h"
#include "gateway_testing.h"

static struct build b;

TestSuite(gateway_fetch, .init = gateway_testing_setup, .fini = gateway_testing_teardown);

/* From this offset on, as much as there is. */
static const struct partition_want *from(uint64_t offset)
{
	static struct partition_want want;

	want = (struct partition_want){
		.offset = offset, .max_bytes = 1 << 20, .at_least_one = true};
	return &want;
}

static size_t size_of(uint64_t base, int records)
{
	b.len = 0;
	build_batch(&b, base, records, TESTING_TS);
	return b.len;
}

Test(gateway_fetch, the_end_is_found_in_the_directory)
{
	struct partition_view view;

	cr_assert(partition_look(gateway_testing_partition(), &view));
	cr_assert_eq(view.log_start, 0);
	cr_assert_eq(view.end, TESTING_END);
}

Test(gateway_fetch, whole_batches_within_the_limit)
{
	size_t first = size_of(0, 4), second = size_of(4, 6), third = size_of(10, 5);
	uint64_t at;

	cr_assert_eq(gateway_testing_find(15, 0, 1 << 20, false, &at), first + second);
	cr_assert_eq(at, 0);
	cr_assert_eq(gateway_testing_find(15, 0, first + second - 1, false, &at), first);
	cr_assert_eq(gateway_testing_find(15, 3, first, false, &at), first);
	cr_assert_eq(gateway_testing_find(15, 3, first - 1, false, &at), 0);
	cr_assert_eq(gateway_testing_find(15, 3, 0, true, &at), first);
	cr_assert_eq(gateway_testing_find(15, 5, 1 << 20, false, &at), second);
	cr_assert_eq(at, first);
	cr_assert_eq(gateway_testing_find(15, 14, 1 << 20, false, &at), third);
	cr_assert_eq(at, 0);
}

Test(gateway_fetch, nothing_beyond_the_visible_end)
{
	uint64_t at;

	cr_assert_eq(gateway_testing_find(4, 0, 1 << 20, true, &at), size_of(0, 4));
	cr_assert_eq(gateway_testing_find(10, 0, 1 << 20, true, &at),
		     size_of(0, 4) + size_of(4, 6));
	/* An end that is not one of a batch: the batch it falls into is not visible. */
	cr_assert_eq(gateway_testing_find(7, 4, 1 << 20, true, &at), -EBADMSG);
}

Test(gateway_fetch, an_index_is_only_a_hint)
{
	uint8_t entry[LOG_INDEX_ENTRY];
	static const struct {
		uint32_t offset, position;
	} entries[] = {{9, UINT32_MAX}, {9, 7}, {9, 0}, {0, 0}, {8, 1 << 20}};
	char name[LOG_NAME_MAX];
	uint64_t at;

	log_format_name(name, 0, LOG_SUFFIX_INDEX);
	log_put32(entry, 9);
	log_put32(entry + 4, (uint32_t)size_of(0, 4));
	build_file(dir, "s-0", name, entry, sizeof(entry), 0);
	cr_assert_eq(gateway_testing_find(15, 9, 1 << 20, true, &at), size_of(4, 6));
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		log_put32(entry, entries[i].offset);
		log_put32(entry + 4, entries[i].position);
		build_file(dir, "s-0", name, entry, sizeof(entry), 0);
		cr_assert_eq(gateway_testing_find(15, 9, 1 << 20, true, &at), size_of(4, 6),
			     "entry %zu", i);
		cr_assert_eq(at, size_of(0, 4), "entry %zu", i);
	}
}

Test(gateway_fetch, what_a_file_held_in_its_earlier_life_is_not_sent)
{
	uint64_t at;

	/* A segment behind whose last batch stand zeros, or old batches with right CRCs. */
	b.len = 0;
	build_batch(&b, 10, 5, TESTING_TS);
	build_batch(&b, 2, 5, TESTING_TS);
	build_segment(dir, "s-0", 10, &b);
	cr_assert_eq(gateway_testing_find(15, 10, 1 << 20, true, &at), size_of(10, 5));
	b.len = 0;
	build_batch(&b, 0, 4, TESTING_TS);
	build_batch(&b, 4, 6, TESTING_TS);
	memset(b.data + b.len, 0, 4096);
	b.len += 4096;
	build_segment(dir, "s-0", 0, &b);
	cr_assert_eq(gateway_testing_find(15, 0, 1 << 20, true, &at),
		     size_of(0, 4) + size_of(4, 6));
}

Test(gateway_fetch, where_a_range_ended_is_only_a_hint)
{
	uint64_t at;

	cr_assert_eq(gateway_testing_find(15, 0, size_of(0, 4), false, &at), size_of(0, 4));
	cr_assert_eq(gateway_testing_find(15, 4, 1 << 20, false, &at), size_of(4, 6));
	cr_assert_eq(at, size_of(0, 4));
	/* The same file, and the batch of that offset begins elsewhere. */
	b.len = 0;
	build_batch(&b, 0, 3, TESTING_TS);
	build_batch(&b, 3, 7, TESTING_TS);
	build_segment(dir, "s-0", 0, &b);
	cr_assert_eq(gateway_testing_find(15, 4, 1 << 20, false, &at), size_of(3, 7));
	cr_assert_eq(at, size_of(0, 3));
	/* There begins a batch, but not the one with that offset. */
	cr_assert_eq(gateway_testing_find(15, 0, size_of(0, 3), false, &at), size_of(0, 3));
	b.len = 0;
	build_batch(&b, 2, 3, TESTING_TS);
	build_batch(&b, 5, 5, TESTING_TS);
	build_segment(dir, "s-0", 0, &b);
	cr_assert_eq(gateway_testing_find(15, 3, 1 << 20, false, &at),
		     size_of(2, 3) + size_of(5, 5));
	cr_assert_eq(at, 0);
}

Test(gateway_fetch, where_a_range_ended_in_an_earlier_epoch_says_nothing)
{
	struct partition_view later = {.end = 15, .epoch = 1};
	struct partition_range range;
	size_t one = size_of(10, 1);
	uint64_t at;

	b.len = 0;
	for (uint64_t i = 0; i < 5; i++)
		build_batch(&b, 10 + i, 1, TESTING_TS);
	build_segment(dir, "s-0", 10, &b);
	cr_assert_eq(gateway_testing_find(15, 10, 3 * one, false, &at), 3 * one);
	/* Written again after a crash, and shorter: behind its end there is still the old batch. */
	b.len = 0;
	build_batch(&b, 10, 5, TESTING_TS);
	cr_assert_leq(b.len, 3 * one);
	memset(b.data + b.len, 0, 3 * one - b.len);
	b.len = 3 * one;
	build_batch(&b, 13, 1, TESTING_TS);
	build_segment(dir, "s-0", 10, &b);
	cr_assert_eq(partition_find(gateway_testing_partition(), &later, from(13), &range), 1);
	cr_assert_eq(range.position, 0);
	cr_assert_eq(range.length, size_of(10, 5));
	segment_file_put(range.file);
}

/* What the dataplane asks before it writes over a retired file (DISK_RENAME_UNREAD). */
static bool held(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/s-0/%020d.log", dir, 0);
	fd = open(path, O_RDONLY);
	cr_assert_geq(fd, 0);
	int rc = flock(fd, LOCK_EX | LOCK_NB);
	close(fd);
	return rc < 0;
}

Test(gateway_fetch, a_file_is_held_until_the_client_has_read_it)
{
	struct partition_view view = {.end = 15};
	struct sent_files sent = {0};
	struct partition_range range;

	cr_assert(!held());
	cr_assert_eq(partition_find(gateway_testing_partition(), &view, from(0), &range), 1);
	cr_assert(held());
	answer.writer.max = 4096;
	wire_put32(&answer.writer, 0);
	cr_assert(answer_put_range(&answer, &range));
	sent_files_add(&sent, &answer);
	sent_files_add(&sent, &answer);
	cr_assert_eq(sent.count, 1);
	answer_clear(&answer);
	cr_assert(held());
	sent_files_let_go(&sent);
	cr_assert(!held());
	sent_files_close(&sent, dup(0), false);
}

Test(gateway_fetch, a_retired_file_is_not_held)
{
	struct partition_view view = {.end = 15};
	struct partition_range range;
	char path[128], spare[160];

	cr_assert_eq(partition_find(gateway_testing_partition(), &view, from(0), &range), 1);
	segment_file_put(range.file);
	/* It is kept open, but nobody holds it. */
	cr_assert(!held());
	snprintf(path, sizeof(path), "%s/s-0/%020d.log", dir, 0);
	snprintf(spare, sizeof(spare), "%s.spare", path);
	cr_assert_eq(rename(path, spare), 0);
	struct segment_file *file;
	cr_assert_eq(segment_file_get(&gateway_testing_partition()->files, 0, &file), -ENOENT);
	cr_assert_eq(rename(spare, path), 0);
}

Test(gateway_fetch, a_gap_between_segments_leads_to_the_next)
{
	struct partition_view view = {.end = 25};
	struct partition_range range;

	b.len = 0;
	build_batch(&b, 20, 5, TESTING_TS);
	build_segment(dir, "s-0", 20, &b);
	gateway_testing_partition()->segments_count = 0;
	cr_assert_eq(partition_find(gateway_testing_partition(), &view, from(17), &range), 1);
	cr_assert_eq(range.file->base, 20);
	cr_assert(!range.sealed);
	segment_file_put(range.file);
	cr_assert_eq(partition_find(gateway_testing_partition(), &view, from(2), &range), 1);
	cr_assert(range.sealed);
	segment_file_put(range.file);
}

static enum api_result fetch(int64_t offset, int32_t wait_ms, int32_t min_bytes, int32_t max_bytes)
{
	call = (struct api_call){.catalog = &catalog,
				 .host = "127.0.0.1",
				 .port = 9092,
				 .time_is_up = call.time_is_up,
				 .watches = watches,
				 .answer = &answer};
	gateway_testing_fetch(&request, 0, offset, wait_ms, min_bytes, max_bytes);
	answer_clear(&answer);
	return api_handle(&call, request.data, request.len);
}

/* The one partition's error code and bytes of records. */
static int16_t error_of(int32_t *bytes)
{
	struct wire_reader r = {.at = answer.writer.data,
				.end = answer.writer.data + answer.writer.len};

	wire_get32(&r);
	wire_get32(&r);
	wire_get32(&r);
	wire_get_array(&r, 1);
	wire_get_name(&r);
	wire_get_array(&r, 1);
	wire_get32(&r);
	int16_t error = wire_get16(&r);
	wire_get64(&r);
	wire_get64(&r);
	cr_assert_eq(wire_get_array(&r, 1), 0);
	*bytes = wire_get32(&r);
	cr_assert(!r.failed && r.at == r.end);
	return error;
}

Test(gateway_fetch, waits_only_for_what_is_not_there)
{
	int32_t bytes;

	cr_assert_eq(fetch(TESTING_END, 500, 1, 1 << 20), API_WAIT);
	cr_assert_eq(call.wait_ms, 500);
	cr_assert_eq(call.watches_count, 1);
	cr_assert(watches[0].partition == gateway_testing_partition() &&
		  watches[0].end == TESTING_END);
	cr_assert_eq(fetch(TESTING_END, 0, 1, 1 << 20), API_SEND);
	cr_assert_eq(error_of(&bytes), ERROR_NONE);
	cr_assert_eq(bytes, 0, "empty, and not null");
	cr_assert_eq(fetch(TESTING_END, 500, 0, 1 << 20), API_SEND);
	/* In the newest segment, with too little behind it. */
	cr_assert_eq(fetch(10, 500, 100000, 1 << 20), API_WAIT);
	/* A newer segment follows. */
	cr_assert_eq(fetch(4, 500, 100000, 1 << 20), API_SEND);
	call.time_is_up = true;
	cr_assert_eq(fetch(10, 500, 100000, 1 << 20), API_SEND);
	cr_assert_eq(error_of(&bytes), ERROR_NONE);
	cr_assert_eq(bytes, size_of(10, 5));
}

Test(gateway_fetch, out_of_range_is_said_at_once)
{
	static const int64_t bad[] = {-1, INT64_MIN, TESTING_END + 1, INT64_MAX};
	int32_t bytes;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(fetch(bad[i], 500, 1, 1 << 20), API_SEND);
		cr_assert_eq(error_of(&bytes), ERROR_OFFSET_OUT_OF_RANGE);
		cr_assert_eq(bytes, 0);
	}
}

/* Sends the answer over a socket pair; how it ended, and the bytes that came. */
static enum answer_sent deliver(uint8_t *out, size_t room, size_t *got)
{
	size_t budget = 1 << 20;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	enum answer_sent sent = answer_send(&answer, pair[0], &budget);
	close(pair[0]);
	*got = 0;
	for (ssize_t n; (n = read(pair[1], out + *got, room - *got)) > 0;)
		*got += (size_t)n;
	close(pair[1]);
	return sent;
}

Test(gateway_fetch, the_bytes_are_those_of_the_file)
{
	static uint8_t out[1 << 16];
	size_t got, want = size_of(10, 5);

	cr_assert_eq(fetch(12, 0, 1, 1 << 20), API_SEND);
	cr_assert(answer_finish(&answer));
	cr_assert_eq(deliver(out, sizeof(out), &got), ANSWER_DONE);
	cr_assert_eq(log_get32(out), got - 4);
	b.len = 0;
	build_batch(&b, 10, 5, TESTING_TS + 200);
	cr_assert_arr_eq(out + got - want, b.data, want);
}

Test(gateway_fetch, an_answer_from_a_file_that_is_retired_meanwhile_ends_well)
{
	static uint8_t out[1 << 16];
	char from[160];
	size_t got;

	cr_assert_eq(fetch(12, 0, 1, 1 << 20), API_SEND);
	cr_assert(answer_finish(&answer));
	snprintf(from, sizeof(from), "%s/s-0/00000000000000000010.log", dir);
	cr_assert(answer_current(&answer));
	/* What the dataplane does with one that is held. */
	cr_assert_eq(unlink(from), 0);
	cr_assert(!answer_current(&answer));
	cr_assert_eq(deliver(out, sizeof(out), &got), ANSWER_DONE);
	cr_assert_eq(got, log_get32(out) + 4);
}

Test(gateway_fetch, few_files_stay_open)
{
	struct segment_files *files = &gateway_testing_partition()->files;
	struct segment_file *file;
	unsigned open = 0;

	for (uint64_t base = 100; base < 120; base++) {
		b.len = 0;
		build_batch(&b, base, 1, TESTING_TS);
		build_segment(dir, "s-0", base, &b);
		cr_assert_eq(segment_file_get(files, base, &file), 0);
		segment_file_put(file);
	}
	for (file = files->first; file; file = file->next)
		open++;
	cr_assert_eq(open, LIMIT_FILES_KEPT);
	cr_assert_eq(segment_file_get(files, 999, &file), -ENOENT);
}
