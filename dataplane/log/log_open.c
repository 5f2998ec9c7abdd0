/*
 * Opening a partition: what is in its directory, where recovery starts, what is cut, and the state
 * that appending goes on from. Cold; blocks; the log core has not heard of the partition yet.
 *
 * Only segments from the checkpoint on are read: after a clean stop none, else at most two (the one
 * being finished when the dataplane died, and its successor).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_open.h"
#include "touch.h"

int log_open_error(struct log_opening *o, int rc, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(o->err, o->err_size, format, ap);
	va_end(ap);
	return rc;
}

int log_open_run(struct log_opening *o, struct disk_op op, disk_file *file)
{
	int64_t rc = o->disk->ops->run(o->disk, &op);

	if (rc < 0)
		return log_open_error(o, (int)rc, "%s %s: %s", log_op_name(op.kind),
				      op.path ? op.path : o->p->dir, strerror((int)-rc));
	if (file)
		*file = op.file;
	return 0;
}

/* ---- what is there ---- */

static int add(struct log_found *list, uint64_t base)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		uint64_t *more = realloc(list->bases, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->bases = more;
		list->room = room;
	}
	list->bases[list->count++] = base;
	return 0;
}

static bool is_ours(const char *name)
{
	static const char *const names[] = {
		LOG_NAME_CHECKPOINT,	    LOG_NAME_EPOCHS,	    LOG_NAME_METADATA,
		LOG_NAME_CHECKPOINT ".tmp", LOG_NAME_EPOCHS ".tmp", LOG_NAME_METADATA ".tmp",
	};
	static const char *const kafkas[] = {".snapshot", ".txnindex"};
	uint64_t base;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (unsigned i = 0; i < sizeof(kafkas) / sizeof(kafkas[0]); i++)
		if (log_format_parse(name, kafkas[i], &base))
			return true;
	return false;
}

static int look_at(void *arg, const char *name, int is_dir)
{
	struct log_opening *o = arg;
	size_t prefix = sizeof(LOG_SPARE_PREFIX) - 1;
	uint64_t base;

	if (!is_dir && log_format_parse(name, LOG_SUFFIX_LOG, &base))
		return add(&o->segments, base);
	if (!is_dir && log_format_parse(name, LOG_SUFFIX_INDEX, &base))
		return add(&o->indexes, base);
	if (!is_dir && log_format_parse(name, LOG_SUFFIX_TIMEINDEX, &base))
		return add(&o->timeindexes, base);
	if (!is_dir && strncmp(name, LOG_SPARE_PREFIX, prefix) == 0 &&
	    log_format_parse(name + prefix, LOG_SPARE_SUFFIX, &base))
		return add(&o->spares, base);
	if (!is_dir && strcmp(name, LOG_NAME_PREPARED) == 0) {
		o->prepared = true;
		return 0;
	}
	if (!is_dir && is_ours(name))
		return 0;
	if (o->foreign++ == 0)
		snprintf(o->foreign_name, sizeof(o->foreign_name), "%s", name);
	return 0;
}

static int by_base(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

bool log_found_has(const struct log_found *list, uint64_t base)
{
	return list->count && bsearch(&base, list->bases, list->count, sizeof(base), by_base);
}

static void sort(struct log_found *list)
{
	if (list->count)
		qsort(list->bases, list->count, sizeof(*list->bases), by_base);
}

static int list_directory(struct log_opening *o)
{
	int rc = o->disk->ops->list(o->disk, o->p->dir, look_at, o);

	if (rc < 0)
		return log_open_error(o, rc, "%s: cannot be listed: %s", o->p->dir, strerror(-rc));
	sort(&o->segments);
	sort(&o->indexes);
	sort(&o->timeindexes);
	sort(&o->spares);
	if (o->foreign)
		log_warn(o->p->log, "%s: %u file%s that Weir does not know (\"%s\"%s), left alone",
			 o->p->dir, o->foreign, o->foreign == 1 ? "" : "s", o->foreign_name,
			 o->foreign == 1 ? "" : ", ...");
	return 0;
}

static int read_checkpoint(struct log_opening *o)
{
	char text[LOG_CHECKPOINT_BYTES + 2];
	int rc = log_read_text(o->disk, o->p->put_path, text, sizeof(text));

	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return log_open_error(o, rc, "%s: %s", o->p->put_path, strerror(-rc));
	if (!log_checkpoint_parse(text, (size_t)rc, &o->checkpoint))
		return log_open_error(o, -EPROTO,
				      "%s: damaged; remove it to have the whole partition read and "
				      "checked from its first segment",
				      o->p->put_path);
	o->has_checkpoint = true;
	return 0;
}

/* ---- the end of opening: a state to append from ---- */

/* The bytes of the block that the end lies in. */
static int load_tail(struct log_opening *o, struct log_segment *seg)
{
	uint32_t tail = (uint32_t)(seg->pos % o->disk->block);
	struct disk_op close_op = {.kind = DISK_CLOSE};
	uint32_t at = 0;
	ssize_t n = 1;

	if (tail == 0)
		return 0;
	int rc = o->disk->ops->open(o->disk, seg->path, 0, &close_op.file);
	if (rc < 0)
		return log_open_error(o, rc, "%s: %s", seg->path, strerror(-rc));
	while (at < tail && n > 0) {
		n = o->disk->ops->read(o->disk, close_op.file, seg->tail + at, tail - at,
				       seg->pos - tail + at);
		at += n > 0 ? (uint32_t)n : 0;
	}
	o->disk->ops->run(o->disk, &close_op);
	if (at < tail)
		return log_open_error(o, n < 0 ? (int)n : -EIO, "%s: read: %s", seg->path,
				      n < 0 ? strerror((int)-n) : "shorter than it was");
	return 0;
}

/* The active segment, from o->active: opened for writing at its full size. */
static int start_active(struct log_opening *o)
{
	struct log_partition *p = o->p;
	struct log_segment *seg = p->active = &p->segments[0];
	const struct log_scan *scan = &o->active;
	uint64_t block = o->disk->block, size = o->stream->segment_bytes;

	if (size > LOG_SEGMENT_BYTES_MAX)
		size = LOG_SEGMENT_BYTES_MAX;
	if (size < scan->bytes)
		size = scan->bytes;
	seg->step = SEGMENT_ACTIVE;
	seg->base = scan->base;
	seg->named = true;
	seg->pos = seg->flushed = seg->written_pos = seg->synced_pos = scan->bytes;
	seg->end_offset = seg->written_offset = seg->synced_offset = scan->next_offset;
	seg->first_max_ts = scan->first_max_ts;
	seg->size = (size + block - 1) / block * block;
	seg->writes_end = &seg->writes;
	log_segment_path(seg->path, p->dir, seg->base, LOG_SUFFIX_LOG);
	log_index_start(seg, p->dir, &scan->rule);
	int rc = load_tail(o, seg);
	if (rc == 0)
		rc = log_open_run(o,
				  (struct disk_op){.kind = DISK_CREATE,
						   .path = seg->path,
						   .offset = seg->size},
				  &seg->file);
	return rc;
}

static int put_checkpoint(struct log_opening *o)
{
	char text[LOG_CHECKPOINT_BYTES];
	struct log_checkpoint cp = {.recover_from = o->active.base, .log_start = o->p->log_start};
	int rc = log_put_text(o->disk, o->p->put_path, text, log_checkpoint_format(text, &cp));

	return rc < 0 ? log_open_error(o, rc, "%s: %s", o->p->put_path, strerror(-rc)) : 0;
}

/* Packets stored up to the recovered end, as far as the state block remembers. */
static uint64_t packets_up_to(const struct state_partition *st, uint64_t end_offset)
{
	uint64_t count = state_load(&st->recent_count), packets = 0, best = 0;

	for (uint64_t i = 0; i < STATE_RECENT && i < count; i++) {
		const struct state_recent *r = &st->recent[(count - 1 - i) % STATE_RECENT];
		uint64_t end = state_load(&r->end_offset);

		if (end == end_offset)
			return state_load(&r->packets);
		if (end < end_offset && end >= best) {
			best = end;
			packets = state_load(&r->packets);
		}
	}
	return packets;
}

static void publish_open(struct log_opening *o)
{
	struct log_partition *p = o->p;
	struct log_segment *seg = p->active;
	struct state_partition *st = p->st;
	uint64_t count = state_load(&st->recent_count);
	struct state_recent *recent = &st->recent[count % STATE_RECENT];

	p->next_offset = seg->end_offset;
	p->unclean = !o->clean;
	p->opened_pos = seg->pos;
	p->packets = packets_up_to(st, seg->end_offset);
	/* The boundary that this life starts from: whoever books a crash finds it. */
	state_store(&recent->end_offset, seg->end_offset);
	state_store(&recent->packets, p->packets);
	atomic_store_explicit(&st->recent_count, count + 1, memory_order_release);
	state_store(&st->log_end, seg->end_offset);
	state_store(&st->segments, p->sealed_count + 1);
	state_store(&st->bytes, p->sealed_bytes + seg->pos);
	atomic_store_explicit(&st->leader_epoch, p->epoch, memory_order_relaxed);
	atomic_store_explicit(&st->phase_adjust, (uint32_t)(seg->pos % SLAB_BLOCK),
			      memory_order_relaxed);
	atomic_store_explicit(&st->storage_failed, 0, memory_order_relaxed);
	atomic_store_explicit(&st->log_start, p->log_start, memory_order_release);
	atomic_store_explicit(&st->durable_end, seg->end_offset, memory_order_release);
	atomic_store_explicit(&st->active_base, seg->base, memory_order_release);
	atomic_store_explicit(&st->active_bytes, seg->pos, memory_order_release);
	atomic_store_explicit(&st->visible_end, seg->end_offset, memory_order_release);
	atomic_store_explicit(&st->open, 1, memory_order_release);
}

/* ---- the partition's memory ---- */

static int make_partition(struct log_partition **out, struct log *log, uint16_t partition,
			  uint16_t slot, const struct plan_stream *stream)
{
	struct state *state = log->config.state;
	size_t own = state ? 0 : sizeof(struct state_partition);
	struct log_partition *p = touch_alloc(STATE_LINE, sizeof(struct log_partition) + own);

	if (!p)
		return -ENOMEM;
	*out = p;
	p->log = log;
	p->st = state ? state_partition(state, partition, slot) : p->dummy_state;
	p->partition = partition;
	p->slot = slot;
	p->queue_end = &p->queue;
	snprintf(p->dir, sizeof(p->dir), "%.383s/%.127s-%u", log->storage_path, stream->name,
		 partition);
	log_path(p->put_path, p->dir, LOG_NAME_CHECKPOINT);
	log_path(p->next.path, p->dir, LOG_NAME_PREPARED);
	for (int i = 0; i < 2; i++) {
		struct log_segment *seg = &p->segments[i];

		seg->tail = touch_alloc(SLAB_BLOCK, SLAB_BLOCK);
		seg->index.offsets.ring = touch_alloc(STATE_LINE, LOG_INDEX_RING * LOG_INDEX_ENTRY);
		seg->index.times.ring =
			touch_alloc(STATE_LINE, LOG_INDEX_RING * LOG_TIMEINDEX_ENTRY);
		if (!seg->tail || !seg->index.offsets.ring || !seg->index.times.ring)
			return -ENOMEM;
	}
	return 0;
}

void log_partition_free(struct log_partition *p)
{
	if (!p)
		return;
	for (int i = 0; i < 2; i++) {
		free(p->segments[i].tail);
		free(p->segments[i].index.offsets.ring);
		free(p->segments[i].index.times.ring);
	}
	free(p->retire.segments);
	free(p);
}

static int make_directory(struct log_opening *o)
{
	const char *storage = o->p->log->storage_path;
	int rc = o->disk->ops->mkdir(o->disk, o->p->dir);

	if (rc == -EEXIST)
		return 0;
	if (rc < 0)
		return log_open_error(o, rc, "%s: cannot be made: %s", o->p->dir, strerror(-rc));
	return log_open_run(o, (struct disk_op){.kind = DISK_SYNC_DIR, .path = storage}, NULL);
}

static int open_partition(struct log_opening *o)
{
	struct log_partition *p = o->p;
	bool written = p->log->visible_written;
	int rc = make_directory(o);

	if (rc == 0)
		rc = list_directory(o);
	if (rc == 0)
		rc = read_checkpoint(o);
	/* Decides what is true, cuts the rest: o->active, p->log_start, p->sealed_*, p->spares. */
	if (rc == 0)
		rc = log_open_segments(o);
	if (rc == 0)
		rc = log_metadata_open(p, o->stream->name, o->err, o->err_size);
	if (rc == 0)
		rc = log_epochs_open(p, p->log_start, o->active.next_offset,
				     written && !o->clean && !o->fresh, o->err, o->err_size);
	if (rc == 0)
		rc = start_active(o);
	if (rc == 0 && !o->clean) {
		rc = log_open_run(o, (struct disk_op){.kind = DISK_SYNC, .file = p->active->file},
				  NULL);
		if (rc == 0)
			rc = log_open_run(
				o, (struct disk_op){.kind = DISK_SYNC_DIR, .path = p->dir}, NULL);
		if (rc == 0)
			rc = put_checkpoint(o);
	}
	return rc;
}

int log_partition_open(struct log_partition **out, struct log *log, uint16_t partition,
		       uint16_t slot, const struct plan_stream *stream, char *err, size_t err_size)
{
	struct log_opening o = {
		.disk = log->disk, .stream = stream, .err = err, .err_size = err_size};
	struct log_partition **cell;

	*out = NULL;
	if (partition >= PLAN_LANES_MAX || slot >= log->streams_max)
		return log_open_error(&o, -EINVAL, "%s-%u: no such slot", stream->name, partition);
	cell = &log->opened[(size_t)partition * log->streams_max + slot];
	if (*cell)
		return log_open_error(&o, -EEXIST, "%s-%u: already open", stream->name, partition);
	int rc = make_partition(&o.p, log, partition, slot, stream);
	if (rc < 0)
		log_open_error(&o, rc, "%s-%u: out of memory", stream->name, partition);
	else
		rc = open_partition(&o);
	if (rc == 0) {
		publish_open(&o);
		*cell = *out = o.p;
	} else {
		log_partition_free(o.p);
	}
	log_scan_free(&o.active);
	free(o.segments.bases);
	free(o.indexes.bases);
	free(o.timeindexes.bases);
	free(o.spares.bases);
	return rc;
}
