/*
 * Open batches of a lane: one for each stream that has events waiting, each in a slab of its own.
 * One thread: the lane's polling core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/log_format.h"
#include "rx_record.h"
#include "slab.h"

struct lane;
struct rx_stream;

struct rx_batch {
	uint8_t *cursor; /* where the next record goes; NULL: no batch is open */
	uint8_t *limit;	 /* records end here at the latest; NULL: no batch is open */
	int64_t ts_ms;	 /* arrival of the latest record ... */
	uint64_t ts;	 /* ... and its delta from the first, framed (struct rx_record) */
	uint32_t ts_len;
	uint32_t records;
	uint64_t value_bytes;
	uint32_t packets;
	uint32_t untold; /* its slot is in lane->untold */
	struct slab *slab;
	/* Second line: once a burst or less. What of the above the shared counters already know: */
	_Alignas(64) uint32_t told_records;
	uint32_t told_packets;
	uint64_t told_value_bytes;
	uint64_t given_bytes; /* of all batches closed so far: foretells the phase of the next */
	uint64_t due_ns;      /* linger is over, monotonic */
	int64_t base_ts_ms, max_ts_ms;
};
_Static_assert(sizeof(struct rx_batch) == 128, "two lines a stream");

/* A new millisecond has come: frames its delta. False: it is too far from the batch's first record
 * (the system clock was set); the batch must be closed. */
bool rx_batch_set_time(struct rx_batch *b, int64_t ts_ms);

/* Makes an open batch with room for `need` more bytes, closing the open one if it has none.
 * RX_OK, or the row under which the packet is shed. */
uint8_t rx_batch_make_room(struct lane *lane, const struct rx_stream *stream, uint32_t need);

/* Adds what the open batches of all slots in lane->untold gained to the shared counters. */
void rx_batch_tell(struct lane *lane);

/* Hands the open batch of a slot to the log core. */
void rx_batch_close(struct lane *lane, uint16_t slot);

/* The log core holds half or more of the slabs that are not open. */
bool rx_batch_log_is_behind(const struct lane *lane);

/* Closes the batches whose linger is over, unless the log is behind. Returns how many. */
unsigned rx_batch_linger(struct lane *lane);

/* Closes all. */
void rx_batch_close_all(struct lane *lane);
