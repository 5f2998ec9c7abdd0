/*
 * A slab: memory for one batch on its way from a lane's polling core to its log core.
 *
 *     base                       base + data                     base + end
 *     | free for the tail block | 61 bytes of head | records ... |  slack |
 *
 * The polling core takes a free slab, leaves room for the batch's head (RECORD_BATCH_HEAD bytes)
 * at base + data, appends records, fills in the fields below and enqueues the slab's pointer on the
 * lane's ring. From then on the log core owns it, writes the head, writes the file straight from
 * it, and gives it back over the other ring.
 *
 * Phase. With O_DIRECT a batch that will start at byte p of the file must lie in memory at an
 * address with the same remainder modulo SLAB_BLOCK, so that whole blocks can be written from where
 * they are and only the tail block of the batch before is copied into the room in front. The
 * polling core knows how many bytes it has given to a partition (uncompressed, in order), so it
 * predicts
 *
 *     phase = (bytes given so far + state_partition.phase_adjust) % SLAB_BLOCK
 *     data  = SLAB_BLOCK + phase
 *
 * and the log core corrects phase_adjust when it rolls. A wrong phase costs a memmove, counted as
 * `realigned`; it is never an error. Compressed and buffered partitions ignore the phase.
 */
#pragma once

#include <stdint.h>

#include "api/log_format.h"

#define SLAB_BLOCK 4096u

struct slab {
	/* Fixed at start. */
	uint8_t *base;	     /* SLAB_BLOCK aligned */
	uint32_t size_bytes; /* multiple of SLAB_BLOCK */
	uint16_t lane;
	uint16_t buf_index; /* of the registered buffer that base lies in; UINT16_MAX: not
			       registered */
	/* Filled in by the polling core for each batch. */
	uint32_t data;	    /* where the batch's head starts, from base */
	uint32_t end;	    /* one past the last record, from base */
	uint32_t records;   /* at least 1 */
	uint32_t packets;   /* that have their first stored event in this batch */
	uint16_t slot;	    /* stream */
	uint16_t sealed;    /* the log core's */
	int64_t base_ts_ms; /* timestamp of the first record; deltas count from it */
	int64_t max_ts_ms;
	uint64_t opened_ns; /* monotonic clock of dataplane/clock.h when the first event came */
	/* For whoever owns it. */
	struct slab *next;
};
