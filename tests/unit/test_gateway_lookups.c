/* What is looked up by name takes no longer where there are many, whatever they are called. */
#include <sys/stat.h>

#include "gateway/catalog.h"
#include "gateway/disk_patience.h"
#include "gateway/groups/group_internal.h"
#include "group_clients.h"

TestSuite(gateway_lookups, .init = setup, .fini = teardown);

/* Of so many times as long; a walk through all takes hundreds. */
enum { TIMES = 25, ROUNDS = 20, LOOKS = 2000 };

static char names[GROUPS_MAX][16];

static void name_all(void)
{
	for (unsigned i = 0; i < GROUPS_MAX; i++)
		snprintf(names[i], sizeof(names[i]), "name-%u", i);
}

static void make_groups(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		cr_assert_not_null(groups_get(&groups, string(names[i])));
}

static void look_for_group(unsigned i)
{
	cr_assert_not_null(groups_find(&groups, string(names[i])));
}

static void look_for_life(unsigned i)
{
	const struct group *group = groups.slots[i];

	cr_assert_eq(groups_of_life(&groups, group->life), group);
}

static void add_members(struct group *group, unsigned from, unsigned to)
{
	struct group_member *m;

	for (unsigned i = from; i < to; i++) {
		const struct group_join join = {.client_id = string("c"),
						.host = "h",
						.instance = string(names[i]),
						.session_ms = SESSION_MS};

		cr_assert_eq(group_member_add(&groups, group, &join, names[i], &m), ERROR_NONE);
		cr_assert(group_pending_add(&groups, group, strdup(names[i]), SESSION_MS));
	}
}

static void look_for_member(unsigned i)
{
	cr_assert_not_null(group_member_find(groups.slots[0], string(names[i])));
}

static void look_for_instance(unsigned i)
{
	cr_assert_not_null(group_member_static(groups.slots[0], string(names[i])));
}

static void look_for_pending(unsigned i)
{
	struct group *group = groups.slots[0];

	cr_assert(group_pending_remove(&groups, group, string(names[i])));
	cr_assert(group_pending_add(&groups, group, strdup(names[i]), SESSION_MS));
}

/* Looks for the last of so many over and over; the quickest round, for others run here too. */
static uint64_t time_of(void (*look)(unsigned i), unsigned count)
{
	uint64_t best = UINT64_MAX;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t since_us = now_us();

		for (unsigned i = 0; i < LOOKS; i++)
			look(count - 1 - i % 4);
		uint64_t took = now_us() - since_us + 1;
		best = took < best ? took : best;
	}
	return best;
}

static void expect_quick(const char *what, uint64_t few, uint64_t many)
{
	cr_log_info("%s: %.3f us among few, %.3f among many", what, (double)few / LOOKS,
		    (double)many / LOOKS);
	cr_assert_lt(many, TIMES * few, "%s: %.3f us among few, %.3f among many", what,
		     (double)few / LOOKS, (double)many / LOOKS);
}

Test(gateway_lookups, a_group_among_all)
{
	name_all();
	make_groups(0, 8);
	uint64_t few = time_of(look_for_group, 8), few_lives = time_of(look_for_life, 8);
	make_groups(8, GROUPS_MAX);
	expect_quick("by name", few, time_of(look_for_group, GROUPS_MAX));
	expect_quick("by life", few_lives, time_of(look_for_life, GROUPS_MAX));
}

Test(gateway_lookups, a_member_among_all)
{
	name_all();
	make_groups(0, 1);
	add_members(groups.slots[0], 0, 8);
	uint64_t few = time_of(look_for_member, 8), few_static = time_of(look_for_instance, 8),
		 few_pending = time_of(look_for_pending, 8);
	add_members(groups.slots[0], 8, GROUP_MEMBERS_MAX);
	expect_quick("by id", few, time_of(look_for_member, GROUP_MEMBERS_MAX));
	expect_quick("by instance", few_static, time_of(look_for_instance, GROUP_MEMBERS_MAX));
	expect_quick("an id given out", few_pending, time_of(look_for_pending, GROUP_MEMBERS_MAX));
}

/* A name that is free again is another's, and every other one stays. */
Test(gateway_lookups, members_come_and_go)
{
	struct group *group;
	unsigned count = 0;

	name_all();
	make_groups(0, 1);
	group = groups.slots[0];
	add_members(group, 0, 100);
	for (unsigned i = 0; i < 100; i += 3)
		group_member_remove(&groups, group, group_member_find(group, string(names[i])));
	cr_assert(group_member_rename(group, group_member_static(group, string(names[1])), "new"));
	for (unsigned i = 0; i < 100; i++) {
		struct group_member *m = group_member_static(group, string(names[i]));

		cr_assert_eq(m == NULL, i % 3 == 0);
		cr_assert_eq(group_member_find(group, string(names[i])), i == 1 ? NULL : m);
	}
	cr_assert_str_eq(group_member_find(group, string("new"))->instance, names[1]);
	cr_assert_null(group_member_find(group, string("none")));
	/* In the order in which they came, also behind the last that went. */
	add_members(group, 100, 101);
	unsigned last = 0;
	for (const struct group_member *m = group->members; m; m = m->next, count++) {
		unsigned i = (unsigned)atoi(m->instance + strlen("name-"));

		cr_assert_geq(i, last);
		last = i;
	}
	cr_assert_eq(count, group->members_count);
	cr_assert_eq(last, 100);
}

static struct catalog catalog;

static void make_topics(unsigned from, unsigned to)
{
	char *path;

	for (unsigned i = from; i < to; i++) {
		cr_assert_gt(asprintf(&path, "%s/%s-0", dir, names[i]), 0);
		cr_assert_eq(mkdir(path, 0755), 0);
		free(path);
	}
}

static void look_for_topic(unsigned i)
{
	cr_assert_not_null(catalog_topic(&catalog, string(names[i])));
}

static void look_for_id(unsigned i)
{
	const struct topic *topic = catalog.topics[i];

	cr_assert_eq(catalog_topic_by_id(&catalog, topic->id), topic);
}

Test(gateway_lookups, a_topic_among_all)
{
	name_all();
	make_topics(0, 8);
	cr_assert_eq(catalog_open(&catalog, NULL, dir), 0);
	uint64_t few = time_of(look_for_topic, 8), few_ids = time_of(look_for_id, 8);
	make_topics(8, LIMIT_TOPICS);
	catalog_refresh(&catalog, 2 * REFRESH_MS);
	cr_assert_eq(catalog.topics_count, LIMIT_TOPICS);
	expect_quick("a topic", few, time_of(look_for_topic, LIMIT_TOPICS));
	expect_quick("a topic by its id", few_ids, time_of(look_for_id, LIMIT_TOPICS));
	catalog_close(&catalog);
}
