/* The report of many groups with many partitions: right, and told a bit at a time. */
#include "gateway/disk_patience.h"
#include "gateway/groups/group_internal.h"
#include "gateway/reporter.h"
#include "group_clients.h"

/* Of one member: what a group may hold in all, more than a member is given, so that no machine is
 * done with it in one turn. */
enum { TOPICS = 46, EACH = LIMIT_ELEMENTS, COMMITS = 100 };

static struct catalog catalog;
static struct report_counters counters = {.accepted = 7};
static struct reporter reporter;

static void begin(void)
{
	setup();
	cr_assert_eq(catalog_open(&catalog, NULL, dir), 0);
	reporter = (struct reporter){.groups = &groups,
				     .catalog = &catalog,
				     .counters = &counters,
				     .address = "127.0.0.1:9092"};
	cr_assert_eq(report_create(&reporter.report, dir), 0);
}

static void end(void)
{
	report_destroy(reporter.report);
	catalog_close(&catalog);
	teardown();
}

TestSuite(gateway_reporter, .init = begin, .fini = end);

/* The partitions from 0 on of topics that are all called "s". */
static struct wire_writer assignment_of(int32_t topics, int32_t each)
{
	struct wire_writer w = {.max = 4 << 20};

	wire_put16(&w, 0);
	wire_put_array(&w, topics);
	for (int32_t t = 0; t < topics; t++) {
		wire_put_text(&w, "s");
		wire_put_array(&w, each);
		for (int32_t i = 0; i < each; i++)
			wire_put32(&w, i);
	}
	cr_assert(!w.failed);
	return w;
}

static void commit(struct group *group, int32_t partition)
{
	struct offset offset = {.topic = strdup("s"),
				.partition = partition,
				.committed = 5,
				.metadata = strdup("")};

	cr_assert(offsets_put(&group->offsets, &offset));
}

static struct group_member *add_member(struct group *group, const char *id)
{
	const struct group_join join = {.client_id = string("c"),
					.host = "h",
					.instance = string(NULL),
					.session_ms = SESSION_MS};
	struct group_member *m;

	cr_assert_eq(group_member_add(&groups, group, &join, id, &m), ERROR_NONE);
	return m;
}

static void assign(struct group *group, struct group_member *m, int32_t topics, int32_t each)
{
	struct wire_writer w = assignment_of(topics, each);

	cr_assert_eq(m->assignment.len, 0);
	free(m->assignment.data);
	m->assignment.data = w.data;
	m->assignment.len = (uint32_t)w.len;
	group->bytes += w.len;
	groups.bytes += w.len;
	group->members_moves++;
}

static struct group *add_group(const char *name)
{
	struct group *group = groups_get(&groups, string(name));

	cr_assert_not_null(group);
	group->protocol_type = strdup("consumer");
	group->state = GROUP_STABLE;
	return group;
}

/* A member that has all, one that has nothing, and some commits; the last is nobody's. */
static struct group *add_large_group(const char *name)
{
	struct group *group = add_group(name);

	assign(group, add_member(group, "has"), TOPICS, EACH);
	add_member(group, "has-not");
	for (int32_t i = 0; i < COMMITS; i++)
		commit(group, i < COMMITS - 1 ? i : EACH);
	return group;
}

static void work(void)
{
	reporter_work(&reporter, LIMIT_REPORT_US);
}

/* As little as there is: the same on each machine, however fast. */
static void work_a_little(void)
{
	reporter_work(&reporter, 0);
}

static void expect_large_group(const struct report_view *v, uint32_t index, const char *name)
{
	uint32_t found = 0;

	cr_assert_str_eq(v->groups[index].id, name);
	cr_assert_eq(v->groups[index].members, 2);
	for (uint32_t i = 0; i < v->header.members; i++)
		if (v->members[i].group == index)
			cr_assert_eq(v->members[i].partitions,
				     strcmp(v->members[i].id, "has") == 0 ? TOPICS * EACH : 0);
	for (uint32_t i = 0; i < v->header.offsets; i++) {
		const struct report_offset *o = &v->offsets[i];

		if (o->group != index)
			continue;
		found++;
		if (o->partition == EACH)
			cr_assert_eq(o->member, -1);
		else
			cr_assert_str_eq(v->members[o->member].id, "has");
	}
	cr_assert_eq(found, COMMITS);
}

static struct report_view *read_report(void)
{
	struct report_view *view;

	cr_assert_eq(report_read(dir, &view), 0);
	return view;
}

struct turns {
	unsigned count;
	uint64_t longest_us, all_us;
};

/* Its own time. Still, what a host takes of a virtual machine's core counts as ours. */
static struct turns tell_all(uint64_t now_ms)
{
	struct turns turns = {0};

	reporter_begin(&reporter, now_ms);
	cr_assert(reporter_is_busy(&reporter));
	for (; reporter_is_busy(&reporter); turns.count++) {
		uint64_t since_us = disk_wait_begin().computed_us, us;

		work();
		us = disk_wait_begin().computed_us - since_us;
		turns.all_us += us;
		turns.longest_us = us > turns.longest_us ? us : turns.longest_us;
	}
	cr_log_info("%.1f ms in %u turns, %.1f in one at most", (double)turns.all_us / 1000,
		    turns.count, (double)turns.longest_us / 1000);
	return turns;
}

Test(gateway_reporter, many_groups_and_partitions_are_told_between_other_things)
{
	enum { LARGE = 8, LEAST_TURNS = 50, TRIES = 10, LATER_MS = 1000000 };
	struct turns turns = {.longest_us = UINT64_MAX};
	uint64_t now_ms = 0;
	char name[16];

	for (unsigned i = 0; i < GROUPS_MAX; i++) {
		snprintf(name, sizeof(name), "g-%u", i);
		if (i < LARGE)
			add_large_group(name);
		else
			commit(add_group(name), 0);
	}
	/* A turn that does too much does so each time; one that lost its core does not. */
	for (unsigned i = 0; i < TRIES && turns.longest_us >= turns.all_us / 10; i++) {
		now_ms += LATER_MS;
		turns = tell_all(now_ms);
		cr_assert_gt(turns.count, LEAST_TURNS);
	}
	cr_assert_lt(turns.longest_us, turns.all_us / 10, "none does a large part of all");
	struct report_view *v = read_report();
	cr_assert_eq(v->header.groups, GROUPS_MAX);
	cr_assert_eq(v->header.offsets, LARGE * COMMITS + GROUPS_MAX - LARGE);
	cr_assert_eq(v->header.left_out, 0);
	for (unsigned i = 0; i < LARGE; i++) {
		snprintf(name, sizeof(name), "g-%u", i);
		expect_large_group(v, i, name);
	}
	report_free(v);
	/* What took long is not done again at once. */
	reporter_begin(&reporter, now_ms + turns.all_us * LIMIT_AGAIN / 1000 / 2);
	cr_assert(!reporter_is_busy(&reporter));
	reporter_begin(&reporter, now_ms + reporter.spent_us * LIMIT_AGAIN / 1000);
	cr_assert(reporter_is_busy(&reporter));
}

/* Until the first group's first member is being told. */
static struct group *begin_to_tell(void)
{
	struct group *group = add_large_group("a");

	add_large_group("b");
	reporter_begin(&reporter, 1000);
	work_a_little();
	cr_assert_eq(reporter.at.slot, 0);
	cr_assert_eq(reporter.at.member, group->members);
	return group;
}

static struct report_view *tell_the_rest(void)
{
	while (reporter_is_busy(&reporter))
		work();
	return read_report();
}

Test(gateway_reporter, a_group_that_changes_meanwhile_is_told_anew)
{
	struct group *group = begin_to_tell();

	/* Its members, and where its offsets lie. */
	group_member_remove(&groups, group, group->members);
	assign(group, add_member(group, "has"), TOPICS, EACH);
	work_a_little();
	cr_assert_eq(reporter.at.tries, 1);
	offsets_remove(&group->offsets, "s", 0);
	work_a_little();
	commit(group, 0);
	struct report_view *v = tell_the_rest();

	cr_assert_eq(v->header.groups, 2);
	cr_assert_eq(v->header.members, 4);
	cr_assert_eq(v->header.left_out, 0);
	expect_large_group(v, 0, "a");
	expect_large_group(v, 1, "b");
	report_free(v);
}

Test(gateway_reporter, a_group_that_goes_meanwhile_is_not_told)
{
	groups_forget(&groups, begin_to_tell());
	struct report_view *v = tell_the_rest();

	cr_assert_eq(v->header.groups, 1);
	cr_assert_eq(v->header.members, 2);
	expect_large_group(v, 0, "b");
	report_free(v);
}

Test(gateway_reporter, a_commit_meanwhile_changes_nothing_else)
{
	commit(begin_to_tell(), 3);
	work_a_little();
	cr_assert_eq(reporter.at.tries, 0);
	struct report_view *v = tell_the_rest();

	expect_large_group(v, 0, "a");
	report_free(v);
}

Test(gateway_reporter, a_group_that_never_rests_keeps_no_other_from_being_told)
{
	struct group *group = begin_to_tell();

	for (unsigned i = 0; reporter.at.slot == 0 && i < 100; i++) {
		group_member_assign(&groups, group, group->members->next, NULL, 0);
		work_a_little();
	}
	cr_assert_eq(reporter.at.slot, 1);
	struct report_view *v = tell_the_rest();

	cr_assert_eq(v->header.left_out, 1);
	cr_assert_str_eq(v->groups[0].id, "a");
	expect_large_group(v, 1, "b");
	report_free(v);
}

/* What was published last stays until the next is whole, and is what says that we stopped. */
Test(gateway_reporter, an_end_meanwhile_marks_what_was_told_before)
{
	struct report_view *v;

	add_group("first");
	reporter_begin(&reporter, 1000);
	while (reporter_is_busy(&reporter))
		work();
	add_large_group("second");
	reporter_begin(&reporter, 5000);
	work_a_little();
	cr_assert(reporter_is_busy(&reporter));
	v = read_report();
	cr_assert_eq(v->header.groups, 1);
	cr_assert_eq(v->header.stopped, 0);
	report_free(v);
	report_destroy(reporter.report);
	v = read_report();
	cr_assert_eq(v->header.groups, 1);
	cr_assert_eq(v->header.counters.accepted, 7);
	cr_assert_eq(v->header.stopped, 1);
	report_free(v);
	reporter.report = NULL;
}
