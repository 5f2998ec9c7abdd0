/*
 * One answer: bytes made in memory with pieces of files between them, and how far it is sent. File
 * bytes go from the page cache to the socket by sendfile(), never through memory of ours. One
 * thread.
 */
#pragma once

#include "disk_patience.h"
#include "partition.h"
#include "wire.h"

/* A piece of a file, which stands in front of the byte `at` of the writer's. */
struct answer_extent {
	size_t at;
	struct segment_file *file; /* held */
	uint64_t position;
	uint32_t length;
};

struct answer {
	struct wire_writer writer;
	struct answer_extent *extents;
	unsigned extents_count, extents_room;
	uint64_t file_bytes; /* of all extents */
	/* Sent so far: extents done, of the next one, and bytes of memory. */
	unsigned extent;
	uint32_t extent_sent;
	struct disk_patience *patience; /* for the disk, in place: set by the sender */
	uint32_t extent_warm; /* that far this extent was read into the page cache for us */
	size_t sent;
	uint64_t file_sent; /* bytes of files, of all extents */
};

/* Empty, memory kept. */
void answer_clear(struct answer *answer);
/* Memory too. */
void answer_free(struct answer *answer);
/* Empty; memory that few answers need is given back. */
void answer_shrink(struct answer *answer);

/* Its memory alone, at once: then it can only be freed. Files stay held. */
void answer_drop_memory(struct answer *answer);

/* Puts a range, and takes over its file; false: too many (then the file is still the caller's). */
bool answer_put_range(struct answer *answer, const struct partition_range *range);

/* Bytes of memory that it holds where that is more than LIMIT_ANSWER_KEPT, else 0. */
size_t answer_memory(const struct answer *answer);

/* Its length into the first four bytes. False: it is too large. */
bool answer_finish(struct answer *answer);

enum answer_sent {
	ANSWER_DONE,
	ANSWER_FULL,  /* the socket takes no more now */
	ANSWER_TURN,  /* *budget is used up */
	ANSWER_COLD,  /* LIMIT_COLD_BYTES or more come next, not all in the page cache: what
		       * answer_next() names is to be read first. Never while `waits` */
	ANSWER_BROKEN /* the other side is gone, or a file cannot be read: close */
};

/* Have all files that it takes bytes from still their names? Else only we keep them on the disk. */
bool answer_current(const struct answer *answer);

/* After ANSWER_COLD: the bytes that come next, LIMIT_PREFETCH_BYTES of one file at most. */
void answer_next(const struct answer *answer, struct segment_file **file, uint64_t *position,
		 uint32_t *length);
/* So many of them were read, or cannot be: they are sent without another look, until the socket
 * takes no more. */
void answer_warmed(struct answer *answer, uint32_t length);

/* Sends on; *budget: bytes, made less by what was sent. */
enum answer_sent answer_send(struct answer *answer, int fd, size_t *budget);
