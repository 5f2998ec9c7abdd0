/* Consumer groups: what a group, and all together, have no room for. */
#include "dataplane/api/log_dir.h"
#include "dataplane/api/plan.h"
#include "group_clients.h"

TestSuite(gateway_room, .init = setup, .fini = teardown);

/* A full group stays full; all of them together are only for a while. */
Test(gateway_room, where_there_is_no_room)
{
	struct client a = {0}, b = {0}, one = {.is_static = true, .instance = "one"};
	size_t before;

	assemble(&a, 1);
	before = groups.bytes;
	groups.bytes = GROUPS_BYTES_MAX + 1;
	cr_assert_eq(join(&b), ERROR_COORDINATOR_NOT_AVAILABLE);
	cr_assert_eq(join(&one), ERROR_COORDINATOR_NOT_AVAILABLE);
	groups.bytes = before;
	groups_find(&groups, string("g"))->bytes += GROUP_BYTES_MAX;
	cr_assert_eq(join(&one), ERROR_GROUP_MAX_SIZE_REACHED);
	groups_find(&groups, string("g"))->bytes -= GROUP_BYTES_MAX;
	join_waits(&b);
}

/* Nor for what one that is in says of itself now, with an id or as a static member without. */
Test(gateway_room, where_there_is_no_room_for_more_of_a_member)
{
	struct client c[2] = {[1] = {.is_static = true, .instance = "one"}};
	struct group *group;
	size_t before;

	assemble(c, 2);
	group = groups_find(&groups, string("g"));
	before = group->bytes;
	c[0].protocols[1] = c[1].protocols[1] = "sticky";
	c[1].id[0] = 0;
	for (unsigned i = 0; i < 2; i++) {
		group->bytes = GROUP_BYTES_MAX;
		cr_assert_eq(join(&c[i]), ERROR_GROUP_MAX_SIZE_REACHED);
		group->bytes = before;
		groups.bytes += GROUPS_BYTES_MAX;
		cr_assert_eq(join(&c[i]), ERROR_COORDINATOR_NOT_AVAILABLE);
		groups.bytes -= GROUPS_BYTES_MAX;
	}
	/* Nothing came of it. */
	cr_assert_eq(group->bytes, before);
	cr_assert_eq(beat(&c[0]), ERROR_NONE);
}

enum { WAITS = -1000 }; /* no answer yet */

/* The leader gives all so many bytes. */
static int assign(struct client *leader, uint32_t bytes)
{
	const struct group *group = groups_find(&groups, string("g"));
	char *data = calloc(1, bytes);
	const uint64_t *changes;
	struct wire_writer w = {.max = GROUP_BYTES_MAX * 2};
	struct group_sync request = {
		.caller = caller_of(leader), .protocol_type.len = -1, .protocol.len = -1};
	struct group_synced synced = {0};

	for (const struct group_member *m = group->members; m; m = m->next) {
		wire_put_text(&w, m->id);
		wire_put_bytes(&w, data, bytes);
		request.count++;
	}
	request.assignments = (struct wire_reader){.at = w.data, .end = w.data + w.len};
	bool answered = group_sync(&groups, &request, &leader->sync_ticket, &synced, &changes);
	free(w.data);
	free(data);
	return answered ? (int)synced.error : WAITS;
}

/* As Kafka where its own log does not take it: the leader hears so, nobody waits for it. */
Test(gateway_room, an_assignment_is_bounded)
{
	/* All partitions that there may be, and the longest names. */
	const uint32_t all = 10 + PLAN_STREAMS_MAX * (6 + LOG_STREAM_NAME_MAX + 4 * PLAN_LANES_MAX);
	struct client c[2] = {0};
	struct group *group;
	size_t before;

	cr_assert_lt(2 * all, GROUP_ASSIGNMENT_MAX);
	for (unsigned i = 0; i < 2; i++)
		join_waits(&c[i]);
	for (unsigned i = 0; i < 3; i++)
		pass(DELAY_MS);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(join(&c[i]), ERROR_NONE);
	group = groups_find(&groups, string("g"));
	before = group->bytes;
	cr_assert_eq(sync_group(&c[1]), -1);
	cr_assert_eq(assign(&c[0], GROUP_ASSIGNMENT_MAX + 1), ERROR_UNKNOWN_SERVER_ERROR);
	cr_assert_eq(sync_group(&c[1]), ERROR_REBALANCE_IN_PROGRESS);
	cr_assert_eq(state(), GROUP_PREPARING);
	cr_assert_eq(group->bytes, before);
	cr_assert_eq(join(&c[1]), -1);
	cr_assert_eq(join(&c[0]), ERROR_NONE);
	cr_assert_eq(join(&c[1]), ERROR_NONE);
	/* Together they are more than a group may have. */
	group->bytes += GROUP_BYTES_MAX - GROUP_ASSIGNMENT_MAX;
	cr_assert_eq(assign(&c[0], GROUP_ASSIGNMENT_MAX), ERROR_UNKNOWN_SERVER_ERROR);
	group->bytes -= GROUP_BYTES_MAX - GROUP_ASSIGNMENT_MAX;
	cr_assert_eq(group->bytes, before);
	cr_assert_eq(join(&c[1]), -1);
	cr_assert_eq(join(&c[0]), ERROR_NONE);
	cr_assert_eq(join(&c[1]), ERROR_NONE);
	cr_assert_eq(assign(&c[0], GROUP_ASSIGNMENT_MAX), WAITS);
	settle();
	cr_assert_eq(state(), GROUP_STABLE);
	cr_assert_eq(group->members->assignment.len, GROUP_ASSIGNMENT_MAX);
}
