/*
 * Segments: the next file is made ready ahead of need, a roll goes on in it at once, and the old
 * one is finished behind the writer's back:
 *
 *     drain    its last writes and its padded tail complete; fdatasync; durable_end may pass it
 *     trim     cut to its last batch; the indexes get their last entries (both durable)
 *     record   the checkpoint moves to its successor, whose name is durable by then
 *     close
 *
 * One segment of a partition is being finished at a time; a batch that would need a second roll by
 * then waits. Nothing of the new segment is published before its rename is durable.
 */
#include <string.h>

#include "log_private.h"

void log_path(char path[LOG_PATH_MAX], const char *dir, const char *name)
{
	size_t len = strlen(dir);

	memcpy(path, dir, len);
	path[len] = '/';
	strncpy(path + len + 1, name, LOG_PATH_MAX - len - 2);
	path[LOG_PATH_MAX - 1] = 0;
}

void log_segment_path(char path[LOG_PATH_MAX], const char *dir, uint64_t base, const char *suffix)
{
	char name[LOG_NAME_MAX];

	log_format_name(name, base, suffix);
	log_path(path, dir, name);
}

static uint64_t segment_bytes(const struct log *log, const struct log_partition *p)
{
	uint64_t bytes = log->plan->streams[p->slot].segment_bytes;

	if (bytes == 0) /* a stream that a reload removed */
		bytes = p->active->size;
	return bytes < LOG_SEGMENT_BYTES_MAX ? bytes : LOG_SEGMENT_BYTES_MAX;
}

static uint64_t file_bytes(const struct log *log, const struct log_partition *p)
{
	uint64_t block = log->disk->block;

	return (segment_bytes(log, p) + block - 1) / block * block;
}

/* Kafka's own rule: LogSegment.shouldRoll. */
bool log_segment_full(const struct log *log, const struct log_partition *p, const struct slab *slab)
{
	const struct log_segment *seg = p->active;
	uint64_t age_ms = log->plan->streams[p->slot].segment_age_ns / 1000000;
	uint64_t last = log_get64(slab->base + slab->data) + slab->records - 1;

	if (seg->pos == 0)
		return false;
	return seg->pos + (slab->end - slab->data) > segment_bytes(log, p) ||
	       (age_ms && slab->max_ts_ms - seg->first_max_ts > (int64_t)age_ms) ||
	       log_index_rule_full(&seg->index.rule) || last - seg->base > INT32_MAX;
}

/* ---- roll ---- */

static void named(struct log *log, struct log_op *lop)
{
	lop->seg->named = true;
	if (lop->p->queue)
		log_ready(log, lop->p);
}

static void begin_segment(struct log_partition *p, struct log_segment *seg, uint64_t base)
{
	struct log_index_rule rule;

	seg->step = SEGMENT_ACTIVE;
	seg->base = base;
	seg->file = p->next.file;
	seg->size = p->next.size;
	seg->zeroed = p->next.zeroed;
	seg->recycled = p->next.recycled;
	seg->named = seg->last = seg->trimmed = seg->pad_flying = false;
	seg->pos = seg->flushed = seg->written_pos = seg->synced_pos = 0;
	seg->end_offset = seg->written_offset = seg->synced_offset = base;
	seg->writes = NULL;
	seg->writes_end = &seg->writes;
	log_segment_path(seg->path, p->dir, base, LOG_SUFFIX_LOG);
	log_index_rule_init(&rule);
	log_index_start(seg, p->dir, &rule);
}

bool log_segment_roll(struct log *log, struct log_partition *p, uint64_t base)
{
	struct log_segment *old = p->active;
	struct log_segment *seg = old == &p->segments[0] ? &p->segments[1] : &p->segments[0];

	if (p->closing || p->next.state != NEXT_READY || !old->named) {
		/* Once: whatever it waits for is looked after when it completes. */
		if (!p->segment_wait) {
			state_add(&log->core->segment_waits, 1);
			log_attend(log, p);
		}
		p->segment_wait = true;
		return false;
	}
	p->segment_wait = p->tail_sent = false;
	begin_segment(p, seg, base);
	old->step = SEGMENT_DRAIN;
	p->closing = old;
	p->active = seg;
	p->sealed_bytes += old->pos;
	p->sealed_last_base = old->base;
	p->sealed_last_bytes = old->pos;
	p->sealed_count++;
	p->next.state = NEXT_NONE;
	p->rename.p = p;
	p->rename.seg = seg;
	p->rename.done = named;
	p->rename.op =
		(struct disk_op){.kind = DISK_RENAME, .path = p->next.path, .path2 = seg->path};
	log_op_start(log, &p->rename);
	state_add(&log->core->rolls, 1);
	log_attend(log, p);
	return true;
}

/* ---- the file to come ---- */

static void created(struct log *log, struct log_op *lop)
{
	struct log_next *next = &lop->p->next;

	next->file = lop->op.file;
	next->size = lop->op.offset;
	next->zeroed = 0;
	next->state = NEXT_READY;
	if (lop->p->queue)
		log_ready(log, lop->p);
}

static void create(struct log *log, struct log_op *lop)
{
	struct log_partition *p = lop->p;

	p->next.state = NEXT_CREATING;
	lop->done = created;
	lop->op = (struct disk_op){
		.kind = DISK_CREATE, .path = p->next.path, .offset = file_bytes(log, p)};
	log_op_start(log, lop);
}

/* Old batches made harmless, a few at a time. */
static void scrub(struct log *log, struct log_op *lop)
{
	struct log_next *next = &lop->p->next;
	bool begun = lop->op.kind == DISK_SCRUB;

	/* Done, or the file that was kept for this is gone. */
	if (begun ? lop->op.result == 0 : lop->op.result == 1) {
		next->recycled &= begun;
		create(log, lop);
		return;
	}
	next->state = NEXT_SCRUBBING;
	lop->done = scrub;
	lop->op = (struct disk_op){.kind = DISK_SCRUB,
				   .path = next->path,
				   .offset = begun ? (uint64_t)lop->op.result : 0};
	log_op_start(log, lop);
}

static void prepare(struct log *log, struct log_partition *p)
{
	struct log_next *next = &p->next;

	if (next->state != NEXT_NONE || !p->active->named || p->active->pos == 0 || !p->unclean ||
	    (log->closing && !p->queue)) /* a batch may still need it */
		return;
	next->lop.p = p;
	next->recycled = p->spares_count > 0;
	if (!next->recycled) {
		create(log, &next->lop);
		return;
	}
	log_spare_path(next->from, p->dir, p->spares[--p->spares_count]);
	next->state = NEXT_RENAMING;
	next->lop.done = scrub;
	next->lop.op = (struct disk_op){.kind = DISK_RENAME,
					.flags = DISK_RENAME_UNREAD,
					.path = next->from,
					.path2 = next->path};
	log_op_start(log, &next->lop);
}

static void marked(struct log *log, struct log_partition *p)
{
	p->unclean = true;
}

/* After a clean stop the checkpoint says "clean" until the first batch comes. No roll before it
 * says otherwise: a clean checkpoint with a segment behind it is a foreign segment. */
static void mark_unclean(struct log *log, struct log_partition *p)
{
	if (!p->unclean && (p->active->pos > p->opened_pos || p->segment_wait))
		log_checkpoint_put(log, p, marked);
}

/* ---- zeroing ahead: writing into blocks that were never written costs the journal ---- */

static void zeroed(struct log *log, struct log_op *lop)
{
	struct log_partition *p = lop->p;
	uint64_t end = lop->op.offset + lop->op.len;
	bool failed = lop->op.result < 0; /* no harm: the blocks will be allocated when written */

	if (p->active->file == lop->op.file) {
		p->active->zeroed = end;
		p->active->recycled |= failed;
	} else if (p->next.state == NEXT_READY && p->next.file == lop->op.file) {
		p->next.zeroed = end;
		p->next.recycled |= failed;
	}
	if (p->queue)
		log_ready(log, p);
}

static void zero(struct log *log, struct log_partition *p)
{
	uint64_t ahead = log->prepare_bytes;
	struct log_segment *seg = p->active;
	disk_file file = seg->file;
	uint64_t from, limit, chunk = ahead / 8 / SLAB_BLOCK * SLAB_BLOCK;

	if (chunk == 0 || log->disk->block == 1 || p->zero.busy || log->closing || seg->pos == 0)
		return;
	if (chunk > LOG_ZERO_CHUNK)
		chunk = LOG_ZERO_CHUNK;
	/* Never so near that the writer could run into a chunk under way. */
	from = seg->zeroed;
	if (from < seg->pos + 2 * chunk)
		from = (seg->pos + ahead / 2) / chunk * chunk;
	limit = seg->pos + ahead < seg->size ? seg->pos + ahead : seg->size;
	if (seg->recycled || from + chunk > limit) {
		if (p->next.state != NEXT_READY || p->next.recycled)
			return;
		file = p->next.file;
		from = p->next.zeroed;
		limit = ahead < p->next.size ? ahead : p->next.size;
		if (from + chunk > limit)
			return;
	}
	p->zero.p = p;
	p->zero.done = zeroed;
	p->zero.op = (struct disk_op){
		.kind = DISK_ZERO, .file = file, .offset = from, .len = (uint32_t)chunk};
	log_op_start(log, &p->zero);
}

/* ---- finishing ---- */

static void trimmed(struct log *log, struct log_op *lop)
{
	lop->seg->trimmed = true;
}

static void closed(struct log *log, struct log_op *lop)
{
	struct log_partition *p = lop->p;

	lop->seg->step = lop->seg->last ? SEGMENT_CLOSED : SEGMENT_NONE;
	if (p->closing == lop->seg)
		p->closing = NULL;
	if (p->queue)
		log_ready(log, p);
}

static void recorded(struct log *log, struct log_partition *p)
{
	struct log_segment *seg = p->closing ? p->closing : p->active;

	seg->step = SEGMENT_CLOSE;
	seg->chore.done = closed;
	seg->chore.op = (struct disk_op){.kind = DISK_CLOSE, .file = seg->file};
	log_op_start(log, &seg->chore);
}

static void trim(struct log *log, struct log_partition *p, struct log_segment *seg)
{
	seg->step = SEGMENT_TRIM;
	seg->chore.p = p;
	seg->chore.seg = seg;
	seg->chore.done = trimmed;
	seg->chore.op =
		(struct disk_op){.kind = DISK_TRUNCATE, .file = seg->file, .offset = seg->pos};
	log_op_start(log, &seg->chore);
	log_index_close(seg);
}

/* True: something that no completion will tell us is in the way. */
static bool finish(struct log *log, struct log_partition *p, struct log_segment *seg)
{
	bool zeroing = p->zero.busy && p->zero.op.file == seg->file;

	if (seg->step == SEGMENT_DRAIN) {
		if (!log_place_tail(log, p, seg) || !log_sync_segment(log, p, seg))
			return true;
		if (!zeroing)
			trim(log, p, seg);
	}
	if (seg->step == SEGMENT_TRIM) {
		log_index_flush(log, p, seg, 0);
		if (!seg->trimmed || !log_index_closed(seg) || !p->active->named)
			return false;
		seg->step = SEGMENT_RECORD;
		if (!log_checkpoint_put(log, p, recorded)) {
			seg->step = SEGMENT_TRIM;
			return true;
		}
	}
	return false;
}

static void next_closed(struct log *log, struct log_op *lop)
{
	lop->p->next.state = NEXT_NONE;
}

/* The last steps of a clean stop. */
static bool finish_partition(struct log *log, struct log_partition *p)
{
	struct log_segment *seg = p->active;
	struct log_next *next = &p->next;

	if (seg->step == SEGMENT_ACTIVE && !p->queue && !p->closing && seg->named &&
	    p->retire.step == RETIRE_IDLE) {
		seg->last = true;
		seg->step = SEGMENT_DRAIN;
	}
	if (seg->step != SEGMENT_ACTIVE && finish(log, p, seg))
		return true;
	if (seg->step != SEGMENT_CLOSED || p->zero.busy)
		return false;
	if (next->state == NEXT_READY && !next->lop.busy) {
		next->lop.done = next_closed;
		next->lop.op = (struct disk_op){.kind = DISK_CLOSE, .file = next->file};
		log_op_start(log, &next->lop);
	}
	p->closed = next->state == NEXT_NONE;
	return false;
}

bool log_segment_chores(struct log *log, struct log_partition *p)
{
	bool again = false;
	bool failed;

	if (log->failed || p->closed)
		return false;
	if (p->closing)
		again = finish(log, p, p->closing);
	if (p->active->step == SEGMENT_ACTIVE) {
		bool late = log->now - p->index_flush_ns > 1000000000u;

		mark_unclean(log, p);
		prepare(log, p);
		zero(log, p);
		log_index_flush(log, p, p->active, late ? 1 : LOG_INDEX_FLUSH);
		if (late)
			p->index_flush_ns = log->now;
	}
	log_retain_step(log, p);
	if (log->closing)
		again |= finish_partition(log, p);
	/* The segment to come may wait for space as long as this one has room. */
	failed = p->ops_stuck > (p->segment_wait ? 0u : p->next.lop.stuck);
	if (failed != (bool)atomic_load_explicit(&p->st->storage_failed, memory_order_relaxed)) {
		atomic_store_explicit(&p->st->storage_failed, failed, memory_order_relaxed);
		log_warn(log,
			 failed ? "%s: no space left: its events are shed until there is some"
				: "%s: there is space again",
			 p->dir);
	}
	return again;
}
