/*
 * Who owns a data directory: is a dataplane at work on it, and how far may readers read? For the
 * commands that read files next to a running Weir. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/state.h"

struct data_owner {
	bool running; /* a dataplane holds the lock */
	const struct state
		*state; /* its state block; NULL: none to be found, or not readable for us */
};

/* Looks now. data_owner_release() gives the mapping back. */
void data_owner_find(struct data_owner *owner, const char *data_dir);
void data_owner_release(struct data_owner *owner);

/* The partition's published end; false: not known (no state, or the partition is not open). */
bool data_owner_visible(const struct data_owner *owner, const char *stream, uint32_t partition,
			uint64_t *visible_end);
