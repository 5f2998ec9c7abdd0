/* Consumer groups: what they commit, and what outlives a process. */
#include "group_clients.h"

TestSuite(gateway_commits, .init = setup, .fini = teardown);

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

Test(gateway_commits, commits_and_members_outlive_the_process)
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

Test(gateway_commits, who_may_commit)
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

Test(gateway_commits, old_commits_of_an_empty_group_go_and_the_group_with_them)
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

static enum protocol_error ask_for(const char *name)
{
	const struct group_caller caller = {
		.group = string(name), .member = string(""), .instance.len = -1, .generation = -1};
	struct group *group;

	return group_may_commit(&groups, &caller, &group);
}

Test(gateway_commits, names_without_anything_keep_nobody_out)
{
	struct client simple = {.generation = -1};
	char name[16];

	cr_assert_eq(commit(&simple, "t", 1), ERROR_NONE);
	for (unsigned i = 1; i < GROUPS_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		cr_assert_eq(ask_for(name), ERROR_NONE);
		if (i == 1)
			pass(1);
	}
	cr_assert_eq(ask_for("another"), ERROR_NONE);
	cr_assert_null(groups_find(&groups, string("n1")), "the oldest goes");
	cr_assert_not_null(groups_find(&groups, string("n2")));
	/* What is on its way to the disk, and what is there, stays. */
	cr_assert_eq(ask_for("one more"), ERROR_NONE);
	settle();
	cr_assert_eq(ask_for("and one more"), ERROR_NONE);
	cr_assert_eq(committed("t"), 1);
	/* As if all had been in use. */
	for (unsigned i = 0; i < GROUPS_MAX; i++)
		groups.slots[i]->generation++;
	cr_assert_eq(ask_for("too many"), ERROR_COORDINATOR_NOT_AVAILABLE);
}

Test(gateway_commits, a_file_belongs_to_one_gateway)
{
	static struct groups second;
	char path[128], error[128];

	snprintf(path, sizeof(path), "%s/weir.groups", dir);
	cr_assert_eq(groups_open(&second, path, error, sizeof(error)), -16 /* EBUSY */);
	cr_assert_str_eq(error, "another gateway has it");
}

Test(gateway_commits, another_file_is_not_touched)
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
