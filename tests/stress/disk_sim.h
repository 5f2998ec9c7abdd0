/*
 * A disk in memory that is as mean as a real one may be, from a seed, so that every failure can be
 * had again: operations complete late and in any order, writes come back short, space runs out, I/O
 * fails, the process dies, the power goes.
 *
 * What a power cut leaves: blocks synced before are as synced. A block written since is old or new,
 * each for itself; of a write in flight even parts of a block. A file's size is the synced one or
 * the last. Of the names changed in a directory since it was synced, the first few are changed.
 *
 * It stops the program when two operations in flight touch the same block, when the bytes of a
 * write change under way, or when a direct write is not aligned.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/disk.h"

struct disk_sim_faults {
	bool full;	       /* no space */
	unsigned short_writes; /* of 100 writes, that come back short */
	unsigned slow;	       /* of 100 steps, that complete nothing */
	uint64_t
		error_in; /* so many asynchronous operations from now one fails with EIO; 0: none */
	uint64_t run_error_in; /* the same for run(), and all after it until the next crash */
};

/* block: SLAB_BLOCK or 1. */
struct disk *disk_sim_create(uint64_t seed, uint32_t block);
void disk_sim_destroy(struct disk *disk);
struct disk_sim_faults *disk_sim_faults(struct disk *disk);

/* Time passes: some operations complete. */
void disk_sim_step(struct disk *disk);
/* The process dies: what is in flight is done or not, at random. power: and the machine, too. */
void disk_sim_crash(struct disk *disk, bool power);

/* The file's bytes as a reader sees them now; NULL if there is none. Valid until the next call. */
const uint8_t *disk_sim_file(struct disk *disk, const char *path, uint64_t *len);
/* Makes or replaces a file, durably. */
void disk_sim_put(struct disk *disk, const char *path, const void *bytes, uint64_t len);
uint64_t disk_sim_random(struct disk *disk, uint64_t below);
/* Operations of a kind that completed well. */
uint64_t disk_sim_count(struct disk *disk, enum disk_op_kind kind);
/* Bytes that the log has read, and files of which it asked the size, since the disk was made. */
uint64_t disk_sim_read_bytes(struct disk *disk);
uint64_t disk_sim_stats(struct disk *disk);
