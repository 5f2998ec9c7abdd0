#include "report_groups.h"

#include <stdlib.h>
#include <string.h>

static void set(char *field, size_t size, const char *text)
{
	report_name(field, size, text ? text : "", text ? strlen(text) : 0);
}

enum { OWNER_NONE = -1, OWNER_NEXT = -2 };

/* How many partitions a member has; those with a commit are marked as its. */
static uint32_t count_assigned(const struct group *group, const struct group_member *m,
			       int32_t *owners)
{
	struct group_assigned at = group_assigned(group, m);
	uint32_t count = 0;

	while (group_assigned_next(&at)) {
		const struct offset *o = offsets_find(&group->offsets, at.topic, at.partition);

		if (o)
			owners[o - group->offsets.list] = OWNER_NEXT;
		count++;
	}
	return count;
}

static void add_member(struct report *report, uint32_t index, const struct group *group,
		       const struct group_member *m, int32_t *owners)
{
	struct report_member row = {.group = index, .partitions = count_assigned(group, m, owners)};

	set(row.id, sizeof(row.id), m->id);
	set(row.instance, sizeof(row.instance), m->instance);
	set(row.client, sizeof(row.client), m->client_id);
	set(row.host, sizeof(row.host), m->host);
	int32_t own = report_add_member(report, &row);
	for (size_t i = 0; i < group->offsets.count; i++)
		if (owners[i] == OWNER_NEXT)
			owners[i] = own;
}

static void add_offset(struct report *report, uint32_t index, const struct offset *o, int32_t owner,
		       const struct catalog *catalog)
{
	struct report_offset row = {.group = index,
				    .partition = o->partition,
				    .committed = (uint64_t)o->committed,
				    .committed_ms = o->commit_ms,
				    .end = -1,
				    .member = owner};
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

static void add_group(struct report *report, const struct group *group,
		      const struct catalog *catalog)
{
	struct report_group row = {.generation = group->generation};
	size_t count = group->offsets.count;
	int32_t *owners = malloc((count ? count : 1) * sizeof(*owners));

	if (!owners)
		return;
	for (size_t i = 0; i < count; i++)
		owners[i] = OWNER_NONE;
	set(row.id, sizeof(row.id), group->name);
	set(row.state, sizeof(row.state), group_state_name(group->state));
	set(row.protocol_type, sizeof(row.protocol_type), group->protocol_type);
	set(row.protocol, sizeof(row.protocol), group->protocol);
	uint32_t index = report_add_group(report, &row);
	for (const struct group_member *m = group->members; m; m = m->next)
		add_member(report, index, group, m, owners);
	for (size_t i = 0; i < count; i++)
		add_offset(report, index, &group->offsets.list[i], owners[i], catalog);
	free(owners);
}

void report_groups(struct report *report, const struct groups *groups,
		   const struct catalog *catalog)
{
	for (unsigned i = 0; i < groups->slots_count; i++)
		if (groups->slots[i]->name[0])
			add_group(report, groups->slots[i], catalog);
}
