/* Consumer groups: from one generation to the next, and who is let in. */
#include "group_clients.h"

TestSuite(gateway_groups, .init = setup, .fini = teardown);

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

/* ListGroups tells the types of all groups in one answer. */
Test(gateway_groups, a_type_is_short)
{
	char type[GROUP_TYPE_MAX + 2];
	struct wire_writer w = {0};
	const struct client c = {.protocols = {"range"}};
	struct group_join request = {.group = string("typed"),
				     .member = string(""),
				     .instance.len = -1,
				     .client_id.len = -1,
				     .host = "127.0.0.1",
				     .session_ms = SESSION_MS,
				     .protocols = protocols_of(&c, &w)};
	struct group_joined joined;
	const uint64_t *changes;
	uint64_t ticket = 0;

	memset(type, 't', sizeof(type));
	request.protocol_type = (struct wire_string){.at = type, .len = GROUP_TYPE_MAX + 1};
	cr_assert(group_join(&groups, &request, &ticket, &joined, &changes));
	cr_assert_eq(joined.error, ERROR_INCONSISTENT_GROUP_PROTOCOL);
	request.protocol_type.len--;
	cr_assert_not(group_join(&groups, &request, &ticket, &joined, &changes));
	free(w.data);
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

/* They live, whatever else they do or do not. */
static void beat_for(const struct client *clients, unsigned count, unsigned ms)
{
	for (unsigned passed = 0; passed < ms; passed += SESSION_MS / 2) {
		pass(SESSION_MS / 2);
		for (unsigned i = 0; i < count; i++)
			beat(&clients[i]);
	}
}

/* Nobody reads the partitions that it was given. */
Test(gateway_groups, who_joins_and_never_syncs_goes)
{
	struct client c[3] = {0};

	for (unsigned i = 0; i < 3; i++)
		join_waits(&c[i]);
	pass(DELAY_MS);
	pass(DELAY_MS);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(join(&c[i]), ERROR_NONE);
	cr_assert_eq(sync_group(&c[0]), -1);
	/* Its time is looked at while the assignment is on its way to the disk. */
	pass(1);
	settle();
	cr_assert_eq(sync_group(&c[0]), ERROR_NONE);
	beat_for(c, 3, REBALANCE_MS - SESSION_MS);
	cr_assert_eq(sync_group(&c[1]), ERROR_NONE, "it is late, but not too late");
	cr_assert_eq(state(), GROUP_STABLE);
	beat_for(c, 3, SESSION_MS);
	cr_assert_eq(state(), GROUP_PREPARING);
	cr_assert_eq(beat(&c[2]), ERROR_UNKNOWN_MEMBER_ID);
	cr_assert_eq(join(&c[0]), -1);
	cr_assert_eq(join(&c[1]), ERROR_NONE);
	cr_assert_eq(join(&c[0]), ERROR_NONE);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(sync_group(&c[i]), -1);
	settle();
	/* All of the next generation have synced: it stays. */
	beat_for(c, 2, 2 * REBALANCE_MS);
	cr_assert_eq(state(), GROUP_STABLE);
	cr_assert_eq(c[1].generation, 2);
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
