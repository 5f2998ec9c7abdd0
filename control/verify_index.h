/*
 * What .index and .timeindex of a segment must hold, by Kafka's rule (docs/segment-format.md),
 * built from its batches alone and compared with the files byte for byte.
 */
#pragma once

#include "api/batch_reader.h"
#include "verify.h"

struct verify_index {
	uint64_t base;
	uint64_t gap_bytes; /* since the last entry */
	int64_t max_timestamp_ms, entry_timestamp_ms;
	uint64_t max_timestamp_offset;
	uint8_t *index, *time; /* the files' contents */
	size_t index_len, index_room, time_len, time_room;
	bool no_memory;
};

enum verify_index_state {
	VERIFY_INDEX_CLOSED, /* both files are complete */
	VERIFY_INDEX_OPEN, /* being written: what is there must be right, but may end early or go on
			    */
};

/* From all zeroes, or after another segment. */
void verify_index_begin(struct verify_index *index, uint64_t base);
void verify_index_batch(struct verify_index *index, const struct batch_head *head,
			uint64_t position);

/* Number of index files that are wrong (0 to 2), each told in `texts`. */
unsigned verify_index_compare(struct verify_index *index, int dir_fd, enum verify_index_state state,
			      struct verify_texts *texts);
void verify_index_free(struct verify_index *index);
