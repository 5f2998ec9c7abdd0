/*
 * The open .log files of one partition, shared by all answers that take bytes from them. One
 * thread.
 *
 * The dataplane writes over files that it has retired. Not over one that somebody holds, for it is
 * locked (flock): then it is unlinked. What was sent lies in sockets as pages of the file for a
 * while yet, so a file is held until the client has read the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "unreadable.h"

/* Where a range of whole batches ended, while the epoch was this: readers go on from there. */
struct segment_end {
	uint64_t offset, position;
	int32_t epoch;
};

enum { SEGMENT_ENDS = 8 };

struct segment_file {
	struct segment_file *next;
	struct segment_files *owner;
	uint64_t base;
	int fd;
	unsigned refs;
	dev_t dev;
	ino_t ino;
	struct segment_end ends[SEGMENT_ENDS]; /* the last ones; position 0: none */
	unsigned ends_next;
};

struct segment_files {
	int dir_fd; /* the partition's; -1: none. The owner's */
	unsigned idle;
	struct segment_file *first; /* the last used one is first */
	struct unreadable_of of;    /* the owner's */
	struct unreadable unreadable;
};

/* <base>.log, open; give it back with segment_file_put(). -errno; -ENOENT: retired. */
int segment_file_get(struct segment_files *files, uint64_t base, struct segment_file **out);
void segment_file_hold(struct segment_file *file); /* once more */
void segment_file_put(struct segment_file *file);

/* Is the open file still the one under its name? */
bool segment_file_current(const struct segment_file *file);

/* It could not be read there. error: errno; 0: it ends there. */
void segment_file_unreadable(struct segment_file *file, uint64_t position, int error);

/* Closes what nobody holds. */
void segment_files_drop(struct segment_files *files);
