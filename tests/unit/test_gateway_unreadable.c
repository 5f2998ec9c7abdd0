/* Fetches of what cannot be read: files that are shorter than their batches say. */
#include <errno.h>
#include <sys/socket.h>

#include "gateway/prefetch.h"
#include "gateway_testing.h"

static struct disk_thread *disk;
static struct api_kept kept;
static struct disk_lookup *behind;

static void setup(void)
{
	static struct build b;

	gateway_testing_setup();
	cr_assert_eq(disk_thread_create(&disk), 0);
	b.len = 0;
	build_batch(&b, 0, 5, TESTING_TS);
	build_segment(dir, "s-1", 0, &b);
	catalog_refresh(&catalog, 2 * REFRESH_MS);
	cr_assert_eq(catalog.all_count, 2);
}

static void teardown(void)
{
	api_kept_clear(&kept);
	disk_lookup_put(behind);
	disk_thread_destroy(disk);
	gateway_testing_teardown();
}

TestSuite(gateway_unreadable, .init = setup, .fini = teardown);

static struct partition *partition(int32_t number)
{
	return catalog_partition(catalog.topics[0], number);
}

/* Bytes of the batches of partition 0's first segment. */
static uint32_t size_of(uint64_t base, int records)
{
	static struct build b;

	b.len = 0;
	build_batch(&b, base, records, TESTING_TS);
	return (uint32_t)b.len;
}

/* Makes that segment so long, and longer again. */
static void resize(off_t bytes)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/s-0/%020d.log", dir, 0);
	cr_assert_eq(truncate(path, bytes), 0);
}

/* A Fetch of partition 0 from an offset on, and of 1 from its start, version 11. */
static enum api_result fetch(int64_t offset)
{
	static struct disk_patience patience;

	patience.left_us = LIMIT_DISK_US;
	call = (struct api_call){.catalog = &catalog,
				 .disk = disk,
				 .patience = &patience,
				 .kept = &kept,
				 .behind = &behind,
				 .host = "127.0.0.1",
				 .watches = watches,
				 .answer = &answer};
	gateway_testing_header(&request, API_KEY_FETCH, 11);
	wire_put32(&request, -1);
	wire_put32(&request, 500);
	wire_put32(&request, 1);
	wire_put32(&request, 1 << 20);
	wire_put8(&request, 0);
	wire_put32(&request, 0);
	wire_put32(&request, -1);
	wire_put_array(&request, 1);
	wire_put_text(&request, "s");
	wire_put_array(&request, 2);
	for (int32_t i = 0; i < 2; i++) {
		wire_put32(&request, i);
		wire_put32(&request, -1);
		wire_put64(&request, i ? 0 : offset);
		wire_put64(&request, -1);
		wire_put32(&request, 1 << 20);
	}
	wire_put_array(&request, 0);
	wire_put_text(&request, "");
	answer_clear(&answer);
	return api_handle(&call, request.data, request.len);
}

struct told {
	int16_t error;
	int32_t bytes;
};

/* What the answer says of both. */
static void read_answer(struct told told[2])
{
	struct wire_reader r = {.at = answer.writer.data + 4,
				.end = answer.writer.data + answer.writer.len};

	for (int i = 0; i < 2; i++)
		wire_get32(&r); /* correlation, throttle */
	wire_get16(&r);
	wire_get32(&r); /* session */
	wire_get_array(&r, 1);
	wire_get_name(&r);
	wire_get_array(&r, 1);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(wire_get32(&r), i);
		told[i].error = wire_get16(&r);
		for (int k = 0; k < 3; k++)
			wire_get64(&r);
		wire_get_array(&r, 1);
		wire_get32(&r); /* replica */
		told[i].bytes = wire_get32(&r);
	}
	cr_assert(!r.failed && r.at == r.end);
}

static enum answer_sent deliver(void)
{
	size_t budget = 1 << 20;
	int pair[2];

	cr_assert(answer_finish(&answer));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	enum answer_sent sent = answer_send(&answer, pair[0], &budget);
	close(pair[0]);
	close(pair[1]);
	return sent;
}

/* Answered at once, and whole: so partition 0, and partition 1 in any case all that it has. */
static void is_told(int64_t offset, enum protocol_error error, uint32_t bytes)
{
	struct told told[2];

	cr_assert_eq(fetch(offset), API_SEND);
	read_answer(told);
	cr_assert_eq(told[0].error, error, "error %d", told[0].error);
	cr_assert_eq(told[0].bytes, bytes);
	cr_assert_eq(told[1].error, ERROR_NONE);
	cr_assert_eq(told[1].bytes, size_of(0, 5));
	cr_assert_eq(deliver(), ANSWER_DONE);
}

/* The batch of offsets 4 to 9 ends too early, and somebody was promised it. */
static void break_promise(void)
{
	cr_assert_eq(fetch(0), API_SEND);
	resize(size_of(0, 4) + 100);
	cr_assert_eq(deliver(), ANSWER_BROKEN);
}

/* As much later that it is tried again. */
static void let_time_pass(void)
{
	struct unreadable *u = &partition(0)->files.unreadable;

	for (unsigned i = 0; i < UNREADABLE_PLACES; i++)
		if (u->places[i].tried_ms)
			u->places[i].tried_ms -= LIMIT_UNREADABLE_MS;
}

Test(gateway_unreadable, one_answer_breaks_and_the_next_ends_in_front_of_it)
{
	break_promise();
	for (unsigned i = 0; i < 3; i++) {
		is_told(0, ERROR_NONE, size_of(0, 4));
		is_told(4, ERROR_KAFKA_STORAGE_ERROR, 0);
		is_told(7, ERROR_KAFKA_STORAGE_ERROR, 0);
	}
	is_told(10, ERROR_NONE, size_of(10, 5));
}

Test(gateway_unreadable, it_is_tried_again_by_the_other_thread)
{
	break_promise();
	for (unsigned i = 0; i < 3; i++) {
		let_time_pass();
		is_told(0, ERROR_NONE, size_of(0, 4));
		/* What else is there does not wait for it. */
		is_told(4, ERROR_NONE, 0);
		cr_assert(behind);
		gateway_testing_wait(disk, behind);
		is_told(4, ERROR_KAFKA_STORAGE_ERROR, 0);
		/* Not for everybody who asks. */
		is_told(4, ERROR_KAFKA_STORAGE_ERROR, 0);
	}
	cr_assert_eq(catalog.lookups, 0);
}

Test(gateway_unreadable, what_can_be_read_again_is_sent_again)
{
	break_promise();
	resize(0);
	static struct build b;
	b.len = 0;
	build_batch(&b, 0, 4, TESTING_TS);
	build_batch(&b, 4, 6, TESTING_TS + 100);
	char path[128];
	snprintf(path, sizeof(path), "%s/s-0/%020d.log", dir, 0);
	int fd = open(path, O_WRONLY);
	cr_assert_eq(write(fd, b.data, b.len), (ssize_t)b.len);
	close(fd);
	/* Nobody has tried. */
	is_told(4, ERROR_KAFKA_STORAGE_ERROR, 0);
	let_time_pass();
	is_told(4, ERROR_NONE, 0);
	cr_assert(behind);
	gateway_testing_wait(disk, behind);
	is_told(4, ERROR_NONE, size_of(4, 6));
	is_told(0, ERROR_NONE, (uint32_t)b.len);
}

/* Its own mistakes or others', and many of them: the last few are known. */
Test(gateway_unreadable, places_are_few)
{
	struct unreadable u = {.said_ms = now_us() / 1000};
	const struct unreadable_of of = {.stream = "s"};

	for (uint64_t at = 0; at < 3 * UNREADABLE_PLACES; at++) {
		const struct unreadable_place place = {.base = 7, .position = at};

		unreadable_add(&u, &of, &place, EIO);
		unreadable_add(&u, &of, &place, EIO);
	}
	cr_assert_eq(unreadable_from(&u, 7, 0), 2 * UNREADABLE_PLACES);
	cr_assert_eq(unreadable_from(&u, 7, 3 * UNREADABLE_PLACES - 1), 3 * UNREADABLE_PLACES - 1);
	cr_assert_eq(unreadable_from(&u, 7, 3 * UNREADABLE_PLACES), UINT64_MAX);
	cr_assert_eq(unreadable_from(&u, 8, 0), UINT64_MAX);
	unreadable_remove(&u, 7, 0, 3 * UNREADABLE_PLACES - 1);
	cr_assert_eq(unreadable_from(&u, 7, 0), 3 * UNREADABLE_PLACES - 1);
}

/* What the disk's thread cannot read is not tried in place: see connection_warmed(). */
Test(gateway_unreadable, the_other_thread_says_what_it_could_not_read)
{
	struct pollfd done = {.fd = disk_thread_fd(disk), .events = POLLIN};
	struct partition_view view = {.end = TESTING_END};
	const struct partition_want want = {.max_bytes = 1 << 20};
	struct partition_range range;
	struct disk_job *job;
	uint32_t cut = size_of(0, 4) + 100;

	cr_assert_eq(partition_find(partition(0), &view, &want, &range), 1);
	for (unsigned i = 0; i < 2; i++) {
		struct prefetch_job *asked =
			prefetch_ask(disk, NULL, range.file, range.position, range.length);

		cr_assert_eq(poll(&done, 1, 10000), 1);
		job = disk_thread_take_done(disk);
		cr_assert_eq(job, &asked->job);
		cr_assert_eq(prefetch_succeeded(asked), i == 0);
		job->give_back(job);
		cr_assert_eq(unreadable_from(&partition(0)->files.unreadable, 0, 0),
			     i ? cut : UINT64_MAX);
		resize(cut);
	}
	segment_file_put(range.file);
}
