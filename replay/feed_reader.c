/* The thread that reads captures which do not fit in memory, ahead of the queues. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed_private.h"

enum {
	BLOCKS = 32, /* of each queue, of 256 KiB: the disk may stand still for a while */
	WAIT_NS = 200000,
};

static struct rte_ring *new_ring(const char *what, unsigned queue)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "feed-%s-%u", what, queue);
	/* Room for all blocks: putting one back never fails. */
	return rte_ring_create(name, BLOCKS * 2, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int prepare_lane(struct feed_lane *lane, unsigned queue)
{
	lane->full = new_ring("full", queue);
	lane->empty = new_ring("empty", queue);
	if (!lane->full || !lane->empty)
		return -ENOMEM;
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct feed_block *block = feed_block_new();

		if (!block)
			return -ENOMEM;
		block->next = lane->first; /* who they are, for feed_close() */
		lane->first = block;
		rte_ring_enqueue(lane->empty, block);
	}
	return 0;
}

static int prepare(struct feed *f, char *err, size_t err_size)
{
	for (unsigned q = 0; q < f->options.queues; q++)
		if (!f->lanes[q].full && prepare_lane(&f->lanes[q], q) < 0) {
			snprintf(err, err_size, "no memory to read captures ahead");
			return -ENOMEM;
		}
	return 0;
}

void feed_reader_free(struct feed *f)
{
	for (unsigned q = 0; q < f->options.queues; q++) {
		rte_ring_free(f->lanes[q].full);
		rte_ring_free(f->lanes[q].empty);
	}
}

/* An empty block, as soon as there is one; NULL: it is to end. */
static struct feed_block *wait_for_empty(struct feed *f, struct feed_lane *lane)
{
	const struct timespec pause = {.tv_nsec = WAIT_NS};
	void *block;

	while (rte_ring_dequeue(lane->empty, &block) < 0) {
		if (atomic_load_explicit(&f->stop, memory_order_relaxed))
			return NULL;
		nanosleep(&pause, NULL);
	}
	lane->filling = block;
	lane->filling->used = lane->filling->frames = 0;
	lane->filling->last = false;
	return block;
}

static void hand_over(struct feed_lane *lane, bool last)
{
	lane->filling->last = last;
	rte_ring_enqueue(lane->full, lane->filling);
	lane->filling = NULL;
}

/* One pass through the captures. False: it is to end. */
static bool read_pass(struct feed *f)
{
	struct rewrite_shape shape;
	struct captured frame;

	f->index = 0;
	while (feed_read(f, &frame, &shape)) {
		struct feed_lane *lane = &f->lanes[feed_queue_of(f, &frame, &shape)];
		if (lane->filling && !feed_block_fits(lane->filling, frame.len))
			hand_over(lane, false);
		if (!lane->filling && !wait_for_empty(f, lane))
			return false;
		feed_put(f, lane->filling, &frame, &shape);
	}
	f->counted = f->prepared = true;
	return !atomic_load_explicit(&f->stop, memory_order_relaxed);
}

/* The next pass begins where the one before it ended. */
static void go_on_with_pace(struct feed *f)
{
	uint64_t mean_gap = f->counts.packets > 1 ? f->counts.span_ns / (f->counts.packets - 1) : 0;

	if (f->pace.spec.kind == PACE_CAPTURED)
		f->pace.units += mean_gap;
}

static void *read_all(void *ctx)
{
	struct feed *f = ctx;

	for (uint64_t pass = 0; f->start.loops == 0 || pass < f->start.loops; pass++) {
		if (pass > 0) {
			f->rc = captures_rewind(f->captures, f->why, sizeof(f->why));
			go_on_with_pace(f);
		}
		/* (A capture without packets would be gone through for ever.) */
		if (f->rc < 0 || !read_pass(f) || !f->counts.packets)
			break;
	}
	for (unsigned q = 0; q < f->options.queues; q++)
		if (f->lanes[q].filling || wait_for_empty(f, &f->lanes[q]))
			hand_over(&f->lanes[q], true);
	return NULL;
}

/* All blocks back to where they were, whoever had them. */
static void take_back_blocks(struct feed *f)
{
	void *block;

	for (unsigned q = 0; q < f->options.queues; q++) {
		struct feed_lane *lane = &f->lanes[q];

		while (rte_ring_dequeue(lane->full, &block) == 0)
			;
		while (rte_ring_dequeue(lane->empty, &block) == 0)
			;
		lane->filling = NULL;
		for (struct feed_block *b = lane->first; b; b = b->next)
			rte_ring_enqueue(lane->empty, b);
	}
}

int feed_reader_start(struct feed *f, char *err, size_t err_size)
{
	int rc = prepare(f, err, err_size);

	if (rc < 0)
		return rc;
	take_back_blocks(f);
	f->rc = 0;
	atomic_store(&f->stop, false);
	if (f->index)
		rc = captures_rewind(f->captures, err, err_size);
	if (rc < 0)
		return rc;
	rc = pthread_create(&f->reader, NULL, read_all, f);
	if (rc) {
		snprintf(err, err_size, "no thread to read captures: %s", strerror(rc));
		return -rc;
	}
	f->reads = true;
	return 0;
}

void feed_reader_stop(struct feed *f)
{
	if (!f->reads)
		return;
	atomic_store(&f->stop, true);
	pthread_join(f->reader, NULL);
	f->reads = false;
}

bool feed_reader_next_block(struct feed_cursor *c)
{
	struct feed_lane *lane = &c->feed->lanes[c->queue];
	void *block;

	if (c->block) {
		bool last = c->block->last;

		rte_ring_enqueue(lane->empty, c->block);
		c->block = NULL;
		c->ended = last;
		if (last)
			return false;
	}
	if (rte_ring_dequeue(lane->full, &block) < 0)
		return false;
	c->block = block;
	c->at = 0;
	/* The last one may be empty. */
	return c->block->used || feed_reader_next_block(c);
}
