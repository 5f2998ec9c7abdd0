/*
 * Places in a partition's segments that could not be read: the disk failed there, or the file is
 * shorter than its batches say. What an answer has promised it cannot take back, so that one
 * connection closes. Answers after it end in front of the place, and a Fetch that begins there is
 * told; once in a while the disk's thread tries again. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { UNREADABLE_PLACES = 8 };

struct unreadable_place {
	uint64_t base, position; /* the segment, and where in its file */
	uint64_t tried_ms;	 /* monotonic; 0: no such place */
};

struct unreadable {
	struct unreadable_place places[UNREADABLE_PLACES]; /* the last ones */
	unsigned next;
	uint64_t said_ms; /* on stderr */
};

/* The files of this partition of this stream. */
struct unreadable_of {
	const char *stream;
	uint32_t partition;
};

/* One more, and says so. error: errno; 0: the file ends there. */
void unreadable_add(struct unreadable *u, const struct unreadable_of *of,
		    const struct unreadable_place *place, int error);
/* The first such place of a segment from position on; UINT64_MAX: none. */
uint64_t unreadable_from(const struct unreadable *u, uint64_t base, uint64_t position);
/* Is it time to try bytes with such a place again? To others it says no meanwhile. */
bool unreadable_is_due(struct unreadable *u, uint64_t base, uint64_t from, uint64_t to);
/* They were read. */
void unreadable_remove(struct unreadable *u, uint64_t base, uint64_t from, uint64_t to);

/* That the batch of an offset cannot be found; rc: -errno. */
void unreadable_say(struct unreadable *u, const struct unreadable_of *of, uint64_t offset, int rc);
