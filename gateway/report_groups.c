#include "report_groups.h"

#include <string.h>

#include "now.h"

enum {
	STEPS = 64, /* between two looks at the clock */
	TRIES = 3, /* a group that changes again and again keeps others from being told no longer */
};

static void set(char *field, size_t size, const char *text)
{
	report_name(field, size, text ? text : "", text ? strlen(text) : 0);
}

void report_groups_begin(struct report_groups *at)
{
	*at = (struct report_groups){.telling = at->telling + 1};
}

static void begin_member(struct report_groups *at, struct report *report, const struct group *group,
			 const struct group_member *m)
{
	struct report_member row = {.group = at->index};

	at->member = m;
	if (!m)
		return;
	set(row.id, sizeof(row.id), m->id);
	set(row.instance, sizeof(row.instance), m->instance);
	set(row.client, sizeof(row.client), m->client_id);
	set(row.host, sizeof(row.host), m->host);
	at->member_row = report_add_member(report, &row);
	at->member_partitions = 0;
	at->assigned = group_assigned(group, m);
}

static void begin_group(struct report_groups *at, struct report *report, const struct group *group)
{
	struct report_group row = {.generation = group->generation};

	at->begun = true;
	at->life = group->life;
	at->members_moves = group->members_moves;
	at->offsets_moves = group->offsets.moves;
	at->state = group->state;
	at->offset = 0;
	at->mark = report_mark(report);
	set(row.id, sizeof(row.id), group->name);
	set(row.state, sizeof(row.state), group_state_name(group->state));
	set(row.protocol_type, sizeof(row.protocol_type), group->protocol_type);
	set(row.protocol, sizeof(row.protocol), group->protocol);
	at->index = report_add_group(report, &row);
	begin_member(at, report, group, group->members);
}

static void next_group(struct report_groups *at)
{
	at->slot++;
	at->begun = false;
	at->tries = 0;
}

/* Is all where it was when we left off? */
static bool is_as_it_was(const struct report_groups *at, const struct group *group)
{
	return group->life == at->life && group->members_moves == at->members_moves &&
	       group->offsets.moves == at->offsets_moves && group->state == at->state;
}

static void come_back(struct report_groups *at, struct report *report, const struct group *group)
{
	if (!at->begun || is_as_it_was(at, group))
		return;
	at->begun = false;
	if (at->tries++ < TRIES) {
		report_cut(report, &at->mark);
		at->telling++;
		return;
	}
	/* What is told stays, the rest is left out. */
	report_leave_out(report);
	next_group(at);
}

static void add_offset(const struct report_groups *at, struct report *report,
		       const struct offset *o, const struct catalog *catalog)
{
	struct report_offset row = {.group = at->index,
				    .partition = o->partition,
				    .committed = (uint64_t)o->committed,
				    .committed_ms = o->commit_ms,
				    .end = -1,
				    .member = o->telling == at->telling ? o->owner : -1};
	struct wire_string name = {.at = o->topic, .len = (int32_t)strlen(o->topic)};
	const struct partition *p = catalog_partition(catalog_topic(catalog, name), o->partition);
	struct partition_view view;

	set(row.topic, sizeof(row.topic), o->topic);
	if (p && partition_look(p, &view)) {
		row.log_start = view.log_start;
		row.end = (int64_t)view.end;
	}
	report_add_offset(report, &row);
}

/* One partition that the member at hand was given: counted, and if it has a commit, marked. */
static void add_assigned(struct report_groups *at, const struct group *group)
{
	struct offset *o =
		offsets_find(&group->offsets, at->assigned.topic, at->assigned.partition);

	at->member_partitions++;
	if (!o)
		return;
	o->telling = at->telling;
	o->owner = at->member_row;
}

/* One step; false: the group is told. */
static bool tell_more(struct report_groups *at, struct report *report, const struct group *group,
		      const struct catalog *catalog)
{
	if (at->member && group_assigned_next(&at->assigned)) {
		add_assigned(at, group);
	} else if (at->member) {
		report_count_partitions(report, at->member_row, at->member_partitions);
		begin_member(at, report, group, at->member->next);
	} else if (at->offset < group->offsets.count) {
		add_offset(at, report, &group->offsets.list[at->offset++], catalog);
	} else {
		return false;
	}
	return true;
}

bool report_groups_go_on(struct report_groups *at, struct report *report,
			 const struct groups *groups, const struct catalog *catalog,
			 uint64_t until_us)
{
	if (at->slot < groups->slots_count)
		come_back(at, report, groups->slots[at->slot]);
	for (unsigned steps = 1; at->slot < groups->slots_count; steps++) {
		const struct group *group = groups->slots[at->slot];

		if (!group->name[0])
			next_group(at);
		else if (!at->begun)
			begin_group(at, report, group);
		else if (!tell_more(at, report, group, catalog))
			next_group(at);
		if (steps % STEPS == 0 && now_us() >= until_us)
			break;
	}
	return at->slot == groups->slots_count;
}
