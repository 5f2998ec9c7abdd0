/* What the files of the group's state machine share. */
#pragma once

#include "group.h"
#include "groups.h"

/* Beside enum protocol_error: no answer yet, the caller waits. */
enum { GROUP_NOT_YET = -1000 };

/* Members (group_member.c). */
struct group_member *group_member_find(const struct group *group, struct wire_string id);
struct group_member *group_member_static(const struct group *group, struct wire_string instance);
/* Or why not: no memory, or too much of it in use, of this group or of all. */
enum protocol_error group_member_add(struct groups *groups, struct group *group,
				     const struct group_join *join, const char *id,
				     struct group_member **out);
/* What it says of itself now; or why not, as above, and nothing changed. */
enum protocol_error group_member_update(struct groups *groups, struct group *group,
					struct group_member *member, const struct group_join *join);
/* What it gets; or why not: ERROR_UNKNOWN_SERVER_ERROR, as of Kafka: it will never fit. */
enum protocol_error group_member_assign(struct groups *groups, struct group *group,
					struct group_member *member, const void *data,
					uint32_t len);
bool group_member_same(const struct group_member *member, const struct group_join *join);
void group_member_remove(struct groups *groups, struct group *group, struct group_member *member);
/* It showed life. */
void group_member_touch(struct groups *groups, struct group *group, struct group_member *member);
/* Another id in place of its own. False: no memory. */
bool group_member_rename(struct group *group, struct group_member *member, const char *id);
char *group_new_member_id(struct wire_string prefix);

/* False: no memory, or too much of it in use by all groups. */
bool group_pending_add(struct groups *groups, struct group *group, char *id, int32_t session_ms);
/* Was there one? */
bool group_pending_remove(struct groups *groups, struct group *group, struct wire_string id);
void group_pending_forget(struct groups *groups, struct group *group,
			  struct group_pending *pending);

/* Its name's place is free again (groups.c). */
void groups_forget(struct groups *groups, struct group *group);
/* NULL: that life is over. */
struct group *groups_of_life(const struct groups *groups, uint64_t life);

/* Protocols (group_protocol.c). */
bool group_supports(const struct group *group, const struct group_join *join);
/* By vote; a copy, NULL: none, or no memory. */
char *group_choose_protocol(const struct group *group);

/* The way from one generation to the next (group_rebalance.c). */
void group_prepare(struct groups *groups, struct group *group);
/* PREPARING: goes on if all are there. */
void group_try_complete(struct groups *groups, struct group *group);
/* The leader's assignment is durable, or could not be made so. */
void group_stored(struct groups *groups, struct group *group, bool durable);
/* The same of a static member's new id, for which this JoinGroup waits. */
void group_renamed(struct groups *groups, struct group *group, uint64_t ticket, bool durable);
void group_tick(struct groups *groups, struct group *group);
/* A member's departure, by its own will or not. */
void group_drop(struct groups *groups, struct group *group, struct group_member *member);

/* May this caller speak for its member? *out: the member. */
enum protocol_error group_check(const struct group *group, const struct group_caller *caller,
				struct group_member **out);
