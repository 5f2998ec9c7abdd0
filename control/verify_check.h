/*
 * The inside of verify.c, verify_batch.c and verify_damage.c: one partition being checked.
 */
#pragma once

#include "api/batch_inflate.h"
#include "api/segment_reader.h"
#include "verify.h"
#include "verify_checkpoint.h"
#include "verify_index.h"

#define NOT_KNOWN UINT64_MAX

struct check {
	struct verify_partition *out;
	const struct verify_config *config;
	struct verify_checkpoint checkpoint;
	struct verify_index index;
	struct segment_reader segment;
	struct batch_inflate inflate;
	int dir_fd;
	uint64_t expected; /* offset that comes next; NOT_KNOWN before the first batch */
	int32_t epoch;	   /* of the batch before */
	/* Of the segment at hand. */
	bool newest;
	uint64_t successor; /* base offset of the next segment, if not newest */
	bool may_have_tail; /* being written, or not closed cleanly */
	bool open;	    /* its end was not reached: beyond the limit, or a tail */
	bool damaged;	    /* then its indexes cannot be judged */
};

/* verify_batch.c: a batch that belongs where it stands: its records, and what it is counted as. */
void check_batch(struct check *check, const struct segment_batch *batch);
void check_format_error(struct check *check, const struct segment_batch *batch, const char *what);

/* verify_damage.c. Both: false when there is no more to read in this segment. */
bool check_good(struct check *check, struct segment_batch *batch); /* its CRC is right */
bool check_bad(struct check *check, const struct segment_batch *batch);

/* Are batches still to come that were published? */
bool check_below_limit(const struct check *check);
