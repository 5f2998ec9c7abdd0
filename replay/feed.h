/*
 * The frames of the captures on their way to the sending queues, as blocks: a header and the bytes
 * of each frame, one behind the other, looked at and rewritten once.
 *
 * What fits in memory is read before the start, and each queue goes round its own list of blocks.
 * What does not is read by a thread, which fills blocks ahead of the queues: full ones come through
 * one ring a queue, empty ones go back through another.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "pace.h"
#include "rewrite.h"

enum { FEED_QUEUES_MAX = 16 };

struct feed_options {
	const char *const *paths;
	unsigned paths_count, queues;
	uint64_t memory_bytes;			 /* what may be kept */
	uint32_t frame_max, frame_max_from_disk; /* longer ones are left out */
	uint32_t frame_size;			 /* all frames become so long; 0: as captured */
	bool spread; /* senders are made up when sent: any queue may send any frame */
	bool stamp;
	bool again;		 /* the captures will be read anew for another frame_size */
	const atomic_bool *stop; /* ends the reading into memory */
};

struct feed_frame {
	uint64_t at; /* cycles after the pass's start, or, read by the thread, after the start */
	uint64_t gap_ns; /* since the frame before it, of all queues */
	uint64_t index;	 /* in the pass, of all queues */
	uint32_t size;	 /* of this and its bytes, up to the next one */
	uint16_t len;
	struct rewrite_shape shape;
	uint8_t bytes[];
};

struct feed_block {
	struct feed_block *next;
	uint32_t used, frames;
	bool last; /* of the queue */
	_Alignas(16) uint8_t bytes[];
};

struct feed_counts {
	uint64_t packets, bytes; /* of one pass */
	uint32_t longest;
	uint64_t other_version; /* that the new destination does not fit */
	uint64_t too_short;	/* for a stamp */
	uint64_t other_size;	/* left out: cannot be made frame_size long */
	uint64_t backwards;	/* captured before the one in front of them: sent at once */
	uint64_t span_ns;	/* from the first to the last */
	uint64_t longest_gap_ns;
};

struct feed;

/* Opens the captures, and reads them if they fit in memory. Needs no EAL. 0, or -errno with the
 * reason. */
int feed_open(struct feed **out, const struct feed_options *options, char *err, size_t err_size);
void feed_close(struct feed *f);

bool feed_in_memory(const struct feed *f);
const struct feed_counts *
feed_counts(const struct feed *f); /* of the first pass, once it is over */
const struct captures *feed_captures(const struct feed *f);

/* How the captures are gone through. */
struct feed_start {
	struct pace_spec pace; /* when each frame is due */
	uint64_t loops;	       /* how often; 0: without end */
	struct rewrite_to to;  /* the same at each start */
};

/* Starts the thread where there is one. May be called again after feed_stop(). 0, or -errno with
 * the reason. */
int feed_start(struct feed *f, const struct feed_start *start, char *err, size_t err_size);

/* Ends the thread. What it failed with, if anything, is in err then (-errno), else 0. */
int feed_stop(struct feed *f, char *err, size_t err_size);

/* Where one queue stands. Its core's only. */
struct feed_cursor {
	struct feed *feed;
	unsigned queue;
	struct feed_block *block;
	uint32_t at;	      /* in the block */
	uint64_t base;	      /* cycles from the start to that of this pass */
	uint64_t passes_left; /* in memory: after this one; 0 with endless: without end */
	bool endless, ended;
};

void feed_cursor_begin(struct feed_cursor *c, struct feed *f, unsigned queue);

/* For feed_peek(): the next block. False: there is none yet, or (c->ended) no more. */
bool feed_cursor_next_block(struct feed_cursor *c);

/* The frame that is next, or NULL: see feed_cursor_next_block(). */
static inline struct feed_frame *feed_peek(struct feed_cursor *c)
{
	if (__builtin_expect(!c->block || c->at == c->block->used, 0) && !feed_cursor_next_block(c))
		return NULL;
	return (struct feed_frame *)(void *)(c->block->bytes + c->at);
}

static inline void feed_advance(struct feed_cursor *c, const struct feed_frame *frame)
{
	c->at += frame->size;
}
