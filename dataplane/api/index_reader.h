/*
 * Looks up .index and .timeindex files. An index is a hint: it may be missing, short, or (before
 * recovery) wrong, so whoever follows an entry checks what he finds there. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log_format.h"

struct index_entry {
	uint64_t offset;   /* last offset of a batch */
	uint32_t position; /* where that batch starts in the .log */
};

struct timeindex_entry {
	int64_t timestamp_ms; /* the largest so far */
	uint64_t offset;      /* last offset of the batch that holds it */
};

/*
 * The last entry that is not above the target; 1 found, 0 none (no file, no entry, or all above),
 * -errno. Reads about twenty entries, whatever the size of the file.
 */
int index_floor(int dir_fd, uint64_t base, uint64_t offset, struct index_entry *entry);
/* The same, and its batch starts at or below a position. wait: false: -EAGAIN where a disk would be
 * waited for. */
int index_floor_position(int dir_fd, uint64_t base, uint64_t offset, uint64_t position, bool wait,
			 struct index_entry *entry);
int timeindex_floor(int dir_fd, uint64_t base, int64_t timestamp_ms, struct timeindex_entry *entry);

/* The last entry of the file: the segment's largest timestamp once it is sealed. 1, 0, -errno. */
int timeindex_last(int dir_fd, uint64_t base, struct timeindex_entry *entry);
