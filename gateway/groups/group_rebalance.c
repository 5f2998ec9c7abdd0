/* From one generation to the next, and what time does to a group. */
#include <stdlib.h>
#include <string.h>

#include "group_internal.h"

static uint32_t longest_rebalance(const struct group *group)
{
	int32_t longest = GROUP_REBALANCE_MIN_MS;

	for (const struct group_member *m = group->members; m; m = m->next)
		if (m->rebalance_ms > longest)
			longest = m->rebalance_ms;
	return (uint32_t)longest;
}

/* Nobody's SyncGroup is answered in this generation any more. */
static void give_up_assignments(struct groups *groups, struct group *group)
{
	for (struct group_member *m = group->members; m; m = m->next) {
		group_member_assign(groups, group, m, NULL, 0);
		m->syncs = false;
	}
	group->storing = false;
}

void group_prepare(struct groups *groups, struct group *group)
{
	uint32_t longest = longest_rebalance(group);

	if (group->state == GROUP_COMPLETING)
		give_up_assignments(groups, group);
	group->initial = group->state == GROUP_EMPTY;
	group->prepared_ms = groups->now_ms + longest;
	if (group->initial) {
		uint32_t delay =
			groups->initial_delay_ms < longest ? groups->initial_delay_ms : longest;
		group->initial_until_ms = group->prepared_ms;
		group->prepared_ms = groups->now_ms + delay;
		group->joined_since = false;
	}
	group->state = GROUP_PREPARING;
	groups_timer(groups, group, group->prepared_ms);
	groups_changed(groups, group);
	group_try_complete(groups, group);
}

void group_stored(struct groups *groups, struct group *group, bool durable)
{
	if (group->state != GROUP_COMPLETING || !group->storing)
		return;
	if (!durable) {
		group_prepare(groups, group);
		return;
	}
	group->storing = false;
	group->state = GROUP_STABLE;
	groups_timer(groups, group, group->synced_by_ms);
	for (struct group_member *m = group->members; m; m = m->next) {
		if (m->syncs)
			group_member_touch(groups, group, m);
		m->syncs = false;
	}
	groups_changed(groups, group);
}

void group_renamed(struct groups *groups, struct group *group, uint64_t ticket, bool durable)
{
	struct group_member *m = group->members;

	while (m && m->join_ticket != ticket)
		m = m->next;
	/* Somebody else's arrival may have begun a rebalance, which ends the wait as well. */
	if (!m || group->state != GROUP_STABLE)
		return;
	if (!durable) {
		group_prepare(groups, group);
		return;
	}
	m->joins = false;
	group_member_touch(groups, group, m);
}

static bool all_joined(const struct group *group)
{
	for (const struct group_member *m = group->members; m; m = m->next)
		if (!m->joins)
			return false;
	return group->pending_count == 0;
}

static void become_empty(struct groups *groups, struct group *group)
{
	struct store_op *op = store_op_create(group->life, -1);

	group->state = GROUP_EMPTY;
	group->emptied_ms = groups->wall_ms;
	free(group->protocol);
	group->protocol = NULL;
	groups_timer(groups, group, groups->now_ms + GROUPS_EMPTY_KEPT_MS);
	if (!op)
		return;
	groups_store_group(op, group);
	groups_submit(groups, group, op, NULL);
}

/* The leader goes on to lead if it is back, else the first who is. */
static bool choose_leader(struct group *group)
{
	const struct group_member *leader = NULL;

	for (const struct group_member *m = group->members; m; m = m->next) {
		if (!m->joins)
			continue;
		if (group->leader && strcmp(m->id, group->leader) == 0)
			return true;
		if (!leader)
			leader = m;
	}
	if (!leader)
		return false;
	char *id = strdup(leader->id);
	if (!id)
		return false;
	free(group->leader);
	group->leader = id;
	return true;
}

/* Those who did not join again go; static members keep their place. */
static void drop_absent(struct groups *groups, struct group *group)
{
	struct group_member *next;

	for (struct group_member *m = group->members; m; m = next) {
		next = m->next;
		if (!m->joins && !m->instance)
			group_member_remove(groups, group, m);
	}
}

static void complete(struct groups *groups, struct group *group)
{
	char *protocol;

	drop_absent(groups, group);
	group->initial = false;
	if (!group->members) {
		group->generation++;
		become_empty(groups, group);
		groups_changed(groups, group);
		return;
	}
	protocol = choose_leader(group) ? group_choose_protocol(group) : NULL;
	if (!protocol) {
		/* Only static members, and none is back; or no memory: once more. */
		group->prepared_ms = groups->now_ms + longest_rebalance(group);
		groups_timer(groups, group, group->prepared_ms);
		return;
	}
	group->generation++;
	free(group->protocol);
	group->protocol = protocol;
	group->state = GROUP_COMPLETING;
	group->synced_by_ms = groups->now_ms + longest_rebalance(group);
	groups_timer(groups, group, group->synced_by_ms);
	for (struct group_member *m = group->members; m; m = m->next) {
		m->unsynced = true;
		if (m->joins) {
			m->joins = m->fresh = false;
			group_member_touch(groups, group, m);
		}
	}
	groups_changed(groups, group);
}

void group_try_complete(struct groups *groups, struct group *group)
{
	if (group->state == GROUP_PREPARING && !group->initial && all_joined(group))
		complete(groups, group);
}

void group_drop(struct groups *groups, struct group *group, struct group_member *member)
{
	group_member_remove(groups, group, member);
	if (group->state == GROUP_PREPARING)
		group_try_complete(groups, group);
	else if (group->state != GROUP_EMPTY)
		group_prepare(groups, group);
}

/* An empty group waits for others who may come, as long as they come. */
static void preparing_over(struct groups *groups, struct group *group)
{
	if (group->initial && group->joined_since && groups->now_ms < group->initial_until_ms) {
		uint64_t until = groups->now_ms + groups->initial_delay_ms;

		group->joined_since = false;
		group->prepared_ms =
			until < group->initial_until_ms ? until : group->initial_until_ms;
		groups_timer(groups, group, group->prepared_ms);
		return;
	}
	complete(groups, group);
}

static void expire_members(struct groups *groups, struct group *group)
{
	struct group_member *m = group->members;

	while (m) {
		/* Who waits for us is not silent, but for newcomers: they may be gone already. */
		bool waits = (m->joins || m->syncs) && !m->fresh;

		if (waits || groups->now_ms < m->expires_ms) {
			m = m->next;
			continue;
		}
		/* It may change the whole list. */
		group_drop(groups, group, m);
		m = group->members;
	}
}

static void expire_pending(struct groups *groups, struct group *group)
{
	bool gone = false;

	for (struct group_pending *p = group->pending, *next; p; p = next) {
		next = p->next;
		if (groups->now_ms < p->expires_ms)
			continue;
		group_pending_forget(groups, group, p);
		gone = true;
	}
	if (gone)
		group_try_complete(groups, group);
}

/* Does a time run for those who have not synced? Not while the disk is what all wait for. */
static bool awaits_syncs(const struct group *group)
{
	if (group->state == GROUP_COMPLETING)
		return !group->storing;
	for (const struct group_member *m = group->members; m; m = m->next)
		if (m->unsynced)
			return group->state == GROUP_STABLE;
	return false;
}

/* The leader did not assign, or members did not ask, in time: whatever they do besides, nobody
 * works on what they were given. */
static void drop_unsynced(struct groups *groups, struct group *group)
{
	struct group_member *next;

	for (struct group_member *m = group->members; m; m = next) {
		next = m->next;
		if (m->unsynced)
			group_member_remove(groups, group, m);
	}
	group_prepare(groups, group);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When something has to be looked at again. */
static uint64_t next_deadline(const struct groups *groups, const struct group *group)
{
	uint64_t at = UINT64_MAX;

	for (const struct group_member *m = group->members; m; m = m->next)
		if (m->fresh || !(m->joins || m->syncs))
			at = earlier(at, m->expires_ms);
	for (const struct group_pending *p = group->pending; p; p = p->next)
		at = earlier(at, p->expires_ms);
	if (group->state == GROUP_PREPARING)
		at = earlier(at, group->prepared_ms);
	if (awaits_syncs(group))
		at = earlier(at, group->synced_by_ms);
	if (group->state == GROUP_EMPTY)
		at = earlier(at, groups->now_ms + GROUPS_EMPTY_KEPT_MS);
	return at;
}

void group_tick(struct groups *groups, struct group *group)
{
	expire_pending(groups, group);
	expire_members(groups, group);
	if (group->state == GROUP_PREPARING && groups->now_ms >= group->prepared_ms)
		preparing_over(groups, group);
	else if (awaits_syncs(group) && groups->now_ms >= group->synced_by_ms)
		drop_unsynced(groups, group);
	group->deadline_ms = UINT64_MAX;
	groups_timer(groups, group, next_deadline(groups, group));
}
