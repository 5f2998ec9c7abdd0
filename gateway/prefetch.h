/*
 * Reads pieces of files into the page cache, so that the gateway's one thread need not wait for a
 * disk while it sends them: see disk_thread.h.
 */
#pragma once

#include "disk_thread.h"
#include "segment_file.h"

struct prefetch_job {
	struct disk_job job;
	struct segment_file *file; /* held */
	uint64_t position;
	uint32_t length; /* bytes */
	off_t read_to;	 /* -1: not yet; position + length, but where it failed: */
	int error;	 /* -errno, or 0: the file ends there */
};

/* Were all bytes read? Once it is done. */
static inline bool prefetch_succeeded(const struct prefetch_job *job)
{
	return job->read_to == (off_t)(job->position + job->length);
}

/* So many of these bytes, from the first on, are in the page cache. It looks here and there. */
uint32_t prefetch_there(const struct segment_file *file, uint64_t position, uint32_t length);

/* The waiter sets job.waiter to NULL if it does not wait any more. NULL: no memory; then nothing
 * was asked for. */
struct prefetch_job *prefetch_ask(struct disk_thread *thread, struct connection *waiter,
				  struct segment_file *file, uint64_t position, uint32_t length);
