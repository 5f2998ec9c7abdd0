/* JoinGroup: who may come in, and who has to wait for the others. */
#include <stdlib.h>
#include <string.h>

#include "group_internal.h"

/* Waits for the end of PREPARING. */
static int park(struct groups *groups, struct group *group, struct group_member *member,
		uint64_t *ticket)
{
	*ticket = member->join_ticket = ++groups->tickets;
	member->joins = true;
	group_member_touch(groups, group, member);
	if (group->state == GROUP_PREPARING)
		group_try_complete(groups, group);
	else
		group_prepare(groups, group);
	return GROUP_NOT_YET;
}

static int add_and_park(struct groups *groups, struct group *group, const struct group_join *join,
			const char *id, uint64_t *ticket)
{
	struct group_member *member;
	char *type = NULL;

	if (group->members_count >= GROUP_MEMBERS_MAX)
		return ERROR_GROUP_MAX_SIZE_REACHED;
	if (!group->members) {
		type = strndup(join->protocol_type.at, (size_t)join->protocol_type.len);
		if (!type)
			return ERROR_COORDINATOR_NOT_AVAILABLE;
	}
	enum protocol_error error = group_member_add(groups, group, join, id, &member);
	if (error != ERROR_NONE) {
		free(type);
		return error;
	}
	if (type) {
		free(group->protocol_type);
		group->protocol_type = type;
	}
	member->fresh = true;
	group->joined_since = true;
	return park(groups, group, member, ticket);
}

/* A dynamic member that has no id yet. */
static int join_new(struct groups *groups, struct group *group, const struct group_join *join,
		    uint64_t *ticket, struct group_joined *answer)
{
	char *id = group_new_member_id(join->client_id);
	int result;

	if (!id)
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	if (!join->id_required) {
		result = add_and_park(groups, group, join, id, ticket);
		free(id);
		return result;
	}
	bool full = group->members_count >= GROUP_MEMBERS_MAX;
	if (full || !group_pending_add(groups, group, id, join->session_ms)) {
		free(id);
		return full ? ERROR_GROUP_MAX_SIZE_REACHED : ERROR_COORDINATOR_NOT_AVAILABLE;
	}
	answer->member_id = id;
	return ERROR_MEMBER_ID_REQUIRED;
}

static void fill(const struct group *group, const struct group_member *member,
		 struct group_joined *answer)
{
	answer->group = group;
	answer->member = member;
	answer->member_id = member->id;
	answer->leader = group->leader ? group->leader : "";
	answer->lists_members = strcmp(answer->leader, member->id) == 0;
}

/* Would the vote end otherwise, now that a member says something else? */
static bool same_choice(const struct group *group)
{
	char *choice = group_choose_protocol(group);
	bool same = choice && group->protocol && strcmp(choice, group->protocol) == 0;

	free(choice);
	return same;
}

/* It goes on where it was, without a rebalance, once a restart would find its new id. */
static int take_over_quietly(struct groups *groups, struct group *group,
			     struct group_member *member, uint64_t *ticket)
{
	struct store_op *op = store_op_create(group->life, -1);

	*ticket = member->join_ticket = ++groups->tickets;
	member->joins = true;
	if (op) {
		op->ticket = *ticket;
		groups_store_group(op, group);
	}
	if (!op || !groups_submit(groups, group, op, NULL))
		group_prepare(groups, group);
	return GROUP_NOT_YET;
}

/* A static member is back, without its id: whoever had the id is fenced off. */
static int join_again(struct groups *groups, struct group *group, struct group_member *member,
		      const struct group_join *join, uint64_t *ticket)
{
	char *id = group_new_member_id(join->instance);
	bool led = group->leader && strcmp(group->leader, member->id) == 0;
	enum protocol_error error = id ? group_member_update(groups, group, member, join)
				       : ERROR_COORDINATOR_NOT_AVAILABLE;

	if (error == ERROR_NONE && !group_member_rename(group, member, id))
		error = ERROR_COORDINATOR_NOT_AVAILABLE;
	free(id);
	if (error != ERROR_NONE)
		return error;
	if (led) {
		/* NULL: the next generation chooses one. */
		free(group->leader);
		group->leader = strdup(member->id);
	}
	member->joins = member->syncs = false;
	member->join_ticket = member->sync_ticket = 0;
	groups_changed(groups, group);
	group_member_touch(groups, group, member);
	if (group->state == GROUP_STABLE && same_choice(group))
		return take_over_quietly(groups, group, member, ticket);
	return park(groups, group, member, ticket);
}

/* One that has an id. */
static int join_known(struct groups *groups, struct group *group, const struct group_join *join,
		      uint64_t *ticket, struct group_joined *answer)
{
	const struct group_caller caller = {.member = join->member,
					    .instance = join->instance,
					    .generation = GROUP_ANY_GENERATION};
	struct group_member *member;

	if (join->instance.len < 0 && group_pending_remove(groups, group, join->member)) {
		char *id = strndup(join->member.at, (size_t)join->member.len);
		int result = id ? add_and_park(groups, group, join, id, ticket)
				: ERROR_COORDINATOR_NOT_AVAILABLE;

		free(id);
		return result;
	}
	enum protocol_error error = group_check(group, &caller, &member);
	if (error != ERROR_NONE)
		return error;
	bool same = group_member_same(member, join);
	bool leads = group->leader && strcmp(group->leader, member->id) == 0;
	/* What it would be told anyway: a follower that asks again, or whose answer got lost. */
	if (same &&
	    (group->state == GROUP_COMPLETING || (group->state == GROUP_STABLE && !leads))) {
		group_member_touch(groups, group, member);
		fill(group, member, answer);
		answer->lists_members = leads && group->state == GROUP_COMPLETING;
		return ERROR_NONE;
	}
	error = group_member_update(groups, group, member, join);
	if (error != ERROR_NONE)
		return error;
	return park(groups, group, member, ticket);
}

static enum protocol_error acceptable(const struct group_join *join)
{
	if (!groups_name_valid(join->group))
		return ERROR_INVALID_GROUP_ID;
	if (join->session_ms < GROUP_SESSION_MIN_MS || join->session_ms > GROUP_SESSION_MAX_MS)
		return ERROR_INVALID_SESSION_TIMEOUT;
	if (join->instance.len >= 0 && !groups_name_valid(join->instance))
		return ERROR_INVALID_REQUEST;
	if (join->protocol_type.len > GROUP_TYPE_MAX)
		return ERROR_INCONSISTENT_GROUP_PROTOCOL;
	return ERROR_NONE;
}

static int join_first(struct groups *groups, const struct group_join *join, uint64_t *ticket,
		      struct group_joined *answer, const uint64_t **changes)
{
	enum protocol_error error = acceptable(join);
	struct group *group;

	if (error != ERROR_NONE)
		return error;
	group = groups_find(groups, join->group);
	if (!group && join->member.len > 0)
		return ERROR_UNKNOWN_MEMBER_ID;
	if (!group)
		group = groups_get(groups, join->group);
	if (!group)
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	*changes = &group->changes;
	if (!group_supports(group, join))
		return ERROR_INCONSISTENT_GROUP_PROTOCOL;
	if (join->member.len > 0)
		return join_known(groups, group, join, ticket, answer);
	if (join->instance.len < 0)
		return join_new(groups, group, join, ticket, answer);
	struct group_member *member = group_member_static(group, join->instance);
	if (member)
		return join_again(groups, group, member, join, ticket);
	char *id = group_new_member_id(join->instance);
	int result = id ? add_and_park(groups, group, join, id, ticket)
			: ERROR_COORDINATOR_NOT_AVAILABLE;
	free(id);
	return result;
}

/* With a ticket: is the wait over? */
static int look(struct groups *groups, const struct group_join *join, uint64_t ticket,
		struct group_joined *answer)
{
	const struct group *group = groups_find(groups, join->group);
	const struct group_member *m = group ? group->members : NULL;

	while (m && m->join_ticket != ticket)
		m = m->next;
	if (!m) {
		/* Another took its place, or it had to go. */
		return group && join->instance.len >= 0 &&
				       group_member_static(group, join->instance)
			       ? ERROR_FENCED_INSTANCE_ID
			       : ERROR_UNKNOWN_MEMBER_ID;
	}
	if (m->joins)
		return GROUP_NOT_YET;
	fill(group, m, answer);
	/* A leader has had no generation to assign: see take_over_quietly(). A client that cannot
	 * be told to skip it must not take itself for the leader. */
	if (group->state == GROUP_STABLE && answer->lists_members) {
		answer->lists_members = answer->skip_assignment = join->skips_assignment;
		if (!join->skips_assignment)
			answer->leader = "";
	}
	return ERROR_NONE;
}

bool group_join(struct groups *groups, const struct group_join *join, uint64_t *ticket,
		struct group_joined *answer, const uint64_t **changes)
{
	int result;

	*answer = (struct group_joined){.leader = ""};
	if (!*ticket) {
		result = join_first(groups, join, ticket, answer, changes);
		/* Its own arrival may have been what all waited for. */
		if (result == GROUP_NOT_YET)
			result = look(groups, join, *ticket, answer);
	} else {
		result = look(groups, join, *ticket, answer);
	}
	if (result == GROUP_NOT_YET)
		return false;
	answer->error = (enum protocol_error)result;
	return true;
}
