#include "segment_scan.h"

#include <errno.h>
#include <unistd.h>

#include "api/batch_reader.h"
#include "api/index_reader.h"

/* Heads are read one by one where batches are large, else many at a time. */
enum { WINDOW = 16 << 10, LARGE = 4 << 10 };

/* A walk from head to head. */
struct walk {
	int fd;
	uint64_t position;   /* of the head that comes next */
	uint64_t least, end; /* its base offset: not below, and below */
	struct batch_head head;
	uint64_t held_at;
	size_t held;
	size_t read_bytes; /* next time */
	uint8_t window[WINDOW];
};

/* 1 with the head at position, which is valid for its place; 0: none there; -errno. */
static int look(struct walk *w)
{
	if (w->position < w->held_at || w->position + RECORD_BATCH_HEAD > w->held_at + w->held) {
		ssize_t n = pread(w->fd, w->window, w->read_bytes, (off_t)w->position);

		if (n < 0)
			return -errno;
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
	int rc = index_floor(dir_fd, base, offset, &entry);

	if (rc <= 0 || entry.offset >= w->end)
		return rc < 0 ? rc : 0;
	w->position = entry.position;
	rc = look(w);
	if (rc != 1 || (uint64_t)w->head.last_offset != entry.offset)
		w->position = 0;
	return rc < 0 ? rc : 0;
}

/* From where a batch begins to the last batch below `limit` that the index names, if it is right
 * about it: what lies between are whole batches, and need not be read. 0 or -errno. */
static int leap(struct walk *w, int dir_fd, uint64_t base, uint64_t limit)
{
	uint64_t from = w->position;
	struct index_entry entry;
	int rc = index_floor_position(dir_fd, base, w->end - 1, limit, &entry);

	if (rc <= 0 || entry.position <= from)
		return rc < 0 ? rc : 0;
	w->position = entry.position;
	w->read_bytes = RECORD_BATCH_HEAD;
	rc = look(w);
	if (rc != 1 || (uint64_t)w->head.last_offset != entry.offset)
		w->position = from;
	return rc < 0 ? rc : 0;
}

/* From the batch at hand on: how many bytes of whole batches. */
static int measure(struct walk *w, const struct segment_scan *scan, uint64_t base,
		   struct partition_range *out)
{
	uint64_t limit = w->position + scan->max_bytes;
	int rc;

	out->position = w->position;
	if (w->head.size_bytes > scan->max_bytes && !scan->at_least_one)
		return 0;
	pass(w);
	rc = leap(w, scan->partition->files.dir_fd, base, limit);
	if (rc < 0)
		return rc;
	while (w->position < limit && (rc = look(w)) == 1 &&
	       w->position + w->head.size_bytes <= limit)
		pass(w);
	out->length = (uint32_t)(w->position - out->position);
	return rc < 0 ? rc : 1;
}

/* 2: offset is not in this segment but may be in the next. */
static int scan_file(const struct segment_scan *scan, size_t i, struct partition_range *out)
{
	const struct partition *p = scan->partition;
	uint64_t base = p->segments[i].base_offset, end = scan->view->end;
	bool last = i + 1 == p->segments_count;
	struct walk w = {.fd = out->file->fd, .least = base, .end = end, .read_bytes = 512};

	if (!last && p->segments[i + 1].base_offset < end)
		w.end = p->segments[i + 1].base_offset;
	out->sealed = w.end < end;
	int rc = jump(&w, p->files.dir_fd, base, scan->offset);
	if (rc < 0)
		return rc;
	while ((rc = look(&w)) == 1 && (uint64_t)w.head.last_offset < scan->offset)
		pass(&w);
	if (rc == 1)
		return measure(&w, scan, base, out);
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
