/* OffsetCommit and OffsetDelete as they come over the wire: what one request may ask for. */
#include <poll.h>

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
