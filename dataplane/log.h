/*
 * The log: what the rest of the dataplane knows of it. One struct log per log core, polled by that
 * core's thread alone; partitions are opened by the main thread before the log core sees them.
 *
 * For each filled slab: give it its offsets, seal it (head, CRC-32C, compression), place it in the
 * partition's active segment, write, sync, publish, return the slab. Nothing here blocks: whatever
 * may block goes through the seam (disk.h) and comes back as a completion.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/plan.h"
#include "api/state.h"
#include "disk.h"
#include "slab.h"

struct log;
struct log_partition;

struct log_config {
	struct disk *disk;	 /* owned by the caller; outlives the log */
	const struct plan *plan; /* the first one; needed until the first log_poll() only */
	struct state *state;	 /* NULL in some tests: then nothing is published */
	uint16_t core;		 /* index into plan.cores, for state_core() */
	/* For what an operator should know, from log_partition_open(). NULL: to stderr. */
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
};

int log_create(struct log **out, const struct log_config *config);
void log_destroy(struct log *log);

/*
 * Opens (recovering it if need be) partition `partition` of the stream in slot `slot` and makes it
 * ready to append: blocks, so only before the log core's thread runs, or from the main thread for a
 * partition that the thread has not been told of yet; log_add() tells it. Creates the directory
 * when missing. Publishes state_partition fields, state_partition.open last. On failure -errno and
 * err says file, what was found, and what to do.
 */
int log_partition_open(struct log_partition **out, struct log *log, uint16_t partition,
		       uint16_t slot, const struct plan_stream *stream, char *err, size_t err_size);

/* Hands an open partition to the log core. From any one thread; picked up at the next poll. */
void log_add(struct log *log, struct log_partition *partition);

/* Asks for retention: segments wholly below log_start are retired. From the main thread; log_start
 * is published by the log core at a later poll. -EBUSY when the one before is still waiting. */
int log_retain(struct log *log, uint16_t partition, uint16_t slot, uint64_t log_start);

/* Takes ownership of a filled slab. Log core only, slabs of one partition in order. mono_ns: now;
 * the last poll may be long ago. */
void log_submit(struct log *log, struct slab *slab, uint64_t mono_ns);

/* Slabs that are done, for the free rings: up to max of them; they may belong to several lanes. */
unsigned log_take_free(struct log *log, struct slab **slabs, unsigned max);

/* One round: reap, seal, place, write, sync, publish. Returns the work done (0: nothing).
 * streams: the running plan's parameters for linger, sync, roll, compression. mono_ns: now. */
unsigned log_poll(struct log *log, const struct plan *plan, uint64_t mono_ns);

/* When log_poll() has something to do at the latest even if no slab and no completion comes:
 * monotonic ns, UINT64_MAX for never. */
uint64_t log_deadline(const struct log *log);

/* True when every batch submitted is durable (or written, with sync off) and nothing is in flight.
 */
bool log_quiet(const struct log *log);

/* Clean stop: after the last log_submit(), poll until log_closed(). Everything is synced, active
 * files are trimmed to the byte, indexes written, checkpoints marked clean. */
void log_close(struct log *log);
bool log_closed(const struct log *log);

/* Not 0: an unrecoverable storage error (a failed sync, an I/O error): the dataplane must exit 1
 * with this text; recovery at the next start finds what is true. */
int log_failed(const struct log *log, const char **text);
