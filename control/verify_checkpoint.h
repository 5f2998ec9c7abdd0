/*
 * What weir.checkpoint says about the ends of a partition's segments.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct verify_checkpoint {
	bool found;		  /* there is one, and it can be read */
	bool clean;		  /* the partition was closed cleanly: every file is exact */
	uint64_t oldest_unsynced; /* base offset of the segment from which recovery starts */
};

void verify_checkpoint_read(struct verify_checkpoint *checkpoint, int dir_fd);

/* May the segment have bytes behind its last batch? Not in a log that was closed cleanly, nor in
 * its sealed segments; in the one that is being written (and the one just rolled), or was when a
 * dataplane died. */
bool verify_checkpoint_may_have_tail(const struct verify_checkpoint *checkpoint, uint64_t base,
				     bool newest, bool running);
