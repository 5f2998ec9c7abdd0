/*
 * What a partition's weir.checkpoint says about the ends of its log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct verify_checkpoint {
	bool found; /* there is one, and it is whole */
	bool broken;
	bool clean;	       /* closed cleanly: every file is exact, and ... */
	uint64_t end_offset;   /* ... this offset comes next */
	uint64_t recover_from; /* base offset of the oldest segment that may not be exact */
	uint64_t log_start;    /* first offset kept */
};

void verify_checkpoint_read(struct verify_checkpoint *checkpoint, int dir_fd);

/* May the segment have bytes behind its last batch? Not in a log that was closed cleanly, nor in
 * its sealed segments; in the one that is being written (and the one just rolled), or was when a
 * dataplane died. */
bool verify_checkpoint_may_have_tail(const struct verify_checkpoint *checkpoint, uint64_t base,
				     bool newest, bool running);
