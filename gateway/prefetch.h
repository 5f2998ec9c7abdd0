/*
 * Reads pieces of files into the page cache, so that the gateway's one thread need not wait for a
 * disk while it sends them. A thread of its own does it, one piece after the other in the order in
 * which they were asked for. All calls are the gateway's thread's.
 */
#pragma once

#include "segment_file.h"

struct prefetch;

struct prefetch_job {
	struct prefetch_job *next;
	void *owner;		   /* the caller's; NULL: nobody waits for it any more */
	struct segment_file *file; /* held */
	uint64_t position;
	uint32_t length; /* bytes */
};

/* -errno. */
int prefetch_create(struct prefetch **out);
/* Waits for the piece at hand. */
void prefetch_destroy(struct prefetch *prefetch);

/* Are all of these bytes in the page cache? It looks here and there. */
bool prefetch_is_there(const struct segment_file *file, uint64_t position, uint32_t length);

/* NULL: no memory; then nothing was asked for. */
struct prefetch_job *prefetch_ask(struct prefetch *prefetch, void *owner, struct segment_file *file,
				  uint64_t position, uint32_t length);

/* Readable when jobs are done. */
int prefetch_fd(const struct prefetch *prefetch);
/* One that is done, or NULL; give it back with prefetch_free(). */
struct prefetch_job *prefetch_take_done(struct prefetch *prefetch);
void prefetch_free(struct prefetch_job *job);
