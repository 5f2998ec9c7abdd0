/*
 * Placing: where a sealed batch goes in the file, and how it gets there in whole blocks.
 *
 * With direct writes (disk->block is SLAB_BLOCK) a batch that starts at position p lies in memory
 * at the same remainder of the block size. The t = p % block bytes before it, the tail of the batch
 * before, are copied in front, whole blocks are written from where they are, and the batch's own
 * tail stays in segment->tail until its successor takes it along, or until a sync is due and
 * nothing follows: then it goes out padded with zeros, and the successor, which begins in the same
 * block, waits for that write. So no two writes in flight touch the same block.
 *
 * With buffered writes (block 1) every batch is written as it is.
 */
#include <string.h>

#include "log_private.h"

bool log_place_eager(const struct log *log)
{
	return log->plan->sync_off || log->plan->sync_ns == 0 || log->visible_written;
}

/* ---- writes ---- */

static void write_done(struct log *log, struct log_op *lop)
{
	struct log_write *w = (struct log_write *)lop;
	struct log_segment *seg = lop->seg;
	uint64_t ns = lop->op.completed_ns - lop->op.submitted_ns;

	w->done = true;
	log->writes_flying--;
	state_add(&log->core->writes, 1);
	state_add(&log->core->write_ns_total, ns);
	if (ns > state_load(&log->core->write_ns_max))
		state_store(&log->core->write_ns_max, ns);
	if (w->padded)
		seg->pad_flying = false;
	if (w->slab) {
		log_slab_free(log, w->slab);
		w->slab = NULL;
	}
	/* What counts as written is contiguous. */
	while (seg->writes && seg->writes->done) {
		w = seg->writes;
		seg->writes = w->next;
		if (!seg->writes)
			seg->writes_end = &seg->writes;
		seg->written_pos = w->end_pos;
		seg->written_offset = w->end_offset;
		w->next = log->writes_free;
		log->writes_free = w;
	}
	if (lop->p->queue)
		log_ready(log, lop->p);
}

static struct log_write *take_write(struct log *log, struct log_partition *p,
				    struct log_segment *seg)
{
	struct log_write *w = log->writes_free;

	log->writes_free = w->next;
	w->next = NULL;
	w->done = false;
	w->padded = false;
	w->slab = NULL;
	w->lop.p = p;
	w->lop.seg = seg;
	w->lop.done = write_done;
	w->lop.op =
		(struct disk_op){.kind = DISK_WRITE, .file = seg->file, .buf_index = UINT16_MAX};
	return w;
}

static void send_write(struct log *log, struct log_segment *seg, struct log_write *w)
{
	*seg->writes_end = w;
	seg->writes_end = &w->next;
	log->writes_flying++;
	if (w->padded)
		seg->pad_flying = true;
	state_add(&log->core->write_bytes, w->lop.op.len);
	log_op_start(log, &w->lop);
}

bool log_place_tail(struct log *log, struct log_partition *p, struct log_segment *seg)
{
	uint32_t block = log->disk->block;
	uint32_t tail = (uint32_t)(seg->pos % block);

	if (seg->flushed == seg->pos)
		return true;
	if (seg->pad_flying || !log->writes_free)
		return false;
	struct log_write *w = take_write(log, p, seg);
	memset(seg->tail + tail, 0, block - tail);
	w->lop.op.buf = seg->tail;
	w->lop.op.len = block;
	w->lop.op.offset = seg->pos - tail;
	w->end_pos = seg->pos;
	w->end_offset = seg->end_offset;
	w->padded = true;
	seg->flushed = seg->pos;
	state_add(&log->core->tail_writes, 1);
	send_write(log, seg, w);
	return true;
}

/* ---- batches ---- */

/* Moves the batch down to where its address has the position's phase. */
static void realign(struct log *log, struct slab *slab, uint32_t phase)
{
	uint32_t move = (slab->data - phase) % SLAB_BLOCK;

	if (move == 0)
		return;
	memmove(slab->base + slab->data - move, slab->base + slab->data, slab->end - slab->data);
	slab->data -= move;
	slab->end -= move;
	state_add(&log->core->realigned, 1);
}

static void place_in_tail(struct log *log, struct log_segment *seg, struct slab *slab,
			  uint32_t phase)
{
	memcpy(seg->tail + phase, slab->base + slab->data, slab->end - slab->data);
	log_slab_free(log, slab);
}

static void place_buffered(struct log *log, struct log_partition *p, struct log_segment *seg,
			   struct slab *slab, uint64_t end_offset)
{
	struct log_write *w = take_write(log, p, seg);

	w->slab = slab;
	w->lop.op.buf = slab->base + slab->data;
	w->lop.op.buf_index = slab->buf_index;
	w->lop.op.len = slab->end - slab->data;
	w->lop.op.offset = seg->pos;
	w->end_pos = seg->pos + w->lop.op.len;
	w->end_offset = end_offset;
	seg->flushed = w->end_pos;
	send_write(log, seg, w);
}

/* Whole blocks from the slab; with pad its last block, too. */
static void place_blocks(struct log *log, struct log_partition *p, struct log_segment *seg,
			 struct slab *slab, uint64_t end_offset, bool pad)
{
	uint32_t phase = (uint32_t)(seg->pos % SLAB_BLOCK);
	struct log_write *w = take_write(log, p, seg);

	realign(log, slab, phase);
	uint8_t *start = slab->base + slab->data - phase;
	uint64_t from = seg->pos - phase, end = seg->pos + (slab->end - slab->data);
	uint32_t rest = (uint32_t)(end % SLAB_BLOCK);
	uint64_t to = end - rest;

	memcpy(start, seg->tail, phase);
	memcpy(seg->tail, slab->base + slab->end - rest, rest);
	w->end_pos = seg->pos;
	w->end_offset = seg->end_offset;
	seg->flushed = to;
	if (pad && rest) {
		memset(slab->base + slab->end, 0, SLAB_BLOCK - rest);
		to += SLAB_BLOCK;
		w->padded = true;
	}
	if (to >= end) {
		w->end_pos = end;
		w->end_offset = end_offset;
		seg->flushed = end;
	}
	w->slab = slab;
	w->lop.op.buf = start;
	w->lop.op.buf_index = slab->buf_index;
	w->lop.op.offset = from;
	w->lop.op.len = (uint32_t)(to - from);
	send_write(log, seg, w);
}

/* Zeroing ahead never runs into us, but a lane may run into it: then it waits for that one chunk.
 */
static bool zeroing_in_the_way(const struct log *log, const struct log_partition *p, uint64_t end)
{
	const struct disk_op *op = &p->zero.op;

	return p->zero.busy && op->file == p->active->file && op->offset < end + log->disk->block &&
	       op->offset + op->len > p->active->pos;
}

static bool place_one(struct log *log, struct log_partition *p)
{
	struct slab *slab = p->queue;
	struct log_segment *seg = p->active;
	uint32_t len = slab->end - slab->data;
	uint64_t base = log_get64(slab->base + slab->data + BATCH_baseOffset);
	uint64_t end_offset = base + slab->records;
	bool raw = !log_codec_owns(log, slab);

	if (log_segment_full(log, p, slab)) {
		if (!log_segment_roll(log, p, base))
			return false;
		seg = p->active;
	}
	bool direct = log->disk->block > 1;
	uint32_t phase = (uint32_t)(seg->pos % log->disk->block);
	bool in_tail = direct && phase + len < SLAB_BLOCK;
	/* Its first block may be in flight, padded. */
	if (seg->pad_flying || (!in_tail && !log->writes_free) || !log_index_room(seg) ||
	    zeroing_in_the_way(log, p, seg->pos + len))
		return false;
	/* All is there: from here on it cannot fail. */
	p->queue = slab->next;
	if (!p->queue)
		p->queue_end = &p->queue;
	p->queued--;
	p->queued_sealed--;
	bool pad = !p->queue && log_place_eager(log) && slab->end + SLAB_BLOCK <= slab->size_bytes;
	if (raw && direct) {
		uint32_t adjust = (uint32_t)((seg->pos - p->given_bytes) % SLAB_BLOCK);
		if (atomic_load_explicit(&p->st->phase_adjust, memory_order_relaxed) != adjust)
			atomic_store_explicit(&p->st->phase_adjust, adjust, memory_order_relaxed);
	}
	if (raw)
		p->given_bytes += len;
	if (seg->pos == 0)
		seg->first_max_ts = slab->max_ts_ms;
	log_index_add(seg, end_offset - 1, seg->pos, len, slab->max_ts_ms);
	log_dirty(log, p, slab, end_offset);
	state_add(&log->core->batch_bytes, len);
	if (in_tail)
		place_in_tail(log, seg, slab, phase);
	else if (direct)
		place_blocks(log, p, seg, slab, end_offset, pad);
	else
		place_buffered(log, p, seg, slab, end_offset);
	seg->pos += len;
	seg->end_offset = end_offset;
	if (in_tail && pad)
		log_place_tail(log, p, seg);
	log_attend(log, p);
	return true;
}

unsigned log_place(struct log *log, struct log_partition *p)
{
	unsigned placed = 0;

	while (p->queue && p->writes_stuck == 0 && !log->failed) {
		if (p->queued_sealed == 0 && !log_seal_next(log, p))
			break;
		if (!place_one(log, p))
			break;
		placed++;
	}
	return placed;
}
