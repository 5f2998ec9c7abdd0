/* What feed.c and feed_reader.c share. */
#pragma once

#include <pthread.h>

#include <rte_ring.h>

#include "feed.h"

enum { FEED_BLOCK_BYTES = 256 * 1024 };

/* One queue's share. */
struct feed_lane {
	struct feed_block *first, *filling;
	struct feed_block **link; /* where the next block of the list goes */
	struct rte_ring *full, *empty;
};

struct feed {
	struct feed_options options;
	struct captures *captures;
	bool in_memory;
	bool counted, prepared; /* the first pass of reading, of preparing is over */
	struct feed_counts counts;
	struct feed_lane lanes[FEED_QUEUES_MAX];
	struct pace pace;
	uint64_t kept_bytes;	 /* in memory */
	uint64_t index, last_ns; /* of the frame that was read last */
	uint8_t resized[CAPTURE_FRAME_MAX];
	struct feed_start start;
	uint64_t period; /* in memory: cycles of one pass */
	/* The thread. */
	pthread_t reader;
	bool reads;
	_Atomic bool stop;
	int rc;
	char why[512];
};

struct feed_block *feed_block_new(void);

/* The block, which may be NULL, has room for a frame of that length. */
bool feed_block_fits(const struct feed_block *block, uint32_t len);

/* The next frame of the captures, as it is to be sent, valid until the next call. False: the end.
 */
bool feed_read(struct feed *f, struct captured *frame, struct rewrite_shape *shape);

/* Puts the next frame that was read into the block; the block has room. */
void feed_put(struct feed *f, struct feed_block *block, const struct captured *from,
	      const struct rewrite_shape *shape);

/* The queue that sends it. */
unsigned feed_queue_of(const struct feed *f, const struct captured *from,
		       const struct rewrite_shape *shape);

/* The thread that reads ahead (feed_reader.c). */
int feed_reader_start(struct feed *f, char *err, size_t err_size);
void feed_reader_stop(struct feed *f);
void feed_reader_free(struct feed *f);
bool feed_reader_next_block(struct feed_cursor *c);
