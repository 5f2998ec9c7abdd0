#include "segment_scan.h"

#include <errno.h>
#include <sys/uio.h>

#include "api/batch_reader.h"
#include "api/index_reader.h"

/* Heads are read one by one where batches are large, else many at a time. Of a range of more than
 * NEAR the index is asked how far it goes. */
enum { WINDOW = 16 << 10, LARGE = 4 << 10, NEAR = 64 << 10 };

/* A walk from head to head. */
struct walk {
	int fd;
	uint64_t position;   /* of the head that comes next */
	uint64_t least, end; /* its base offset: not below, and below */
	struct batch_head head;
	uint64_t held_at;
	size_t held;
	size_t read_bytes; /* next time */
	bool cached_only;  /* look() does not wait for a disk: -EAGAIN */
	struct disk_patience *patience;
	uint8_t window[WINDOW];
};

static ssize_t read_window(struct walk *w)
{
	const struct iovec window = {.iov_base = w->window, .iov_len = w->read_bytes};
	ssize_t n = preadv2(w->fd, &window, 1, (off_t)w->position, RWF_NOWAIT);

	/* Less than a head: the next page is on the disk only, or there is none. Where none of this
	 * can be asked, a disk may be behind it. */
	if (n >= RECORD_BATCH_HEAD || (n < 0 && errno != EAGAIN && errno != EOPNOTSUPP))
		return n < 0 ? -errno : n;
	if (w->cached_only || !disk_patience_is_left(w->patience))
		return -EAGAIN;
	struct disk_wait since = disk_wait_begin();
	n = preadv2(w->fd, &window, 1, (off_t)w->position, 0);
	int rc = n < 0 ? -errno : 0;
	disk_patience_spend(w->patience, &since);
	return rc < 0 ? rc : n;
}

/* 1 with the head at position, which is valid for its place; 0: none there; -errno. */
static int look(struct walk *w)
{
	if (w->position < w->held_at || w->position + RECORD_BATCH_HEAD > w->held_at + w->held) {
		ssize_t n = read_window(w);

		if (n < 0)
			return (int)n;
		w->held_at = w->position;
		w->held = (size_t)n;
	}
	size_t skip = (size_t)(w->position - w->held_at);
	if (batch_head_parse(w->window + skip, w->held - skip, &w->head) != BATCH_OK)
		return 0;
	return (uint64_t)w->head.base_offset >= w->least &&
	       (uint64_t)w->head.last_offset < w->end && w->head.last_offset >= w->head.base_offset;
}

/* Passes over the head that was looked at. */
static void pass(struct walk *w)
{
	w->least = (uint64_t)w->head.last_offset + 1;
	w->position += w->head.size_bytes;
	w->read_bytes = w->head.size_bytes < LARGE ? WINDOW : RECORD_BATCH_HEAD;
}

/* To the batch that the index names for offset, if it is right about it. 0 or -errno. */
static int jump(struct walk *w, int dir_fd, uint64_t base, uint64_t offset)
{
	struct index_entry entry;
	int rc = index_floor_position(dir_fd, base, offset, UINT64_MAX, !w->patience, &entry);

	if (rc <= 0 || entry.offset >= w->end)
		return rc < 0 ? rc : 0;
	w->position = entry.position;
	rc = look(w);
	if (rc != 1 || (uint64_t)w->head.last_offset != entry.offset)
		w->position = 0;
	return rc < 0 ? rc : 0;
}

/* To where a reader of this file stopped before, if that was in front of offset. The epoch: a
 * dataplane that recovered its log may have written other batches there. 1, 0, -errno. */
static int go_on(struct walk *w, const struct segment_scan *scan, const struct segment_file *file)
{
	for (unsigned i = 0; i < SEGMENT_ENDS; i++) {
		const struct segment_end *end = &file->ends[i];

		if (!end->position || end->offset != scan->want->offset ||
		    end->epoch != scan->view->epoch)
			continue;
		w->position = end->position;
		int rc = look(w);
		if (rc < 0 || (rc == 1 && (uint64_t)w->head.base_offset == scan->want->offset))
			return rc;
		w->position = 0;
	}
	return 0;
}

static void remember(struct segment_file *file, const struct segment_scan *scan,
		     const struct walk *w, const struct partition_range *range)
{
	file->ends[file->ends_next++ % SEGMENT_ENDS] =
		(struct segment_end){w->least, range->position + range->length, scan->view->epoch};
}

/* From where a batch begins to the last batch below `limit` that the index names, if it is right
 * about it: what lies between are whole batches, and need not be read. 0 or -errno. */
static int leap(struct walk *w, int dir_fd, uint64_t base, uint64_t limit)
{
	uint64_t from = w->position;
	struct index_entry entry;
	int rc = index_floor_position(dir_fd, base, w->end - 1, limit, !w->patience, &entry);

	if (rc <= 0 || entry.position <= from)
		return rc < 0 ? rc : 0;
	w->position = entry.position;
	w->read_bytes = RECORD_BATCH_HEAD;
	rc = look(w);
	if (rc == 1 && (uint64_t)w->head.last_offset == entry.offset)
		w->least = (uint64_t)w->head.base_offset;
	else
		w->position = from;
	return rc < 0 ? rc : 0;
}

/* Could the batch at hand not be read a while ago? 0: no; see partition_find(). */
static int check_readable(const struct walk *w, const struct segment_scan *scan, uint64_t base)
{
	struct unreadable *unreadable = &scan->partition->files.unreadable;
	uint64_t end = w->position + w->head.size_bytes;

	if (scan->want->whole)
		unreadable_remove(unreadable, base, w->position, end);
	if (unreadable_from(unreadable, base, w->position) >= end)
		return 0;
	return unreadable_is_due(unreadable, base, w->position, end) ? -ETIME : -EIO;
}

/* From the batch at hand on: how many bytes of whole batches that can be read. Neither are the
 * heads of much that is in memory read one after the other, nor any that are on the disk only: the
 * index says how far it goes. */
static int measure(struct walk *w, const struct segment_scan *scan, uint64_t base,
		   struct partition_range *out)
{
	uint64_t limit = w->position + scan->want->max_bytes, readable;
	bool asked = false, leapt = false;
	int rc;

	out->position = w->position;
	if (w->head.size_bytes > scan->want->max_bytes && !scan->want->at_least_one)
		return 0;
	rc = check_readable(w, scan, base);
	if (rc < 0)
		return rc;
	readable = unreadable_from(&scan->partition->files.unreadable, base, w->position);
	limit = readable < limit ? readable : limit;
	pass(w);
	w->cached_only = true;
	while (w->position < limit && w->least < w->end) {
		if (!asked && w->position - out->position > NEAR && limit - w->position > NEAR) {
			asked = true; /* if that fails: head by head */
			leap(w, scan->partition->files.dir_fd, base, limit);
		}
		rc = look(w);
		if (rc == -EAGAIN && !leapt) {
			leapt = true;
			w->cached_only = false;
			rc = leap(w, scan->partition->files.dir_fd, base, limit);
			w->cached_only = true;
			if (rc == 0)
				continue;
			if (rc == -EAGAIN)
				return rc;
		}
		if (rc != 1 || w->position + w->head.size_bytes > limit)
			break;
		pass(w);
	}
	/* Without reading more, or where a head cannot be read: so far at least. */
	out->length = (uint32_t)(w->position - out->position);
	return 1;
}

/* 2: offset is not in this segment but may be in the next. */
static int scan_file(const struct segment_scan *scan, size_t i, struct partition_range *out)
{
	const struct partition *p = scan->partition;
	uint64_t base = p->segments[i].base_offset, end = scan->view->end;
	bool last = i + 1 == p->segments_count;
	struct walk w = {.fd = out->file->fd,
			 .least = base,
			 .end = end,
			 .read_bytes = 512,
			 .patience = scan->want->patience};

	if (!last && p->segments[i + 1].base_offset < end)
		w.end = p->segments[i + 1].base_offset;
	out->sealed = w.end < end;
	int rc = go_on(&w, scan, out->file);
	if (rc == 0)
		rc = jump(&w, p->files.dir_fd, base, scan->want->offset);
	if (rc < 0)
		return rc;
	while ((rc = look(&w)) == 1 && (uint64_t)w.head.last_offset < scan->want->offset)
		pass(&w);
	if (rc == 1) {
		rc = measure(&w, scan, base, out);
		if (rc == 1)
			remember(out->file, scan, &w, out);
		return rc;
	}
	if (rc < 0)
		return rc;
	return out->sealed ? 2 : -EBADMSG;
}

int segment_scan(const struct segment_scan *scan, struct partition_range *out)
{
	struct partition *p = scan->partition;
	int rc = -EBADMSG;

	for (size_t i = scan->segment; i < p->segments_count; i++) {
		rc = segment_file_get(&p->files, p->segments[i].base_offset, &out->file);
		if (rc < 0)
			return rc;
		rc = scan_file(scan, i, out);
		if (rc != 1)
			segment_file_put(out->file);
		if (rc != 2)
			return rc;
	}
	return -EBADMSG;
}
