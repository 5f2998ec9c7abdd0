#include "groups.h"

#include <stdlib.h>
#include <string.h>

#include "group_internal.h"

enum { EXPIRE_EACH_MS = 60 * 1000 };

/* --- by name ---------------------------------------------------------------------------------- */

bool groups_name_valid(struct wire_string name)
{
	return name.len > 0 && name.len <= GROUP_NAME_MAX && !memchr(name.at, 0, (size_t)name.len);
}

struct group *groups_find(const struct groups *groups, struct wire_string name)
{
	return names_find_string(&groups->by_name, name);
}

/* Nobody is there, and nothing is in it. */
static bool unused(const struct group *group)
{
	return group->state == GROUP_EMPTY && !group->members && !group->pending && !group->ops &&
	       !group->offsets.count;
}

/* Names that somebody only asked for do not keep others out: what never had a generation is not on
 * the disk either. */
static void forget_unused(struct groups *groups)
{
	struct group *oldest = NULL;

	for (unsigned i = 0; i < groups->slots_count; i++) {
		struct group *group = groups->slots[i];

		if (unused(group) && group->generation == 0 &&
		    (!oldest || group->emptied_ms < oldest->emptied_ms))
			oldest = group;
	}
	if (oldest)
		groups_forget(groups, oldest);
}

/* NULL: no memory, or all are of use. */
static struct group *free_slot(struct groups *groups)
{
	if (!groups->free && groups->slots_count == GROUPS_MAX)
		forget_unused(groups);
	struct group *group = groups->free;
	if (group) {
		groups->free = group->next_free;
	} else if (groups->slots_count < GROUPS_MAX) {
		group = calloc(1, sizeof(*group));
		if (!group)
			return NULL;
		group->slot = groups->slots_count;
		groups->slots[groups->slots_count++] = group;
	}
	return group;
}

struct group *groups_of_life(const struct groups *groups, uint64_t life)
{
	unsigned slot = life % GROUPS_MAX;

	return life && slot < groups->slots_count && groups->slots[slot]->life == life
		       ? groups->slots[slot]
		       : NULL;
}

struct group *groups_get(struct groups *groups, struct wire_string name)
{
	struct group *group = groups_find(groups, name);

	if (group || !groups_name_valid(name))
		return group;
	group = free_slot(groups);
	if (!group)
		return NULL;
	*group = (struct group){.slot = group->slot,
				.changes = group->changes,
				.life = ++groups->lives * GROUPS_MAX + group->slot,
				.members_end = &group->members,
				.pending_end = &group->pending,
				.deadline_ms = UINT64_MAX,
				.emptied_ms = groups->wall_ms};
	memcpy(group->name, name.at, (size_t)name.len);
	names_put(&groups->by_name, &group->by_name, group->name, (size_t)name.len, group);
	groups_timer(groups, group, groups->now_ms + GROUPS_EMPTY_KEPT_MS);
	return group;
}

void groups_forget(struct groups *groups, struct group *group)
{
	if (!group->name[0])
		return;
	while (group->members)
		group_member_remove(groups, group, group->members);
	while (group->pending)
		group_pending_forget(groups, group, group->pending);
	names_clear(&group->members_by_id);
	names_clear(&group->members_by_instance);
	names_clear(&group->pending_by_id);
	groups->bytes -= group->offsets.bytes;
	offsets_clear(&group->offsets);
	free(group->protocol_type);
	free(group->protocol);
	free(group->leader);
	group->protocol_type = group->protocol = group->leader = NULL;
	names_remove(&groups->by_name, &group->by_name);
	group->name[0] = 0;
	group->life = 0;
	group->next_free = groups->free;
	groups->free = group;
	group->deadline_ms = UINT64_MAX;
	groups_changed(groups, group);
}

/* --- time ------------------------------------------------------------------------------------- */

/* What stands in the past stays as long ago as it was, when somebody sets the clock. */
static void shift_past(struct groups *groups, int64_t by_ms)
{
	for (unsigned i = 0; i < groups->slots_count; i++) {
		struct group *group = groups->slots[i];

		group->emptied_ms += by_ms;
		for (size_t n = 0; n < group->offsets.count; n++)
			group->offsets.list[n].commit_ms += by_ms;
	}
}

void groups_set_time(struct groups *groups, uint64_t now_ms, int64_t wall_ms)
{
	int64_t step = wall_ms - groups->wall_ms - (int64_t)(now_ms - groups->now_ms);

	if (groups->now_ms && (step > GROUPS_CLOCK_STEP_MS || step < -GROUPS_CLOCK_STEP_MS))
		shift_past(groups, step);
	groups->now_ms = now_ms;
	groups->wall_ms = wall_ms;
}

void groups_timer(struct groups *groups, struct group *group, uint64_t at_ms)
{
	if (at_ms < group->deadline_ms)
		group->deadline_ms = at_ms;
	if (at_ms < groups->deadline_ms)
		groups->deadline_ms = at_ms;
}

void groups_changed(struct groups *groups, struct group *group)
{
	group->changes++;
	groups->changes++;
}

static bool past(const struct groups *groups, const struct group *group, const struct offset *o)
{
	int64_t from = group->emptied_ms > o->commit_ms ? group->emptied_ms : o->commit_ms;

	return groups->wall_ms - from > GROUPS_OFFSETS_KEPT_MS;
}

/* Offsets of a group that nobody came back to. They go from memory when they are gone from disk. */
static void expire_offsets(struct groups *groups, struct group *group)
{
	struct store_op *op = NULL;

	for (size_t i = 0; i < group->offsets.count; i++) {
		const struct offset *o = &group->offsets.list[i];

		if (!past(groups, group, o))
			continue;
		if (!op)
			op = store_op_create(group->life, -1);
		if (!op)
			return;
		const struct store_value values[] = {store_text(group->name), store_text(o->topic),
						     store_number(o->partition)};
		store_op_row(op, STORE_OFFSET_GONE, values, 3);
	}
	if (op)
		groups_submit(groups, group, op, NULL);
}

/* Neither members nor offsets, for a while. */
static bool useless(const struct groups *groups, const struct group *group)
{
	return unused(group) && groups->wall_ms - group->emptied_ms >= GROUPS_EMPTY_KEPT_MS;
}

static void expire(struct groups *groups)
{
	groups->expired_ms = groups->now_ms;
	for (unsigned i = 0; i < groups->slots_count; i++) {
		struct group *group = groups->slots[i];

		if (!group->name[0] || group->state != GROUP_EMPTY || group->ops)
			continue;
		expire_offsets(groups, group);
		if (!useless(groups, group))
			continue;
		struct store_op *op = store_op_create(group->life, -1);
		if (!op)
			return;
		groups_store_gone(op, group);
		groups_submit(groups, group, op, NULL);
	}
}

void groups_tick(struct groups *groups)
{
	if (groups->now_ms - groups->expired_ms >= EXPIRE_EACH_MS)
		expire(groups);
	if (groups->now_ms < groups->deadline_ms)
		return;
	groups->deadline_ms = UINT64_MAX;
	for (unsigned i = 0; i < groups->slots_count; i++) {
		struct group *group = groups->slots[i];

		if (!group->name[0])
			continue;
		if (groups->now_ms >= group->deadline_ms)
			group_tick(groups, group);
		else
			groups_timer(groups, group, group->deadline_ms);
	}
}
