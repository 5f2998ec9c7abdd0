/*
 * All consumer groups: by name, in memory; what must outlive the process goes to the store
 * (store.h), and memory follows what the store has made durable. One thread.
 */
#pragma once

#include "group.h"
#include "store.h"

enum {
	GROUPS_MAX = 8192,
	GROUP_MEMBERS_MAX = 1024,	 /* with those that were only given an id */
	GROUPS_BYTES_MAX = 64 << 20,	 /* of members and offsets, all groups together */
	GROUPS_OPS_BYTES_MAX = 16 << 20, /* on their way to the store */
	GROUPS_OP_BYTES_MAX = 4 << 20,	 /* of one OffsetCommit or OffsetDelete */
	GROUPS_METADATA_MAX = 4096,	 /* of one commit, as Kafka's offset.metadata.max.bytes */
	GROUPS_CLOCK_STEP_MS = 60 * 60 * 1000, /* more than clocks are corrected by */
	GROUPS_INITIAL_DELAY_MS = 3000,	       /* as group.initial.rebalance.delay.ms */
	GROUPS_EMPTY_KEPT_MS = 10 * 60 * 1000, /* a group that has neither members nor offsets */
};
/* Of an empty group's offsets, as offsets.retention.minutes: seven days. */
#define GROUPS_OFFSETS_KEPT_MS INT64_C(604800000)

struct groups {
	struct store *store;
	struct group *slots[GROUPS_MAX]; /* never freed before groups_close(): see group.changes */
	unsigned slots_count;		 /* made so far */
	struct group *free;		 /* of these, what is not in use */
	struct names by_name;		 /* what is */
	uint64_t now_ms;		 /* monotonic; set by the owner before each use */
	int64_t wall_ms;
	uint64_t deadline_ms;	 /* of all groups */
	uint64_t expired_ms;	 /* last look for offsets that are too old */
	uint64_t changes;	 /* of all groups */
	uint64_t finished;	 /* moves when operations of the store are done or failed */
	uint64_t tickets, lives; /* given out so far */
	size_t bytes;		 /* of all groups */
	size_t ops_bytes;	 /* of all that is on its way to the store */
	uint32_t initial_delay_ms;
};

/* Opens the store and takes up where it stands. -errno as store_open(). */
int groups_open(struct groups *groups, const char *path, char *error, size_t error_size);
void groups_close(struct groups *groups);

/* The time of this turn. */
void groups_set_time(struct groups *groups, uint64_t now_ms, int64_t wall_ms);

/* A group's, or a static member's: not empty, not too long, and without zeros. */
bool groups_name_valid(struct wire_string name);
/* NULL: there is none. */
struct group *groups_find(const struct groups *groups, struct wire_string name);
/* Made if it is not there, where there are too many in place of one that nobody used; NULL: no
 * memory, or all are of use. */
struct group *groups_get(struct groups *groups, struct wire_string name);

/* Sessions that ran out, rebalances that waited long enough, offsets past their time. */
void groups_tick(struct groups *groups);
/* What the store has finished. */
void groups_take_done(struct groups *groups);

/* That something may have to happen at `at_ms`. */
void groups_timer(struct groups *groups, struct group *group, uint64_t at_ms);
/* That somebody who waits on the group may have an answer. */
void groups_changed(struct groups *groups, struct group *group);

/* Sends op to the store, and lets go of the caller's hold on it unless keep is given, which then
 * has it. group: whose life op names; NULL: none. False: no memory, or too much is on its way. */
bool groups_submit(struct groups *groups, struct group *group, struct store_op *op,
		   struct store_op **keep);
/* Rows for the group as it is, with its members. */
void groups_store_group(struct store_op *op, const struct group *group);
/* Rows that make it go, and its offsets. */
void groups_store_gone(struct store_op *op, const struct group *group);
