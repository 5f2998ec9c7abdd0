#include "partition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/index_reader.h"
#include "api/log_reader.h"
#include "page_in.h"
#include "partition_epochs.h"
#include "segment_scan.h"

struct partition *partition_create(const char *data_dir, const char *stream, uint32_t number)
{
	struct partition *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	snprintf(p->stream, sizeof(p->stream), "%s", stream);
	p->number = number;
	p->files.of = (struct unreadable_of){.stream = p->stream, .partition = number};
	p->epochs_seen = -1;
	p->files.dir_fd = log_dir_open(data_dir, stream, number);
	if (p->files.dir_fd < 0) {
		free(p);
		return NULL;
	}
	return p;
}

void partition_destroy(struct partition *p)
{
	segment_files_drop(&p->files);
	if (p->files.dir_fd >= 0)
		close(p->files.dir_fd);
	free(p->segments);
	free(p->epochs.list);
	free(p);
}

/* Lists the segments anew. 0 or -errno. */
static int list(struct partition *p)
{
	struct log_dir_segment *segments;
	size_t count;
	uint64_t start = p->live ? state_load(&p->live->log_start) : 0;
	uint64_t active = p->live ? atomic_load_explicit((state_u64 *)&p->live->active_base,
							 memory_order_acquire)
				  : 0;
	int rc = log_dir_segments(p->files.dir_fd, &segments, &count);

	if (rc < 0)
		return rc;
	free(p->segments);
	p->segments = segments;
	p->segments_count = count;
	p->listed_active = active;
	p->listed_start = start;
	/* Files of segments that are no more would be held open for nothing. */
	segment_files_drop(&p->files);
	return 0;
}

/* Where the valid batches end: read from the last that the index of the newest segment names. 0 or
 * -errno. */
static int find_end(const struct partition *p, const char *data_dir, uint64_t *end)
{
	const struct log_dir_segment *newest = &p->segments[p->segments_count - 1];
	struct log_reader *reader;
	struct index_entry entry;
	struct log_batch batch;
	uint64_t from = newest->base_offset;
	char err[512];
	int rc = index_floor(p->files.dir_fd, from, from + UINT32_MAX, &entry);

	if (rc == 1)
		from = entry.offset;
	rc = log_reader_open(&reader, data_dir, p->stream, p->number, err, sizeof(err));
	if (rc < 0)
		return rc;
	rc = log_reader_seek(reader, from);
	*end = newest->base_offset;
	while (rc == 0 && (rc = log_reader_next(reader, &batch)) == LOG_READ_BATCH) {
		*end = (uint64_t)batch.head.last_offset + 1;
		rc = 0;
	}
	log_reader_close(reader);
	return rc < 0 ? rc : 0;
}

/* What cannot be read now (no descriptors, a disk that fails) says nothing: all stays as it was,
 * and the next look tries again. */
static void scan(struct partition *p, const char *data_dir)
{
	uint64_t end;
	int32_t epoch;

	if (list(p) < 0)
		return;
	/* What was there is gone. */
	if (p->segments_count == 0) {
		p->scanned_start = p->scanned_end;
		p->scanned_size = 0;
		p->scanned = true;
		return;
	}
	const struct log_dir_segment *newest = &p->segments[p->segments_count - 1];
	uint64_t size = newest->size_bytes;
	/* Nobody writes it, so it is read once. */
	if (!p->scanned || !size || size != p->scanned_size ||
	    newest->base_offset > p->scanned_end) {
		if (partition_epochs_read(p, &epoch) < 0 || find_end(p, data_dir, &end) < 0)
			return;
		p->scanned_epoch = p->epochs_seen = epoch;
		p->scanned_end = end;
		p->scanned_size = size;
	}
	p->scanned_start = p->segments[0].base_offset;
	p->scanned = true;
}

void partition_refresh(struct partition *p, const char *data_dir)
{
	struct stat st;

	if (fstat(p->files.dir_fd, &st) == 0 && st.st_nlink == 0) {
		int fd = log_dir_open(data_dir, p->stream, p->number);
		if (fd < 0)
			return;
		segment_files_drop(&p->files);
		close(p->files.dir_fd);
		p->files.dir_fd = fd;
		p->segments_count = 0;
		p->scanned = false;
		p->scanned_end = 0;
		p->scanned_epoch = 0;
		p->epochs_seen = -1;
		p->has_topic_id = false;
	}
	if (!p->has_topic_id)
		p->has_topic_id = topic_id_read(p->files.dir_fd, p->topic_id);
	if (!p->live && !p->unavailable)
		scan(p, data_dir);
}

bool partition_look(const struct partition *p, struct partition_view *view)
{
	struct state_partition *live = (struct state_partition *)p->live;

	if (p->unavailable)
		return false;
	if (!live && !p->scanned)
		return false;
	if (!live) {
		*view = (struct partition_view){.log_start = p->scanned_start,
						.end = p->scanned_end,
						.epoch = p->scanned_epoch};
		return true;
	}
	if (!atomic_load_explicit(&live->open, memory_order_acquire))
		return false;
	/* The start first: it never passes an end that is read after it. */
	view->log_start = atomic_load_explicit(&live->log_start, memory_order_acquire);
	view->end = atomic_load_explicit(&live->visible_end, memory_order_acquire);
	view->epoch = (int32_t)atomic_load_explicit(&live->leader_epoch, memory_order_relaxed);
	return true;
}

bool partition_asked_before(struct partition *p, uint32_t question)
{
	bool before = p->asked == question;

	p->asked = question;
	return before;
}

uint64_t partition_end(const struct partition *p)
{
	return p->live ? atomic_load_explicit((state_u64 *)&p->live->visible_end,
					      memory_order_acquire)
		       : p->scanned_end;
}

static bool list_is_old(const struct partition *p)
{
	if (p->segments_count == 0)
		return true;
	return p->live && (state_load(&p->live->log_start) != p->listed_start ||
			   atomic_load_explicit((state_u64 *)&p->live->active_base,
						memory_order_acquire) != p->listed_active);
}

/* The newest segment that begins at or below offset: its place in the list. */
static size_t segment_of(const struct partition *p, uint64_t offset)
{
	size_t low = 0, high = p->segments_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (p->segments[middle].base_offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int partition_find(struct partition *p, const struct partition_view *view,
		   const struct partition_want *want, struct partition_range *out)
{
	for (int tries = 0; tries < 3; tries++) {
		int rc = list_is_old(p) || tries ? list(p) : 0;

		if (rc < 0)
			return rc;
		if (p->segments_count == 0)
			return -EBADMSG;
		struct segment_scan scan = {.partition = p,
					    .view = view,
					    .segment = segment_of(p, want->offset),
					    .want = want};
		rc = segment_scan(&scan, out);
		/* Retired while we looked: once more, by a new list. */
		if (rc != -ENOENT && rc != -EBADMSG)
			return rc;
	}
	return -EBADMSG;
}

static int read_whole(const struct partition_range *range)
{
	off_t at = (off_t)range->position, end = at + (off_t)range->length;
	int rc = 1;

	while (at < end && rc > 0)
		rc = page_in(range->file->fd, &at, end);
	return rc ? rc : -EIO;
}

/* By the very same search in a partition of the thread's own. */
int partition_warm(const struct partition *p, const char *data_dir,
		   const struct partition_view *view, const struct partition_want *want)
{
	struct partition *own = partition_create(data_dir, p->stream, p->number);
	struct partition_want patiently = *want;
	struct partition_range range;

	if (!own)
		return -ENOMEM;
	patiently.patience = NULL;
	if (want->whole) {
		patiently.max_bytes = 0;
		patiently.at_least_one = true;
	}
	int rc = partition_find(own, view, &patiently, &range);
	if (rc == 1) {
		rc = want->whole ? read_whole(&range) : 0;
		segment_file_put(range.file);
	}
	partition_destroy(own);
	return rc < 0 ? rc : 0;
}
