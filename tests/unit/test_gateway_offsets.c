/* OffsetCommit and OffsetDelete as they come over the wire: what one request may ask for. */
#include <poll.h>
#include <string.h>
#include <time.h>

#include "gateway_testing.h"

static struct groups groups;
static struct api_kept kept;

static void setup(void)
{
	gateway_testing_setup();
	gateway_testing_groups(&groups, dir);
}

static void teardown(void)
{
	api_kept_clear(&kept);
	groups_close(&groups);
	gateway_testing_teardown();
}

TestSuite(gateway_offsets, .init = setup, .fini = teardown, .timeout = 30);

static struct wire_string string(const char *text)
{
	return (struct wire_string){.at = text, .len = (int32_t)strlen(text)};
}

/* The request, for the first time or once more. */
static enum api_result handle(void)
{
	call = (struct api_call){.catalog = &catalog,
				 .groups = &groups,
				 .kept = &kept,
				 .peer = "127.0.0.1",
				 .answer = &answer};
	cr_assert(!request.failed);
	answer_clear(&answer);
	return api_handle(&call, request.data, request.len);
}

/* Until the disk has what is on its way. */
static void settle(void)
{
	struct pollfd fd = {.fd = store_fd(groups.store), .events = POLLIN};

	while (kept.op->status == STORE_PENDING) {
		cr_assert_eq(poll(&fd, 1, 10000), 1, "the store does not answer");
		groups_take_done(&groups);
	}
}

/* By nobody's member: so many partitions of one topic, each the last one given; version 2. */
static void put_commit(const char *topic, int32_t partitions)
{
	gateway_testing_header(&request, API_KEY_OFFSET_COMMIT, 2);
	wire_put_text(&request, "g");
	wire_put32(&request, -1);
	wire_put_text(&request, "");
	wire_put64(&request, -1);
	wire_put_array(&request, 1);
	wire_put_text(&request, topic);
	wire_put_array(&request, partitions);
}

static void put_partition(int32_t partition, int64_t offset, const char *metadata)
{
	wire_put32(&request, partition);
	wire_put64(&request, offset);
	wire_put_text(&request, metadata);
}

/* Heartbeats behind it on the same connection are read after it. */
Test(gateway_offsets, a_commit_waits_for_less_than_a_session)
{
	put_commit("s", 1);
	put_partition(0, 5, "");
	cr_assert_eq(handle(), API_WAIT);
	cr_assert_lt(call.wait_ms, GROUP_SESSION_MIN_MS);
	settle();
	cr_assert_eq(handle(), API_SEND);
}

/* Of the last partition in the answer. */
static int16_t error_of_last(void)
{
	struct wire_reader r = {.at = answer.writer.data + answer.writer.len - 2,
				.end = answer.writer.data + answer.writer.len};

	return wire_get16(&r);
}

/* The answer's: how many partitions of the one topic were taken, and refused as named twice. */
static void count_errors(unsigned *taken, unsigned *twice)
{
	struct wire_reader r = {.at = answer.writer.data + 8,
				.end = answer.writer.data + answer.writer.len};

	*taken = *twice = 0;
	wire_get_array(&r, 6);
	wire_get_name(&r);
	for (int32_t left = wire_get_array(&r, 6); left > 0; left--) {
		wire_get32(&r);
		int16_t error = wire_get16(&r);
		*taken += error == ERROR_NONE;
		*twice += error == ERROR_INVALID_REQUEST;
	}
	cr_assert(!r.failed && r.at == r.end);
}

/* Or one client fills what all may have on their way to the disk. */
Test(gateway_offsets, a_partition_is_committed_once_in_a_request)
{
	unsigned taken, twice;

	put_commit("s", LIMIT_ELEMENTS);
	for (int32_t i = 0; i < LIMIT_ELEMENTS; i++)
		put_partition(0, 5 + i, "");
	cr_assert_eq(handle(), API_WAIT);
	cr_assert_lt(groups.ops_bytes, 1000);
	settle();
	cr_assert_eq(handle(), API_SEND);
	count_errors(&taken, &twice);
	cr_assert_eq(taken, 1);
	cr_assert_eq(twice, LIMIT_ELEMENTS - 1);
	const struct group *group = groups_find(&groups, string("g"));
	cr_assert_eq(offsets_find(&group->offsets, "s", 0)->committed, 5);
	/* The next request is another one. */
	api_kept_clear(&kept);
	put_commit("s", 1);
	put_partition(0, 7, "");
	cr_assert_eq(handle(), API_WAIT);
	settle();
	cr_assert_eq(handle(), API_SEND);
	count_errors(&taken, &twice);
	cr_assert_eq(taken, 1);
}

/* As if groups had used up what all may have. */
Test(gateway_offsets, who_has_committed_goes_on_where_there_is_no_room)
{
	unsigned taken, twice;

	put_commit("s", 1);
	put_partition(0, 5, "note");
	cr_assert_eq(handle(), API_WAIT);
	settle();
	api_kept_clear(&kept);
	groups.bytes += GROUPS_BYTES_MAX;
	put_commit("s", 1);
	put_partition(0, 6, "four");
	cr_assert_eq(handle(), API_WAIT);
	settle();
	cr_assert_eq(handle(), API_SEND);
	count_errors(&taken, &twice);
	cr_assert_eq(taken, 1);
	api_kept_clear(&kept);
	put_commit("s", 1);
	put_partition(0, 7, "longer");
	cr_assert_eq(handle(), API_SEND);
	cr_assert_eq(error_of_last(), ERROR_COORDINATOR_NOT_AVAILABLE);
	groups.bytes -= GROUPS_BYTES_MAX;
	cr_assert_eq(handle(), API_WAIT);
}

/* --- OffsetDelete ----------------------------------------------------------------------------- */

/* One more member of group "g", that subscribes to "s", if asked for, and so many topics "x". */
static void subscribe(bool s, int32_t others)
{
	struct wire_writer metadata = {.max = 1 << 20};
	struct api_kept mine = {0};

	wire_put16(&metadata, 0);
	wire_put_array(&metadata, others + s);
	for (int32_t i = 0; i < others; i++)
		wire_put_text(&metadata, "x");
	if (s)
		wire_put_text(&metadata, "s");
	gateway_testing_header(&request, API_KEY_JOIN_GROUP, 0);
	wire_put_text(&request, "g");
	wire_put32(&request, 10000);
	wire_put_text(&request, "");
	wire_put_text(&request, "consumer");
	wire_put_array(&request, 1);
	wire_put_text(&request, "range");
	wire_put_bytes(&request, metadata.data, (uint32_t)metadata.len);
	free(metadata.data);
	call = (struct api_call){.catalog = &catalog,
				 .groups = &groups,
				 .kept = &mine,
				 .peer = "127.0.0.1",
				 .answer = &answer};
	answer_clear(&answer);
	cr_assert_eq(api_handle(&call, request.data, request.len), API_WAIT);
	api_kept_clear(&mine);
}

/* Their protocol is chosen, without which they subscribe to nothing. */
static void complete(void)
{
	for (uint32_t ms = 1000;
	     ms < 400000 && groups_find(&groups, string("g"))->state != GROUP_COMPLETING;
	     ms += 1000) {
		groups_set_time(&groups, ms, ms);
		groups_tick(&groups);
	}
	cr_assert_eq(groups_find(&groups, string("g"))->state, GROUP_COMPLETING);
}

static void put_delete(int32_t topics, const char *topic)
{
	gateway_testing_header(&request, API_KEY_OFFSET_DELETE, 0);
	wire_put_text(&request, "g");
	wire_put_array(&request, topics);
	for (int32_t i = 0; i < topics; i++) {
		wire_put_text(&request, topic);
		wire_put_array(&request, 1);
		wire_put32(&request, 0);
	}
}

Test(gateway_offsets, what_members_subscribe_to_stays)
{
	subscribe(false, 3);
	subscribe(true, 2);
	complete();
	put_delete(1, "s");
	cr_assert_eq(handle(), API_SEND);
	cr_assert_eq(error_of_last(), ERROR_GROUP_SUBSCRIBED_TO_TOPIC);
	/* Topics that are not there: nobody reads them, whoever would like to. */
	api_kept_clear(&kept);
	put_delete(1, "x");
	cr_assert_eq(handle(), API_SEND);
	cr_assert_eq(error_of_last(), ERROR_NONE);
}

/* Each of the one compared with each of the other would take minutes. */
Test(gateway_offsets, many_topics_and_many_subscriptions)
{
	for (unsigned i = 0; i < 20; i++)
		subscribe(i == 19, LIMIT_ELEMENTS - 1);
	complete();
	put_delete(LIMIT_ELEMENTS, "s");
	clock_t began = clock();
	cr_assert_eq(handle(), API_SEND);
	cr_assert_eq(error_of_last(), ERROR_GROUP_SUBSCRIBED_TO_TOPIC);
	cr_assert_lt(clock() - began, 2 * CLOCKS_PER_SEC);
}

/* Nor do deletions fill it. */
Test(gateway_offsets, one_request_deletes_only_so_much)
{
	enum { TOPICS = 6 };

	put_commit("s", 1);
	put_partition(0, 5, "");
	cr_assert_eq(handle(), API_WAIT);
	settle();
	api_kept_clear(&kept);
	put_delete(TOPICS, "s");
	request.len -= TOPICS * (2 + 1 + 4 + 4);
	for (unsigned i = 0; i < TOPICS; i++) {
		wire_put_text(&request, "s");
		wire_put_array(&request, LIMIT_ELEMENTS);
		for (unsigned n = 0; n < LIMIT_ELEMENTS; n++)
			wire_put32(&request, 0);
	}
	cr_assert_eq(handle(), API_CLOSE);
	cr_assert_eq(groups.ops_bytes, 0);
}
