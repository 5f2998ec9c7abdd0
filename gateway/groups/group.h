/*
 * One consumer group of Kafka's classic protocol: its members, and the state machine that takes
 * them from one generation to the next. It knows nothing of sockets: whoever must wait is given a
 * ticket, and asks again with it when `changes` has moved. One thread; time in ms, monotonic (now)
 * or since 1970 (where it says wall).
 *
 *   EMPTY -> PREPARING (members join) -> COMPLETING (the leader assigns) -> STABLE
 *
 * What a member says of itself (its protocols) and is given (its assignment) is opaque.
 */
#pragma once

#include "../names.h"
#include "../protocol_error.h"
#include "../wire.h"
#include "offsets.h"

enum {
	GROUP_NAME_MAX = 255,
	GROUP_TYPE_MAX = 64,	     /* of a protocol type: "consumer", "connect" */
	GROUP_SESSION_MIN_MS = 6000, /* Kafka's group.min.session.timeout.ms, and max */
	GROUP_SESSION_MAX_MS = 1800000,
	GROUP_REBALANCE_MIN_MS = 1000, /* who says less gets this */
	GROUP_PROTOCOLS_MAX = 32,      /* that one member names */
	GROUP_PENDING_MAX = 1024,  /* ids given out that have not joined; then the oldest goes */
	GROUP_PENDING_MS = 30000,  /* so long at most is one waited for */
	GROUP_BYTES_MAX = 3 << 20, /* of all members: the leader is told of all in one answer */
	/* What one is given. All partitions of the largest appliance take less than half. */
	GROUP_ASSIGNMENT_MAX = 256 << 10,
	GROUP_FRESH_MS = 300000, /* a new member whose first join does not end goes after this */
};

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE };

struct group_bytes {
	uint8_t *data; /* its own, from malloc */
	uint32_t len;
};

struct group_member {
	struct group_member *next, **link;
	struct name by_id, by_instance;
	char *id;
	char *instance; /* of a static member; else NULL */
	char *client_id;
	char *host;
	int32_t session_ms, rebalance_ms;
	struct group_bytes protocols; /* {string name, bytes metadata}, not flexible */
	struct group_bytes assignment;
	uint64_t expires_ms;
	uint64_t join_ticket, sync_ticket; /* of its last JoinGroup and SyncGroup */
	bool joins, syncs;		   /* that request is not answered yet */
	bool fresh;			   /* its first join has not ended */
	bool unsynced; /* it has not asked for what it gets in this generation */
};

/* A member id that was given out, and has not joined. */
struct group_pending {
	struct group_pending *next, **link;
	struct name by_id;
	uint64_t expires_ms;
	char *id;
};

struct group {
	char name[GROUP_NAME_MAX + 1]; /* "": not in use */
	struct name by_name;
	struct group *next_free; /* while it is not in use */
	unsigned slot;
	uint64_t life;	      /* another one each time that the name is used anew */
	uint64_t changes;     /* moves when somebody who waits may have an answer */
	uint64_t deadline_ms; /* group_tick() is due then, or later */
	enum group_state state;
	int32_t generation;
	char *protocol_type, *protocol;		     /* NULL: none */
	char *leader;				     /* a member's id, or NULL */
	struct group_member *members, **members_end; /* in the order in which they came */
	struct names members_by_id, members_by_instance;
	unsigned members_count;
	uint64_t members_moves; /* how often one came or went, or was assigned something else */
	struct group_pending *pending, **pending_end; /* the oldest is first */
	struct names pending_by_id;
	unsigned pending_count;
	uint64_t prepared_ms;	   /* PREPARING ends then, whoever is missing */
	uint64_t initial_until_ms; /* the first PREPARING of an empty group may be drawn out so far
				    */
	bool initial, joined_since;
	uint64_t synced_by_ms; /* COMPLETING, STABLE: who has not synced then goes */
	bool storing;	       /* the leader's assignment is on its way to the disk */
	int64_t emptied_ms;    /* wall: EMPTY since; meant for STATE EMPTY only */
	unsigned ops;	       /* of the store, on their way */
	struct offsets offsets;
	size_t bytes; /* of members */
};

struct groups;

/* Any of these may name a member of a group that does not exist; all strings point into requests.
 */
struct group_join {
	struct wire_string group, member, instance /* null: dynamic */, client_id, protocol_type;
	const char *host;
	int32_t session_ms, rebalance_ms;
	struct group_bytes protocols; /* as above; the caller's */
	bool id_required;	      /* such clients are given an id first (version 4) */
	bool skips_assignment;	      /* a static leader that is back may be told to (version 9) */
};

struct group_joined {
	enum protocol_error error;
	const struct group *group;	   /* NULL with an error */
	const struct group_member *member; /* NULL with an error */
	const char *member_id;		   /* also with ERROR_MEMBER_ID_REQUIRED; else NULL */
	const char *leader;
	bool lists_members; /* for the leader: all members with their metadata */
	bool skip_assignment;
};

/* *ticket: 0 for a new request. True: answered; false: wait for *changes to move. */
bool group_join(struct groups *groups, const struct group_join *join, uint64_t *ticket,
		struct group_joined *answer, const uint64_t **changes);

enum { GROUP_ANY_GENERATION = INT32_MIN };

/* Who speaks: most requests begin with it. */
struct group_caller {
	struct wire_string group, member, instance;
	int32_t generation;
};

struct group_sync {
	struct group_caller caller;
	struct wire_string protocol_type, protocol; /* null: not said */
	int32_t count;				    /* of assignments */
	struct wire_reader assignments; /* {string member, bytes assignment, tags} of the request */
};

struct group_synced {
	enum protocol_error error;
	const struct group *group;
	const struct group_member *member;
};

bool group_sync(struct groups *groups, const struct group_sync *sync, uint64_t *ticket,
		struct group_synced *answer, const uint64_t **changes);

enum protocol_error group_heartbeat(struct groups *groups, const struct group_caller *caller);

/* One member goes. */
enum protocol_error group_leave(struct groups *groups, struct wire_string name,
				struct wire_string id, struct wire_string instance);

/* May this caller commit? With ERROR_NONE *out is the group, made if there was none. */
enum protocol_error group_may_commit(struct groups *groups, const struct group_caller *caller,
				     struct group **out);

/* What a member's metadata for the group's protocol is; empty if it has none. */
struct wire_string group_metadata(const struct group *group, const struct group_member *member);

const char *group_state_name(enum group_state state);

/* The topics that a group's consumers subscribe to, member by member. */
struct group_subscribed {
	const struct group *group;
	const struct group_member *member;
	struct wire_reader reader;
	int32_t topics_left;
};

/* Before the first; none if the group is not of consumers. */
struct group_subscribed group_subscribed(const struct group *group);
bool group_subscribed_next(struct group_subscribed *at, struct wire_string *topic);

/* The partitions that a consumer was given, one by one. */
struct group_assigned {
	struct wire_reader reader;
	int32_t topics_left, partitions_left;
	char topic[GROUP_NAME_MAX + 1]; /* longer names are cut */
	int32_t partition;
};

/* Before the first; none if the group is not of consumers, or not STABLE. */
struct group_assigned group_assigned(const struct group *group, const struct group_member *member);
bool group_assigned_next(struct group_assigned *at);
