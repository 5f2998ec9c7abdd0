#include "feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/clock.h"
#include "feed_private.h"

/* --- one frame ----------------------------------------------------------------------------- */

struct feed_block *feed_block_new(void)
{
	struct feed_block *block =
		aligned_alloc(_Alignof(struct feed_block), sizeof(*block) + FEED_BLOCK_BYTES);

	if (block)
		memset(block, 0, sizeof(*block));
	return block;
}

/* Never falls: a capture that jumps back goes on at once. */
static uint64_t gap_to(struct feed *f, uint64_t ns)
{
	uint64_t gap = 0;

	if (f->index && ns >= f->last_ns)
		gap = ns - f->last_ns;
	else if (f->index && !f->counted)
		f->counts.backwards++;
	f->last_ns = ns;
	return gap;
}

static void count_frame(struct feed *f, const struct feed_frame *frame)
{
	f->counts.packets++;
	f->counts.bytes += frame->len;
	f->counts.longest = frame->len > f->counts.longest ? frame->len : f->counts.longest;
	if (frame->gap_ns > f->counts.longest_gap_ns)
		f->counts.longest_gap_ns = frame->gap_ns;
	if (__builtin_add_overflow(f->counts.span_ns, frame->gap_ns, &f->counts.span_ns))
		f->counts.span_ns = UINT64_MAX;
	f->counts.too_short += f->options.stamp && !frame->shape.stamp;
}

/* What depends on the start. */
static void prepare_frame(struct feed *f, struct feed_frame *frame)
{
	bool fits = rewrite_destination(frame->bytes, &frame->shape, &f->start.to);

	f->counts.other_version += !fits && !f->prepared;
	frame->at = pace_next(&f->pace, frame->gap_ns, frame->len);
}

void feed_put(struct feed *f, struct feed_block *block, const struct captured *from,
	      const struct rewrite_shape *shape)
{
	struct feed_frame *frame = (struct feed_frame *)(void *)(block->bytes + block->used);

	frame->gap_ns = gap_to(f, from->ns);
	frame->index = f->index++;
	frame->len = (uint16_t)from->len;
	frame->size = (uint32_t)(sizeof(*frame) + from->len + 15) & ~15u;
	frame->shape = *shape;
	memcpy(frame->bytes, from->bytes, from->len);
	block->used += frame->size;
	block->frames++;
	if (!f->counted)
		count_frame(f, frame);
	if (!f->in_memory)
		prepare_frame(f, frame);
}

/* False: it cannot be as long as asked for. */
static bool resize(struct feed *f, struct captured *frame, struct rewrite_shape *shape)
{
	if (!f->options.frame_size)
		return true;
	if (!rewrite_size(frame->bytes, shape, f->options.frame_size, f->resized)) {
		f->counts.other_size += !f->counted;
		return false;
	}
	frame->bytes = f->resized;
	frame->len = f->options.frame_size;
	rewrite_shape_of(frame->bytes, frame->len, shape);
	return true;
}

bool feed_read(struct feed *f, struct captured *frame, struct rewrite_shape *shape)
{
	do {
		if (!captures_next(f->captures, frame))
			return false;
		rewrite_shape_of(frame->bytes, frame->len, shape);
	} while (!resize(f, frame, shape));
	return true;
}

unsigned feed_queue_of(const struct feed *f, const struct captured *from,
		       const struct rewrite_shape *shape)
{
	if (f->options.queues <= 1)
		return 0;
	if (f->options.spread)
		return (unsigned)((shape->fragment ? shape->fragment : f->index) %
				  f->options.queues);
	return rewrite_sender_hash(from->bytes, shape) % f->options.queues;
}

bool feed_block_fits(const struct feed_block *block, uint32_t len)
{
	return block && block->used + sizeof(struct feed_frame) + len + 15 <= FEED_BLOCK_BYTES;
}

/* --- all in memory ------------------------------------------------------------------------- */

static int keep_frame(struct feed *f, const struct captured *from,
		      const struct rewrite_shape *shape)
{
	struct feed_lane *lane = &f->lanes[feed_queue_of(f, from, shape)];

	if (!feed_block_fits(lane->filling, from->len)) {
		/* (Files are known to fit.) */
		bool fits = captures_can_be_read_again(f->captures) ||
			    f->kept_bytes + FEED_BLOCK_BYTES <= f->options.memory_bytes;
		struct feed_block *block = fits ? feed_block_new() : NULL;
		if (!block)
			return -ENOMEM;
		f->kept_bytes += FEED_BLOCK_BYTES;
		*lane->link = lane->filling = block;
		lane->link = &block->next;
	}
	feed_put(f, lane->filling, from, shape);
	return 0;
}

static bool is_stopped(const struct feed *f)
{
	return f->options.stop && atomic_load_explicit(f->options.stop, memory_order_relaxed);
}

static int read_into_memory(struct feed *f, char *err, size_t err_size)
{
	struct rewrite_shape shape;
	struct captured frame;

	for (unsigned q = 0; q < f->options.queues; q++)
		f->lanes[q].link = &f->lanes[q].first;
	while (!is_stopped(f) && feed_read(f, &frame, &shape))
		if (keep_frame(f, &frame, &shape) < 0) {
			snprintf(err, err_size, "out of memory after %llu packets%s",
				 (unsigned long long)f->counts.packets,
				 captures_can_be_read_again(f->captures)
					 ? ""
					 : ": what is no file is kept there (--memory); expected "
					   "a file");
			return -ENOMEM;
		}
	f->counted = true;
	if (!is_stopped(f))
		return 0;
	snprintf(err, err_size, "stopped while captures were read");
	return -EINTR;
}

/* Where one queue's list has been walked to. */
struct walk {
	struct feed_block *block;
	uint32_t at;
};

static struct feed_frame *walk_peek(struct walk *w)
{
	while (w->block && w->at == w->block->used)
		*w = (struct walk){.block = w->block->next};
	return w->block ? (struct feed_frame *)(void *)(w->block->bytes + w->at) : NULL;
}

/* Takes the frames of all queues in the order in which they were captured. */
static void prepare_in_memory(struct feed *f)
{
	struct walk walks[FEED_QUEUES_MAX] = {0};

	for (unsigned q = 0; q < f->options.queues; q++)
		walks[q].block = f->lanes[q].first;
	for (uint64_t i = 0; i < f->counts.packets; i++)
		for (unsigned q = 0; q < f->options.queues; q++) {
			struct feed_frame *frame = walk_peek(&walks[q]);

			if (!frame || frame->index != i)
				continue;
			prepare_frame(f, frame);
			walks[q].at += frame->size;
			break;
		}
	f->period = pace_end(&f->pace);
	f->prepared = true;
}

/* --- both ---------------------------------------------------------------------------------- */

/* With the limit for captures of which no packet is known beforehand. */
static int reopen_for_disk(struct feed *f, char *err, size_t err_size)
{
	captures_close(f->captures);
	f->captures = NULL;
	return captures_open(&f->captures, f->options.paths, f->options.paths_count,
			     f->options.frame_max_from_disk, err, err_size);
}

/* Where they are read more than once, no pipe can be among them. */
static int check_read_once(const struct feed *f, char *err, size_t err_size)
{
	if (captures_can_be_read_again(f->captures) || (f->in_memory && !f->options.again))
		return 0;
	snprintf(err, err_size, "%s: expected files, no pipe",
		 f->options.again
			 ? "captures are read anew for each frame size"
			 : "captures that do not fit in memory are read while they are sent");
	return -ESPIPE;
}

int feed_open(struct feed **out, const struct feed_options *options, char *err, size_t err_size)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	f->options = *options;
	int rc = captures_open(&f->captures, options->paths, options->paths_count,
			       options->frame_max, err, err_size);
	if (rc == 0) {
		/* Short packets grow most: a record's header has 16 bytes, a frame's more. */
		uint64_t bytes = captures_file_bytes(f->captures);
		if (options->frame_size > 64)
			bytes += bytes / 64 * options->frame_size;
		f->in_memory = bytes + bytes / 2 <= options->memory_bytes;
		rc = check_read_once(f, err, err_size);
	}
	if (rc == 0 && f->in_memory)
		rc = read_into_memory(f, err, err_size);
	else if (rc == 0 && options->frame_max_from_disk < options->frame_max)
		rc = reopen_for_disk(f, err, err_size);
	if (rc < 0) {
		feed_close(f);
		return rc;
	}
	*out = f;
	return 0;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	feed_reader_stop(f);
	feed_reader_free(f);
	for (unsigned q = 0; q < f->options.queues; q++)
		for (struct feed_block *b = f->lanes[q].first, *next; b; b = next) {
			next = b->next;
			free(b);
		}
	captures_close(f->captures);
	free(f);
}

bool feed_in_memory(const struct feed *f)
{
	return f->in_memory;
}

const struct feed_counts *feed_counts(const struct feed *f)
{
	return &f->counts;
}

const struct captures *feed_captures(const struct feed *f)
{
	return f->captures;
}

int feed_start(struct feed *f, const struct feed_start *start, char *err, size_t err_size)
{
	f->start = *start;
	pace_begin(&f->pace, start->pace, clock_tsc_hz());
	if (!f->in_memory)
		return feed_reader_start(f, err, err_size);
	prepare_in_memory(f);
	return 0;
}

int feed_stop(struct feed *f, char *err, size_t err_size)
{
	feed_reader_stop(f);
	if (f->rc < 0)
		snprintf(err, err_size, "%s", f->why);
	return f->rc;
}

void feed_cursor_begin(struct feed_cursor *c, struct feed *f, unsigned queue)
{
	*c = (struct feed_cursor){.feed = f, .queue = queue, .passes_left = f->start.loops};
	c->endless = f->start.loops == 0;
	c->ended = f->in_memory && !f->lanes[queue].first;
}

bool feed_cursor_next_block(struct feed_cursor *c)
{
	struct feed *f = c->feed;

	if (c->ended)
		return false;
	if (!f->in_memory)
		return feed_reader_next_block(c);
	c->at = 0;
	if (c->block && c->block->next) {
		c->block = c->block->next;
		return true;
	}
	/* A new pass. */
	if (c->block)
		c->base += f->period;
	if (!c->endless && c->passes_left-- == 0) {
		c->ended = true;
		c->block = NULL;
		return false;
	}
	c->block = f->lanes[c->queue].first;
	return true;
}
