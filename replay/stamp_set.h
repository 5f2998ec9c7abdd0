/*
 * Which numbers were seen: a bit for each, in chunks. A chunk that is full takes no memory, so what
 * comes nearly in order and without loss takes next to none. One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	STAMP_CHUNK_BITS = 1 << 17,
	STAMP_CHUNK_WORDS = STAMP_CHUNK_BITS / 64,
};

struct stamp_chunk;

struct stamp_set {
	struct stamp_chunk **chunks; /* by number / STAMP_CHUNK_BITS; NULL: none was seen */
	size_t chunks_count;
	uint64_t *bytes_left; /* that sets may take; may be shared by several */
	uint64_t count;	      /* different numbers */
};

struct stamp_range {
	uint64_t first, last;
};

/* 1: it is new, 0: it was there, -ENOMEM: the memory there may be is used up. */
int stamp_set_add(struct stamp_set *set, uint64_t number);
void stamp_set_free(struct stamp_set *set);

/* The first ranges of numbers below `end` that were not seen, up to max of them; how many. */
unsigned stamp_set_missing(const struct stamp_set *set, uint64_t end, struct stamp_range *ranges,
			   unsigned max);
