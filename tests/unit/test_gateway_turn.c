/* How long one connection has the gateway's thread before others have their turn. */
#include <sys/epoll.h>

#include "gateway_pairs.h"

TestSuite(gateway_turn, .init = pairs_setup, .fini = pairs_teardown);

/* A ListGroups that finds nothing among all groups, in many states: its answer is small. */
static void list_in_vain(struct wire_writer *w)
{
	gateway_testing_header(w, API_KEY_LIST_GROUPS, 4);
	wire_put8(w, 0);
	w->flexible = true;
	wire_put_array(w, 16);
	for (int i = 0; i < 16; i++)
		wire_put_text(w, "EMPTX");
	wire_put_tags(w);
}

static void make_groups(void)
{
	char name[16];

	for (unsigned i = 0; i < GROUPS_MAX; i++) {
		int len = snprintf(name, sizeof(name), "group-%u", i);

		cr_assert_not_null(
			groups_get(&groups, (struct wire_string){.at = name, .len = len}));
	}
}

/* Many requests at once, none of which is quick. */
static void pipeline(const struct pair *pair, const struct wire_writer *frame, unsigned count)
{
	uint8_t length[4];

	log_put32(length, (uint32_t)frame->len);
	for (unsigned i = 0; i < count; i++) {
		cr_assert_eq(send(pair->client, length, 4, MSG_MORE), 4);
		cr_assert_eq(send(pair->client, frame->data, frame->len, 0), frame->len);
	}
}

Test(gateway_turn, a_turn_ends_in_time_and_the_next_goes_on)
{
	struct pair pair = connect_pair();
	const uint64_t *answered = &context.counters.requests[API_KEY_LIST_GROUPS];
	uint64_t longest_us = 0;
	unsigned turns = 0;

	make_groups();
	list_in_vain(&request);
	pipeline(&pair, &request, LIMIT_TURN_REQUESTS);
	usleep(20000);
	for (; *answered < LIMIT_TURN_REQUESTS && turns < LIMIT_TURN_REQUESTS; turns++) {
		uint64_t since_us = now_us(), before = *answered;

		cr_assert(connection_work(&context, pair.c, false));
		uint64_t took_us = now_us() - since_us;
		longest_us = took_us > longest_us ? took_us : longest_us;
		cr_assert_gt(*answered, before);
		cr_assert_eq(connection_events(pair.c),
			     *answered < LIMIT_TURN_REQUESTS ? EPOLLOUT : EPOLLIN);
	}
	cr_assert_eq(*answered, LIMIT_TURN_REQUESTS);
	cr_assert_gt(turns, 1, "all in one turn, which took %u us", (unsigned)longest_us);
	disconnect(&pair);
}
