/*
 * Which segments of a partition are true, and to which byte. Where the checkpoint says "clean" and
 * the file is as long as it says, that is believed. Else the segment it names, and what follows, is
 * read:
 *
 *     - a segment that ends exactly where its successor begins is whole: it is finished (trimmed,
 *       indexed) if the last dataplane had not come to that;
 *     - the last segment is cut at the first byte that is no valid batch, so that nothing of the
 * file's earlier life, and no batch from behind a gap, can ever follow a new one;
 *     - a successor that does not begin where its predecessor ends held batches that were never
 *       durable (durable_end waits for the predecessor): it is dropped;
 *     - next.prepared, if it holds the batches that come next, died between roll and rename: it
 * gets its name now. Else it goes: it may hold batches whose offsets will be given again.
 *
 * Whatever does not fit this picture is somebody else's work: an error, and nothing is touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log_open.h"

static int unlink_file(struct log_opening *o, const char *path)
{
	struct disk_op op = {.kind = DISK_UNLINK, .path = path};
	int64_t rc = o->disk->ops->run(o->disk, &op);

	if (rc < 0 && rc != -ENOENT)
		return log_open_error(o, (int)rc, "unlink of %s: %s", path, strerror((int)-rc));
	return 0;
}

static int unlink_segment(struct log_opening *o, uint64_t base, bool with_log)
{
	static const char *const suffixes[] = {LOG_SUFFIX_LOG, LOG_SUFFIX_INDEX,
					       LOG_SUFFIX_TIMEINDEX};
	int rc = 0;

	for (int i = with_log ? 0 : 1; rc == 0 && i < 3; i++) {
		char path[LOG_PATH_MAX];

		log_segment_path(path, o->p->dir, base, suffixes[i]);
		rc = unlink_file(o, path);
	}
	return rc;
}

static int set_size(struct log_opening *o, const char *path, uint64_t bytes)
{
	disk_file file;
	int rc = o->disk->ops->open(o->disk, path, 0, &file);

	if (rc < 0)
		return log_open_error(o, rc, "%s: %s", path, strerror(-rc));
	rc = log_open_run(o, (struct disk_op){.kind = DISK_TRUNCATE, .file = file, .offset = bytes},
			  NULL);
	/* A truncate to the same size need not have synced what a dead process wrote. */
	if (rc == 0)
		rc = log_open_run(o, (struct disk_op){.kind = DISK_SYNC, .file = file}, NULL);
	log_open_run(o, (struct disk_op){.kind = DISK_CLOSE, .file = file}, NULL);
	return rc;
}

static int scan(struct log_opening *o, const char *path, uint64_t base, struct log_scan *s)
{
	int rc = log_scan_segment(o->disk, path, base, s);

	return rc < 0 ? log_open_error(o, rc, "%s: read: %s", path, strerror(-rc)) : 0;
}

/* ---- segments that are not read ---- */

static int index_wrong(struct log_opening *o, uint64_t base, const char *suffix, uint32_t entry,
		       const struct log_found *found, uint64_t log_bytes)
{
	char path[LOG_PATH_MAX];
	uint8_t last[LOG_TIMEINDEX_ENTRY];
	struct disk_op close_op = {.kind = DISK_CLOSE};
	struct disk_stat st;

	log_segment_path(path, o->p->dir, base, suffix);
	if (!log_found_has(found, base) || o->disk->ops->stat(o->disk, path, &st) < 0)
		return 1;
	if (st.size_bytes % entry || st.size_bytes > LOG_INDEX_BYTES_MAX)
		return 1;
	/* An empty time index beside a segment with batches: the final entry is missing. */
	if (st.size_bytes == 0)
		return entry == LOG_TIMEINDEX_ENTRY && log_bytes > 0;
	if (o->disk->ops->open(o->disk, path, 0, &close_op.file) < 0)
		return 1;
	ssize_t n = o->disk->ops->read(o->disk, close_op.file, last, entry, st.size_bytes - entry);
	o->disk->ops->run(o->disk, &close_op);
	if (n != (ssize_t)entry)
		return 1;
	if (entry == LOG_INDEX_ENTRY)
		return log_get32(last + 4) >= log_bytes || log_get32(last) == 0;
	return (int64_t)log_get64(last) < 0 || (log_get64(last) == 0 && st.size_bytes > entry);
}

/* A segment older than the checkpoint: its size counts, its indexes must look right. */
static int take_sealed(struct log_opening *o, uint64_t base)
{
	char path[LOG_PATH_MAX];
	struct disk_stat st;
	struct log_scan s;

	log_segment_path(path, o->p->dir, base, LOG_SUFFIX_LOG);
	int rc = o->disk->ops->stat(o->disk, path, &st);
	if (rc < 0)
		return log_open_error(o, rc, "%s: %s", path, strerror(-rc));
	o->p->sealed_bytes += st.size_bytes;
	o->p->sealed_count++;
	if (!index_wrong(o, base, LOG_SUFFIX_INDEX, LOG_INDEX_ENTRY, &o->indexes, st.size_bytes) &&
	    !index_wrong(o, base, LOG_SUFFIX_TIMEINDEX, LOG_TIMEINDEX_ENTRY, &o->timeindexes,
			 st.size_bytes))
		return 0;
	log_warn(o->p->log, "%s: its indexes are missing or damaged: rebuilding them", path);
	rc = scan(o, path, base, &s);
	if (rc < 0)
		return rc;
	if (s.stop)
		log_warn(o->p->log, "%s: %s at byte %llu; left as it is", path, s.stop,
			 (unsigned long long)s.bytes);
	rc = log_scan_write_indexes(o->disk, o->p->dir, &s, true);
	log_scan_free(&s);
	return rc < 0 ? log_open_error(o, rc, "%s: indexes: %s", path, strerror(-rc)) : 0;
}

/* ---- segments that are ---- */

/* Trims to the byte, syncs, and writes the indexes of a scanned segment. */
static int settle(struct log_opening *o, const char *path, const struct log_scan *s, bool closed)
{
	int rc = set_size(o, path, s->bytes);

	if (rc == 0) {
		rc = log_scan_write_indexes(o->disk, o->p->dir, s, closed);
		if (rc < 0)
			log_open_error(o, rc, "%s: indexes: %s", path, strerror(-rc));
	}
	return rc;
}

static int foreign_error(struct log_opening *o, const char *path, const struct log_scan *s)
{
	return log_open_error(o, -EPROTO,
			      "%s: begins with %s, which Weir did not write; move the file away",
			      path, s->stop ? s->stop : "something");
}

/* The one successor that a power cut may have left behind a shorter predecessor. */
static int drop_successor(struct log_opening *o, size_t at, const struct log_scan *before)
{
	uint64_t base = o->segments.bases[at];
	char path[LOG_PATH_MAX];
	struct log_scan s;

	log_segment_path(path, o->p->dir, base, LOG_SUFFIX_LOG);
	if (!o->has_checkpoint || o->checkpoint.clean || at + 1 != o->segments.count)
		return log_open_error(
			o, -EPROTO,
			"%s: the segment before it ends at offset %llu%s%s, byte %llu; move the "
			"segments from there on away, or restore what is missing",
			path, (unsigned long long)before->next_offset, before->stop ? " with " : "",
			before->stop ? before->stop : "", (unsigned long long)before->bytes);
	int rc = scan(o, path, base, &s);
	if (rc < 0)
		return rc;
	bool foreign = s.foreign;
	unsigned long long batches = s.batches;
	if (foreign)
		foreign_error(o, path, &s);
	log_scan_free(&s);
	if (foreign)
		return -EPROTO;
	log_warn(o->p->log,
		 "%s: dropped, with %llu batches that were never durable: the segment before it "
		 "ends "
		 "at offset %llu",
		 path, batches, (unsigned long long)before->next_offset);
	return unlink_segment(o, base, true); /* durable before anything is appended: log_open.c */
}

/* A roll whose rename never came. Returns 1 when o->active is now what was next.prepared. */
static int take_prepared(struct log_opening *o, const char *last_path)
{
	const char *prepared = o->p->next.path;
	char path[LOG_PATH_MAX];
	struct log_scan s;

	if (!o->prepared)
		return 0;
	int rc = scan(o, prepared, o->active.next_offset, &s);
	if (rc < 0)
		return rc;
	if (s.batches == 0 || o->active.bytes == 0) {
		log_scan_free(&s);
		return unlink_file(o, prepared);
	}
	rc = settle(o, last_path, &o->active, true);
	if (rc == 0) {
		o->p->sealed_bytes += o->active.bytes;
		o->p->sealed_count++;
		log_segment_path(path, o->p->dir, s.base, LOG_SUFFIX_LOG);
		rc = log_open_run(
			o, (struct disk_op){.kind = DISK_RENAME, .path = prepared, .path2 = path},
			NULL);
	}
	log_scan_free(&o->active);
	o->active = s;
	return rc < 0 ? rc : 1;
}

static int cut_active(struct log_opening *o, const char *path)
{
	const struct log_scan *s = &o->active;

	if (s->stop && strcmp(s->stop, "zeros") != 0 && strcmp(s->stop, "an older batch") != 0)
		log_warn(o->p->log, "%s: cut at byte %llu, offset %llu: %s", path,
			 (unsigned long long)s->bytes, (unsigned long long)s->next_offset, s->stop);
	return settle(o, path, s, false);
}

static int recover_from(struct log_opening *o, size_t at)
{
	const struct log_found *all = &o->segments;
	char path[LOG_PATH_MAX];
	int rc = 0;

	for (; rc == 0; at++) {
		uint64_t base = all->bases[at];
		bool last = at + 1 == all->count;

		log_segment_path(path, o->p->dir, base, LOG_SUFFIX_LOG);
		rc = scan(o, path, base, &o->active);
		if (rc < 0)
			return rc;
		if (o->active.foreign)
			return foreign_error(o, path, &o->active);
		if (last)
			break;
		if (all->bases[at + 1] != o->active.next_offset) {
			rc = drop_successor(o, at + 1, &o->active);
			break;
		}
		rc = settle(o, path, &o->active, true);
		o->p->sealed_bytes += o->active.bytes;
		o->p->sealed_count++;
		log_scan_free(&o->active);
	}
	if (rc == 0)
		rc = take_prepared(o, path);
	if (rc > 0)
		log_segment_path(path, o->p->dir, o->active.base, LOG_SUFFIX_LOG);
	return rc < 0 ? rc : cut_active(o, path);
}

/* ---- a clean stop is believed ---- */

static bool index_sizes_fit(struct log_opening *o)
{
	const struct log_checkpoint *cp = &o->checkpoint;
	struct disk_stat index, times;
	char path[LOG_PATH_MAX];

	log_segment_path(path, o->p->dir, cp->recover_from, LOG_SUFFIX_INDEX);
	if (o->disk->ops->stat(o->disk, path, &index) < 0)
		return false;
	log_segment_path(path, o->p->dir, cp->recover_from, LOG_SUFFIX_TIMEINDEX);
	if (o->disk->ops->stat(o->disk, path, &times) < 0)
		return false;
	uint64_t final = (int64_t)cp->max_ts > (int64_t)cp->last_time_ts ? 1 : 0;
	return index.size_bytes == cp->index_entries * LOG_INDEX_ENTRY &&
	       times.size_bytes == (cp->time_entries + final) * LOG_TIMEINDEX_ENTRY;
}

/* True: o->active comes from the checkpoint; no byte of the segment was read. */
static bool take_clean(struct log_opening *o, const char *path)
{
	const struct log_checkpoint *cp = &o->checkpoint;
	const struct log_found *all = &o->segments;
	struct disk_stat st;

	if (!o->has_checkpoint || !cp->clean || all->bases[all->count - 1] != cp->recover_from ||
	    o->disk->ops->stat(o->disk, path, &st) < 0 || st.size_bytes != cp->end_bytes ||
	    !index_sizes_fit(o))
		return false;
	o->active = (struct log_scan){
		.base = cp->recover_from,
		.next_offset = cp->end_offset,
		.bytes = cp->end_bytes,
		.file_bytes = cp->end_bytes,
		.first_max_ts = (int64_t)cp->first_max_ts,
		.rule = {.gap = cp->index_gap,
			 .max_ts = (int64_t)cp->max_ts,
			 .max_ts_offset = cp->max_ts_offset,
			 .last_time_ts = (int64_t)cp->last_time_ts,
			 .entries = cp->index_entries,
			 .time_entries = cp->time_entries},
	};
	return true;
}

/* ---- the whole directory ---- */

static int remove_orphans(struct log_opening *o, const struct log_found *indexes)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < indexes->count; i++)
		if (!log_found_has(&o->segments, indexes->bases[i]) &&
		    indexes->bases[i] != o->active.base)
			rc = unlink_segment(o, indexes->bases[i], false);
	return rc;
}

static int take_spares(struct log_opening *o)
{
	struct log_partition *p = o->p;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->spares.count; i++) {
		char path[LOG_PATH_MAX];

		if (p->spares_count < LOG_SPARES_MAX) {
			p->spares[p->spares_count++] = o->spares.bases[i];
			continue;
		}
		log_spare_path(path, p->dir, o->spares.bases[i]);
		rc = unlink_file(o, path);
	}
	return rc;
}

static int first_segment(struct log_opening *o)
{
	if (o->has_checkpoint)
		return log_open_error(o, -ENOENT,
				      "%s: there is a %s but no segment; restore the segments, or "
				      "remove the directory to start from nothing",
				      o->p->dir, LOG_NAME_CHECKPOINT);
	o->fresh = true;
	log_index_rule_init(&o->active.rule);
	return o->prepared ? unlink_file(o, o->p->next.path) : 0;
}

/* Segments that retention had not come to unlink. Returns how many, or -errno. */
static int finish_retention(struct log_opening *o, size_t recover)
{
	const struct log_found *all = &o->segments;
	size_t n = 0;
	int rc = 0;

	while (rc == 0 && n < recover && all->bases[n + 1] <= o->p->log_start)
		rc = unlink_segment(o, all->bases[n++], true);
	return rc < 0 ? rc : (int)n;
}

int log_open_segments(struct log_opening *o)
{
	const struct log_found *all = &o->segments;
	char path[LOG_PATH_MAX];
	size_t recover = 0;

	int rc = take_spares(o);
	if (rc < 0)
		return rc;
	if (all->count == 0)
		return first_segment(o);
	if (o->has_checkpoint) {
		while (recover < all->count && all->bases[recover] != o->checkpoint.recover_from)
			recover++;
		log_segment_path(path, o->p->dir, o->checkpoint.recover_from, LOG_SUFFIX_LOG);
		if (recover == all->count)
			return log_open_error(o, -ENOENT,
					      "%s: missing, but %s names it; restore it", path,
					      o->p->put_path);
		o->p->log_start = o->checkpoint.log_start;
	}
	if (o->p->log_start < all->bases[0])
		o->p->log_start = all->bases[0];
	o->clean = o->has_checkpoint && take_clean(o, path);
	if (!o->clean)
		rc = recover_from(o, recover);
	if (rc < 0)
		return rc;
	int gone = finish_retention(o, recover);
	rc = gone;
	for (size_t i = (size_t)(gone > 0 ? gone : 0); rc >= 0 && i < recover; i++)
		rc = take_sealed(o, all->bases[i]);
	if (rc >= 0)
		rc = remove_orphans(o, &o->indexes);
	if (rc >= 0)
		rc = remove_orphans(o, &o->timeindexes);
	if (o->p->log_start > o->active.next_offset)
		o->p->log_start = o->active.next_offset;
	return rc < 0 ? rc : 0;
}
