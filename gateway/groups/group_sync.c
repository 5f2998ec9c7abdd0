/* What members ask between two rebalances: their assignment, and signs of life. */
#include <string.h>

#include "group_internal.h"

static bool says_otherwise(struct wire_string said, const char *ours)
{
	return said.len >= 0 && !wire_string_is(said, ours);
}

enum protocol_error group_check(const struct group *group, const struct group_caller *caller,
				struct group_member **out)
{
	struct group_member *member;

	if (caller->instance.len >= 0) {
		member = group_member_static(group, caller->instance);
		if (member && says_otherwise(caller->member, member->id))
			return ERROR_FENCED_INSTANCE_ID;
	} else {
		member = group_member_find(group, caller->member);
	}
	if (!member)
		return ERROR_UNKNOWN_MEMBER_ID;
	if (caller->generation != GROUP_ANY_GENERATION && caller->generation != group->generation)
		return ERROR_ILLEGAL_GENERATION;
	*out = member;
	return ERROR_NONE;
}

/* What the leader says that each gets; whom it leaves out gets nothing. */
static enum protocol_error assign(struct groups *groups, struct group *group,
				  const struct group_sync *sync)
{
	struct wire_reader r = sync->assignments;
	enum protocol_error error = ERROR_NONE;

	for (struct group_member *m = group->members; m && error == ERROR_NONE; m = m->next)
		error = group_member_assign(groups, group, m, NULL, 0);
	for (int32_t i = 0; i < sync->count && error == ERROR_NONE; i++) {
		struct wire_string id = wire_get_name(&r);
		struct wire_string assignment = wire_get_bytes(&r);

		wire_get_tags(&r);
		struct group_member *m = r.failed ? NULL : group_member_find(group, id);
		if (m && assignment.len > 0)
			error = group_member_assign(groups, group, m, assignment.at,
						    (uint32_t)assignment.len);
	}
	return error;
}

/* On its way to the disk; nobody is told before it is there. */
static enum protocol_error store_assignment(struct groups *groups, struct group *group,
					    const struct group_sync *sync)
{
	struct store_op *op;
	enum protocol_error error = assign(groups, group, sync);

	/* The leader's client gives up. Others do not wait for it: they join again, as with Kafka.
	 */
	if (error == ERROR_UNKNOWN_SERVER_ERROR)
		group_prepare(groups, group);
	if (error != ERROR_NONE)
		return error;
	op = store_op_create(group->life, group->generation);
	if (!op)
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	groups_store_group(op, group);
	if (!groups_submit(groups, group, op, NULL))
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	group->storing = true;
	return ERROR_NONE;
}

static int park(struct groups *groups, struct group *group, struct group_member *member,
		const struct group_sync *sync, uint64_t *ticket)
{
	bool leads = group->leader && strcmp(group->leader, member->id) == 0;

	if (leads && !group->storing) {
		enum protocol_error error = store_assignment(groups, group, sync);
		if (error != ERROR_NONE)
			return error;
	}
	*ticket = member->sync_ticket = ++groups->tickets;
	member->syncs = true;
	member->unsynced = false;
	return GROUP_NOT_YET;
}

static int sync_first(struct groups *groups, const struct group_sync *sync, uint64_t *ticket,
		      struct group_synced *answer, const uint64_t **changes)
{
	struct group *group = groups_find(groups, sync->caller.group);
	struct group_member *member;

	if (sync->caller.group.len <= 0)
		return ERROR_INVALID_GROUP_ID;
	if (!group)
		return ERROR_UNKNOWN_MEMBER_ID;
	enum protocol_error error = group_check(group, &sync->caller, &member);
	if (error != ERROR_NONE)
		return error;
	if (says_otherwise(sync->protocol_type, group->protocol_type) ||
	    says_otherwise(sync->protocol, group->protocol))
		return ERROR_INCONSISTENT_GROUP_PROTOCOL;
	group_member_touch(groups, group, member);
	*changes = &group->changes;
	switch (group->state) {
	case GROUP_EMPTY:
		return ERROR_UNKNOWN_MEMBER_ID;
	case GROUP_PREPARING:
		return ERROR_REBALANCE_IN_PROGRESS;
	case GROUP_COMPLETING:
		return park(groups, group, member, sync, ticket);
	case GROUP_STABLE:
		member->unsynced = false;
		break;
	}
	answer->group = group;
	answer->member = member;
	return ERROR_NONE;
}

/* With a ticket: is the wait over? */
static int look(struct groups *groups, const struct group_sync *sync, uint64_t ticket,
		struct group_synced *answer)
{
	const struct group *group = groups_find(groups, sync->caller.group);
	const struct group_member *m = group ? group->members : NULL;

	while (m && m->sync_ticket != ticket)
		m = m->next;
	if (!m)
		return group && sync->caller.instance.len >= 0 &&
				       group_member_static(group, sync->caller.instance)
			       ? ERROR_FENCED_INSTANCE_ID
			       : ERROR_UNKNOWN_MEMBER_ID;
	if (m->syncs)
		return GROUP_NOT_YET;
	if (group->state != GROUP_STABLE || group->generation != sync->caller.generation)
		return ERROR_REBALANCE_IN_PROGRESS;
	answer->group = group;
	answer->member = m;
	return ERROR_NONE;
}

bool group_sync(struct groups *groups, const struct group_sync *sync, uint64_t *ticket,
		struct group_synced *answer, const uint64_t **changes)
{
	int result = *ticket ? look(groups, sync, *ticket, answer)
			     : sync_first(groups, sync, ticket, answer, changes);

	if (result == GROUP_NOT_YET)
		return false;
	answer->error = (enum protocol_error)result;
	return true;
}

enum protocol_error group_heartbeat(struct groups *groups, const struct group_caller *caller)
{
	struct group *group = groups_find(groups, caller->group);
	struct group_member *member;

	if (caller->group.len <= 0)
		return ERROR_INVALID_GROUP_ID;
	if (!group)
		return ERROR_UNKNOWN_MEMBER_ID;
	enum protocol_error error = group_check(group, caller, &member);
	if (error != ERROR_NONE)
		return error;
	group_member_touch(groups, group, member);
	return group->state == GROUP_PREPARING ? ERROR_REBALANCE_IN_PROGRESS : ERROR_NONE;
}

enum protocol_error group_leave(struct groups *groups, struct wire_string name,
				struct wire_string id, struct wire_string instance)
{
	struct group *group = groups_find(groups, name);
	struct group_caller caller = {
		.member = id, .instance = instance, .generation = GROUP_ANY_GENERATION};
	struct group_member *member;

	if (name.len <= 0)
		return ERROR_INVALID_GROUP_ID;
	if (!group)
		return ERROR_UNKNOWN_MEMBER_ID;
	/* An administrator names a static member by its instance alone. */
	if (instance.len >= 0 && id.len == 0)
		caller.member.len = -1;
	if (instance.len < 0 && group_pending_remove(groups, group, id)) {
		group_try_complete(groups, group);
		return ERROR_NONE;
	}
	enum protocol_error error = group_check(group, &caller, &member);
	if (error == ERROR_NONE)
		group_drop(groups, group, member);
	return error;
}

enum protocol_error group_may_commit(struct groups *groups, const struct group_caller *caller,
				     struct group **out)
{
	struct group *group = groups_find(groups, caller->group);
	struct group_member *member;

	if (!group && caller->generation >= 0)
		return ERROR_ILLEGAL_GENERATION;
	if (!group)
		group = groups_get(groups, caller->group);
	if (!group)
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	*out = group;
	/* Who assigns partitions itself commits without being a member, where there are none. */
	if (caller->generation < 0 && !group->members)
		return ERROR_NONE;
	if (caller->generation < 0 && caller->member.len <= 0 && caller->instance.len < 0)
		return ERROR_UNKNOWN_MEMBER_ID;
	enum protocol_error error = group_check(group, caller, &member);
	if (error != ERROR_NONE)
		return error;
	if (group->state == GROUP_COMPLETING)
		return ERROR_REBALANCE_IN_PROGRESS;
	group_member_touch(groups, group, member);
	return ERROR_NONE;
}

const char *group_state_name(enum group_state state)
{
	static const char *const names[] = {[GROUP_EMPTY] = "Empty",
					    [GROUP_PREPARING] = "PreparingRebalance",
					    [GROUP_COMPLETING] = "CompletingRebalance",
					    [GROUP_STABLE] = "Stable"};

	return names[state];
}
