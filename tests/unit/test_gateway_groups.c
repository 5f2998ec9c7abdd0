/* Consumer groups: from one generation to the next, who is let in, and what outlives a process. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/groups/groups.h"
#include "log_build.h"

enum { SESSION_MS = 10000, REBALANCE_MS = 60000, DELAY_MS = 3000 };

static char dir[64];
static struct groups groups;

static void open_groups(void)
{
	char path[128], error[128];

	snprintf(path, sizeof(path), "%s/weir.groups", dir);
	groups.initial_delay_ms = DELAY_MS;
	cr_assert_eq(groups_open(&groups, path, error, sizeof(error)), 0, "%s", error);
}

static void setup(void)
{
	build_dir(dir);
	groups_set_time(&groups, 1000, 1000);
	open_groups();
}

static void teardown(void)
{
	groups_close(&groups);
	build_remove(dir);
}

TestSuite(gateway_groups, .init = setup, .fini = teardown);

static struct wire_string string(const char *text)
{
	return (struct wire_string){.at = text, .len = text ? (int32_t)strlen(text) : -1};
}

static void pass(uint32_t ms)
{
	groups_set_time(&groups, groups.now_ms + ms, groups.wall_ms + ms);
	groups_tick(&groups);
}

/* Until the store has nothing to do any more. */
static void settle(void)
{
	struct pollfd fd = {.fd = store_fd(groups.store), .events = POLLIN};
	struct group *group = groups_find(&groups, string("g"));

	while (group && group->ops) {
		cr_assert_eq(poll(&fd, 1, 10000), 1, "the store does not answer");
		groups_take_done(&groups);
	}
}

/* One client of group "g". */
struct client {
	char id[600], instance[64];
	bool is_static;
	const char *protocols[3];
	uint64_t join_ticket, sync_ticket;
	int32_t generation;
	bool leads;
	char assignment[16];
};

static struct group_bytes protocols_of(const struct client *c, struct wire_writer *w)
{
	w->max = 4096;
	w->len = 0;
	for (unsigned i = 0; i < 3 && c->protocols[i]; i++) {
		wire_put_text(w, c->protocols[i]);
		wire_put_bytes(w, "meta", 4);
	}
	return (struct group_bytes){.data = w->data, .len = (uint32_t)w->len};
}

/* ERROR_NONE, another error, or -1: it waits. */
static int join(struct client *c)
{
	static const uint64_t *changes;
	struct wire_writer w = {0};
	struct group_join request = {.group = string("g"),
				     .member = string(c->id),
				     .instance = string(c->is_static ? c->instance : NULL),
				     .client_id = string("client"),
				     .protocol_type = string("consumer"),
				     .host = "127.0.0.1",
				     .session_ms = SESSION_MS,
				     .rebalance_ms = REBALANCE_MS,
				     .id_required = true,
				     .skips_assignment = true};
	struct group_joined joined;

	if (!c->protocols[0])
		c->protocols[0] = "range";
	request.protocols = protocols_of(c, &w);
	bool answered = group_join(&groups, &request, &c->join_ticket, &joined, &changes);
	free(w.data);
	if (!answered)
		return -1;
	c->join_ticket = 0;
	if (joined.member_id)
		snprintf(c->id, sizeof(c->id), "%s", joined.member_id);
	if (joined.error == ERROR_NONE) {
		c->generation = joined.group->generation;
		c->leads = joined.lists_members;
	}
	return joined.error;
}

static struct group_caller caller_of(const struct client *c)
{
	return (struct group_caller){.group = string("g"),
				     .member = string(c->id),
				     .instance = string(c->is_static ? c->instance : NULL),
				     .generation = c->generation};
}

/* A leader gives every member its own id's last character. */
static int sync_group(struct client *c)
{
	static const uint64_t *changes;
	const struct group *group = groups_find(&groups, string("g"));
	struct wire_writer w = {.max = 1 << 16};
	struct group_sync request = {
		.caller = caller_of(c), .protocol_type.len = -1, .protocol.len = -1};
	struct group_synced synced = {0};

	for (const struct group_member *m = c->leads && group ? group->members : NULL; m;
	     m = m->next) {
		wire_put_text(&w, m->id);
		wire_put_bytes(&w, m->id + strlen(m->id) - 1, 1);
		request.count++;
	}
	request.assignments = (struct wire_reader){.at = w.data, .end = w.data + w.len};
	bool answered = group_sync(&groups, &request, &c->sync_ticket, &synced, &changes);
	free(w.data);
	if (!answered)
		return -1;
	c->sync_ticket = 0;
	if (synced.member)
		snprintf(c->assignment, sizeof(c->assignment), "%.*s",
			 (int)synced.member->assignment.len,
			 (const char *)synced.member->assignment.data);
	return synced.error;
}

static int beat(const struct client *c)
{
	const struct group_caller caller = caller_of(c);

	return (int)group_heartbeat(&groups, &caller);
}

static enum group_state state(void)
{
	return groups_find(&groups, string("g"))->state;
}

static void join_waits(struct client *c)
{
	if (!c->id[0] && !c->is_static)
		cr_assert_eq(join(c), ERROR_MEMBER_ID_REQUIRED);
	cr_assert_eq(join(c), -1);
}

/* All of them into one generation, STABLE. */
static void assemble(struct client *clients, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		join_waits(&clients[i]);
	for (unsigned i = 0; i < 3; i++)
		pass(DELAY_MS);
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(join(&clients[i]), ERROR_NONE);
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(sync_group(&clients[i]), -1);
	settle();
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(sync_group(&clients[i]), ERROR_NONE);
	cr_assert_eq(state(), GROUP_STABLE);
}

Test(gateway_groups, an_id_is_given_first_and_the_first_join_waits_for_others)
{
	struct client a = {0}, b = {0};

	cr_assert_eq(join(&a), ERROR_MEMBER_ID_REQUIRED);
	cr_assert(strncmp(a.id, "client-", 7) == 0);
	cr_assert_eq(join(&a), -1);
	pass(DELAY_MS - 1);
	cr_assert_eq(join(&a), -1);
	join_waits(&b);
	/* Somebody came: once more the delay. */
	pass(1);
	cr_assert_eq(join(&a), -1);
	pass(DELAY_MS);
	cr_assert_eq(join(&a), ERROR_NONE);
	cr_assert_eq(join(&b), ERROR_NONE);
	cr_assert_eq(a.generation, 1);
	cr_assert_eq(b.generation, 1);
	cr_assert(a.leads && !b.leads);
}

Test(gateway_groups, nobody_is_told_before_the_assignment_is_durable)
{
	struct client c[2] = {0};

	for (unsigned i = 0; i < 2; i++)
		join_waits(&c[i]);
	pass(DELAY_MS);
	pass(DELAY_MS);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(join(&c[i]), ERROR_NONE);
	cr_assert_eq(sync_group(&c[1]), -1);
	cr_assert_eq(sync_group(&c[0]), -1);
	cr_assert_eq(state(), GROUP_COMPLETING);
	settle();
	cr_assert_eq(sync_group(&c[1]), ERROR_NONE);
	cr_assert_eq(sync_group(&c[0]), ERROR_NONE);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(c[i].assignment[0], c[i].id[strlen(c[i].id) - 1]);
}

Test(gateway_groups, who_may_not_come_in)
{
	struct client a = {0}, b = {.protocols = {"sticky"}}, c = {.id = "nobody"};
	struct group_join bad = {.group = string("g"),
				 .member = string(""),
				 .instance.len = -1,
				 .client_id.len = -1,
				 .protocol_type = string("consumer"),
				 .session_ms = GROUP_SESSION_MIN_MS - 1};
	struct group_joined joined;
	const uint64_t *changes;
	uint64_t ticket = 0;

	cr_assert_eq(join(&c), ERROR_UNKNOWN_MEMBER_ID);
	cr_assert(group_join(&groups, &bad, &ticket, &joined, &changes));
	cr_assert_eq(joined.error, ERROR_INVALID_SESSION_TIMEOUT);
	bad.group = string("");
	cr_assert(group_join(&groups, &bad, &ticket, &joined, &changes));
	cr_assert_eq(joined.error, ERROR_INVALID_GROUP_ID);
	assemble(&a, 1);
	cr_assert_eq(join(&b), ERROR_INCONSISTENT_GROUP_PROTOCOL);
	cr_assert_eq(join(&c), ERROR_UNKNOWN_MEMBER_ID);
	a.generation++;
	cr_assert_eq(beat(&a), ERROR_ILLEGAL_GENERATION);
	cr_assert_eq(beat(&c), ERROR_UNKNOWN_MEMBER_ID);
}

Test(gateway_groups, the_protocol_is_what_most_prefer_of_what_all_know)
{
	struct client c[3] = {{.protocols = {"only-a", "range", "sticky"}},
			      {.protocols = {"sticky", "range"}},
			      {.protocols = {"sticky", "range", "x"}}};

	assemble(c, 3);
	cr_assert_str_eq(groups_find(&groups, string("g"))->protocol, "sticky");
}

Test(gateway_groups, a_new_member_makes_all_join_again)
{
	struct client a = {0}, b = {0};

	assemble(&a, 1);
	cr_assert_eq(beat(&a), ERROR_NONE);
	join_waits(&b);
	cr_assert_eq(state(), GROUP_PREPARING);
	cr_assert_eq(beat(&a), ERROR_REBALANCE_IN_PROGRESS);
	/* The last to join need not wait. */
	cr_assert_eq(join(&a), ERROR_NONE);
	cr_assert_eq(join(&b), ERROR_NONE);
	cr_assert_eq(b.generation, 2);
	cr_assert(a.leads);
	cr_assert_eq(sync_group(&b), -1);
	cr_assert_eq(sync_group(&a), -1);
	settle();
	cr_assert_eq(sync_group(&b), ERROR_NONE);
	cr_assert_eq(beat(&b), ERROR_NONE);
}

Test(gateway_groups, who_does_not_come_back_is_left_behind)
{
	struct client c[2] = {0}, late = {0};

	assemble(c, 2);
	join_waits(&late);
	cr_assert_eq(join(&c[1]), -1);
	for (unsigned ms = 0; ms < REBALANCE_MS; ms += 5000) {
		pass(5000);
		/* It lives, but does not join. */
		beat(&c[0]);
	}
	cr_assert_eq(join(&c[1]), ERROR_NONE);
	cr_assert_eq(join(&late), ERROR_NONE);
	cr_assert(c[1].leads);
	cr_assert_eq(beat(&c[0]), ERROR_UNKNOWN_MEMBER_ID);
}

Test(gateway_groups, silence_ends_a_session)
{
	struct client c[2] = {0};

	assemble(c, 2);
	pass(SESSION_MS - 1);
	cr_assert_eq(beat(&c[0]), ERROR_NONE);
	pass(1);
	cr_assert_eq(state(), GROUP_PREPARING);
	cr_assert_eq(beat(&c[1]), ERROR_UNKNOWN_MEMBER_ID);
	cr_assert_eq(join(&c[0]), ERROR_NONE);
	pass(REBALANCE_MS + SESSION_MS);
	pass(1);
	cr_assert_eq(state(), GROUP_EMPTY);
	settle();
}

Test(gateway_groups, leaving)
{
	struct client c[2] = {0};
	const struct wire_string none = {.len = -1};

	assemble(c, 2);
	cr_assert_eq(group_leave(&groups, string("g"), string("nobody"), none),
		     ERROR_UNKNOWN_MEMBER_ID);
	cr_assert_eq(group_leave(&groups, string("g"), string(c[0].id), none), ERROR_NONE);
	cr_assert_eq(beat(&c[1]), ERROR_REBALANCE_IN_PROGRESS);
	cr_assert_eq(join(&c[1]), ERROR_NONE);
	cr_assert(c[1].leads);
	cr_assert_eq(group_leave(&groups, string("g"), string(c[1].id), none), ERROR_NONE);
	cr_assert_eq(state(), GROUP_EMPTY);
	settle();
}

Test(gateway_groups, a_static_member_comes_back_without_a_rebalance)
{
	struct client c[2] = {{.is_static = true, .instance = "one"},
			      {.is_static = true, .instance = "two"}};
	struct client again = {.is_static = true, .instance = "one"};

	assemble(c, 2);
	/* Not before a restart would know it by its new id. */
	cr_assert_eq(join(&again), -1);
	settle();
	cr_assert_eq(join(&again), ERROR_NONE);
	cr_assert_eq(again.generation, c[0].generation);
	cr_assert_str_neq(again.id, c[0].id);
	cr_assert_eq(state(), GROUP_STABLE);
	/* It led, and still does, but has nothing to assign. */
	cr_assert(again.leads);
	again.leads = false;
	cr_assert_eq(sync_group(&again), ERROR_NONE);
	cr_assert_eq(again.assignment[0], c[0].assignment[0]);
	cr_assert_eq(beat(&again), ERROR_NONE);
	cr_assert_eq(beat(&c[0]), ERROR_FENCED_INSTANCE_ID);
	cr_assert_eq(beat(&c[1]), ERROR_NONE);
	groups_close(&groups);
	open_groups();
	cr_assert_eq(beat(&again), ERROR_NONE);
	cr_assert_eq(beat(&c[1]), ERROR_NONE);
}

Test(gateway_groups, a_static_member_that_is_back_joins_whoever_comes_meanwhile)
{
	struct client c = {.is_static = true, .instance = "one"}, again = c, other = {0};

	assemble(&c, 1);
	cr_assert_eq(join(&again), -1);
	cr_assert_eq(join(&other), ERROR_MEMBER_ID_REQUIRED);
	/* Who waits for the disk has joined. */
	cr_assert_eq(join(&other), ERROR_NONE);
	cr_assert_eq(state(), GROUP_COMPLETING);
	settle();
	cr_assert_eq(join(&again), ERROR_NONE);
	cr_assert_eq(again.generation, 2);
	cr_assert(again.leads && !other.leads);
}

Test(gateway_groups, two_processes_of_one_instance_the_older_is_fenced_off)
{
	struct client a = {.is_static = true, .instance = "one"}, b = a, other = {0};

	join_waits(&a);
	join_waits(&b);
	cr_assert_eq(join(&a), ERROR_FENCED_INSTANCE_ID);
	join_waits(&other);
	pass(DELAY_MS);
	pass(DELAY_MS);
	cr_assert_eq(join(&b), ERROR_NONE);
	cr_assert_eq(join(&other), ERROR_NONE);
}

static enum protocol_error commit(const struct client *c, const char *topic, int64_t offset)
{
	const struct group_caller caller = caller_of(c);
	struct group *group;
	enum protocol_error error = group_may_commit(&groups, &caller, &group);

	if (error != ERROR_NONE)
		return error;
	struct store_op *op = store_op_create(group->life, -1);
	const struct store_value values[] = {store_text("g"),
					     store_text(topic),
					     store_number(3),
					     store_number(offset),
					     store_number(0),
					     store_text(""),
					     store_number(groups.wall_ms)};
	store_op_row(op, STORE_OFFSET, values, 7);
	cr_assert(groups_submit(&groups, group, op, NULL));
	return ERROR_NONE;
}

static int64_t committed(const char *topic)
{
	const struct group *group = groups_find(&groups, string("g"));
	const struct offset *o = group ? offsets_find(&group->offsets, topic, 3) : NULL;

	return o ? o->committed : -1;
}

Test(gateway_groups, commits_and_members_outlive_the_process)
{
	struct client c[2] = {0};

	assemble(c, 2);
	cr_assert_eq(commit(&c[0], "t", 41), ERROR_NONE);
	cr_assert_eq(commit(&c[1], "t", 42), ERROR_NONE);
	cr_assert_eq(committed("t"), -1);
	settle();
	cr_assert_eq(committed("t"), 42);
	groups_close(&groups);
	open_groups();
	cr_assert_eq(state(), GROUP_STABLE);
	cr_assert_eq(committed("t"), 42);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(beat(&c[i]), ERROR_NONE);
		cr_assert_eq(sync_group(&c[i]), ERROR_NONE);
		cr_assert_eq(c[i].assignment[0], c[i].id[strlen(c[i].id) - 1]);
	}
	cr_assert_eq(commit(&c[1], "t", 43), ERROR_NONE);
	settle();
	cr_assert_eq(committed("t"), 43);
}

Test(gateway_groups, who_may_commit)
{
	struct client a = {0}, simple = {.generation = -1}, b = {0};

	simple.generation = 4;
	cr_assert_eq(commit(&simple, "t", 1), ERROR_ILLEGAL_GENERATION);
	simple.generation = -1;
	cr_assert_eq(commit(&simple, "t", 1), ERROR_NONE);
	settle();
	assemble(&a, 1);
	cr_assert_eq(commit(&simple, "t", 2), ERROR_UNKNOWN_MEMBER_ID);
	join_waits(&b);
	/* Before it joins again it says how far it is. */
	cr_assert_eq(commit(&a, "t", 5), ERROR_NONE);
	cr_assert_eq(join(&a), ERROR_NONE);
	cr_assert_eq(commit(&a, "t", 6), ERROR_REBALANCE_IN_PROGRESS);
	a.generation--;
	cr_assert_eq(commit(&a, "t", 6), ERROR_ILLEGAL_GENERATION);
	settle();
	cr_assert_eq(committed("t"), 5);
}

Test(gateway_groups, old_commits_of_an_empty_group_go_and_the_group_with_them)
{
	struct client simple = {.generation = -1};

	cr_assert_eq(commit(&simple, "t", 1), ERROR_NONE);
	settle();
	groups_set_time(&groups, groups.now_ms + GROUPS_OFFSETS_KEPT_MS,
			groups.wall_ms + GROUPS_OFFSETS_KEPT_MS);
	pass(0);
	settle();
	cr_assert_eq(committed("t"), 1);
	for (unsigned i = 0; i < 3; i++) {
		pass(60 * 1000 + 1);
		settle();
	}
	cr_assert_null(groups_find(&groups, string("g")));
	cr_assert_eq(groups.bytes, 0);
	groups_close(&groups);
	open_groups();
	cr_assert_eq(committed("t"), -1);
}

Test(gateway_groups, a_file_belongs_to_one_gateway)
{
	static struct groups second;
	char path[128], error[128];

	snprintf(path, sizeof(path), "%s/weir.groups", dir);
	cr_assert_eq(groups_open(&second, path, error, sizeof(error)), -16 /* EBUSY */);
	cr_assert_str_eq(error, "another gateway has it");
}

Test(gateway_groups, another_file_is_not_touched)
{
	static struct groups second;
	char path[128], error[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/other", dir);
	out = fopen(path, "w");
	for (unsigned i = 0; i < 4096; i++)
		fputs("not a database\n", out);
	fclose(out);
	cr_assert_eq(groups_open(&second, path, error, sizeof(error)), -71 /* EPROTO */);
}

/* Random clients that come, die, beat, commit: nobody waits for ever, and all agree. */
static void act(struct client *c)
{
	switch (rand() % 100) {
	case 0:
		if (c->id[0] && !c->is_static)
			group_leave(&groups, string("g"), string(c->id),
				    (struct wire_string){.len = -1});
		*c = (struct client){.is_static = c->is_static};
		snprintf(c->instance, sizeof(c->instance), "%p", (void *)c);
		break;
	case 1:
		c->join_ticket = c->sync_ticket = 0;
		break;
	default:
		if (c->generation && !c->join_ticket && !c->sync_ticket) {
			if (beat(c) != ERROR_NONE)
				c->generation = 0;
			break;
		}
		if (c->sync_ticket) {
			if (sync_group(c) > 0)
				c->generation = 0;
			break;
		}
		int rc = join(c);
		if (rc == ERROR_UNKNOWN_MEMBER_ID || rc == ERROR_FENCED_INSTANCE_ID)
			c->id[0] = 0;
		if (rc == ERROR_NONE && sync_group(c) > 0)
			c->generation = 0;
	}
}

Test(gateway_groups, random_members, .timeout = 60)
{
	static struct client clients[12];
	unsigned stable = 0;

	srand(1);
	for (unsigned i = 0; i < 12; i++) {
		clients[i].is_static = i % 3 == 0;
		snprintf(clients[i].instance, sizeof(clients[i].instance), "%p",
			 (void *)&clients[i]);
	}
	for (unsigned turn = 0; turn < 20000; turn++) {
		act(&clients[rand() % 12]);
		if (turn % 4 == 0)
			pass((uint32_t)(rand() % 800));
		if (turn % 16 == 0)
			settle();
		const struct group *group = groups_find(&groups, string("g"));
		if (!group)
			continue;
		stable += group->state == GROUP_STABLE;
		cr_assert(group->state != GROUP_EMPTY || !group->members);
		cr_assert(group->state == GROUP_EMPTY || group->members || group->pending);
		cr_assert(group->state != GROUP_STABLE || group->protocol);
	}
	cr_assert_gt(stable, 500, "%u", stable);
	/* All gone: nothing is left of them. */
	for (unsigned i = 0; i < 100; i++) {
		pass(GROUP_FRESH_MS);
		settle();
	}
	cr_assert_eq(groups.bytes, 0);
}
