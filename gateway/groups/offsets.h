/*
 * What a group has committed, sorted by topic and partition. Changes only as the store has made
 * them durable. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offset {
	char *topic; /* its own */
	int32_t partition;
	int32_t leader_epoch;
	int64_t committed;
	int64_t commit_ms; /* wall */
	char *metadata;	   /* its own; never NULL */
	/* The report's (report_groups.c): in which telling somebody was found to have it, and who.
	 */
	uint32_t telling;
	int32_t owner;
};

struct offsets {
	struct offset *list;
	size_t count, room;
	size_t bytes;
	uint64_t moves; /* how often they took other places in the list */
};

/* NULL: none. */
struct offset *offsets_find(const struct offsets *offsets, const char *topic, int32_t partition);
/* Takes over *offset with its strings, also on failure: no memory. */
bool offsets_put(struct offsets *offsets, struct offset *offset);
void offsets_remove(struct offsets *offsets, const char *topic, int32_t partition);
void offsets_clear(struct offsets *offsets);
