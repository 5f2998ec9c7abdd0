#include "partition_time.h"

#include <errno.h>
#include <stdlib.h>

#include "api/index_reader.h"
#include "api/log_reader.h"

static int open_reader(const struct partition *p, const char *data_dir,
		       const struct partition_view *view, struct log_reader **reader)
{
	char err[512];
	int rc = log_reader_open(reader, data_dir, p->stream, p->number, err, sizeof(err));

	if (rc == 0)
		log_reader_limit(*reader, view->end);
	return rc;
}

/* The first record at or behind `from` that is not below. 1, 0, -errno. */
static int find_from(struct log_reader *reader, uint64_t from, int64_t timestamp_ms,
		     struct partition_found *found)
{
	struct log_batch batch;
	struct record_iter it;
	struct record rec;
	int rc = log_reader_seek(reader, from);

	while (rc == 0 && (rc = log_reader_next(reader, &batch)) == LOG_READ_BATCH) {
		rc = 0;
		if (batch.head.max_timestamp_ms < timestamp_ms)
			continue;
		if (log_reader_records(reader, &batch, &it) != BATCH_OK)
			return -EBADMSG;
		while (record_next(&it, &rec)) {
			if ((uint64_t)rec.offset < from || rec.timestamp_ms < timestamp_ms)
				continue;
			*found = (struct partition_found){rec.offset, rec.timestamp_ms};
			return 1;
		}
		if (it.error)
			return -EBADMSG;
	}
	return rc == LOG_READ_DAMAGED ? -EBADMSG : rc;
}

int partition_find_time(const struct partition *p, const char *data_dir,
			const struct partition_view *view, int64_t timestamp_ms,
			struct partition_found *found)
{
	struct log_reader *reader;
	struct log_found first;
	int rc = open_reader(p, data_dir, view, &reader);

	if (rc < 0)
		return rc;
	rc = log_reader_find_time(reader, timestamp_ms, &first);
	if (rc == 1 && first.offset < view->log_start)
		/* In a segment that is about to go. */
		rc = find_from(reader, view->log_start, timestamp_ms, found);
	else if (rc == 1)
		*found = (struct partition_found){(int64_t)first.offset, first.timestamp_ms};
	log_reader_close(reader);
	return rc;
}

/* The largest timestamp of all time indexes, and from where on the last of them knows nothing. */
static int largest_indexed(int dir_fd, const struct partition_view *view, int64_t *timestamp_ms,
			   uint64_t *rest)
{
	struct log_dir_segment *list;
	struct timeindex_entry entry;
	size_t count;
	int rc = log_dir_segments(dir_fd, &list, &count);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc >= 0 && i < count && list[i].base_offset < view->end; i++) {
		*rest = list[i].base_offset;
		rc = timeindex_last(dir_fd, list[i].base_offset, &entry);
		/* The newest segment's entries may run ahead of what is visible. */
		while (rc == 1 && entry.offset >= view->end)
			rc = timeindex_floor(dir_fd, list[i].base_offset, entry.timestamp_ms - 1,
					     &entry);
		if (rc != 1 || entry.offset < view->log_start)
			continue;
		*rest = entry.offset;
		if (entry.timestamp_ms > *timestamp_ms)
			*timestamp_ms = entry.timestamp_ms;
	}
	free(list);
	return rc < 0 ? rc : 0;
}

int partition_find_newest(const struct partition *p, const char *data_dir,
			  const struct partition_view *view, struct partition_found *found)
{
	uint64_t rest = view->log_start;
	struct log_reader *reader;
	struct log_batch batch;
	int64_t largest = -1;

	if (view->log_start >= view->end)
		return 0;
	int rc = open_reader(p, data_dir, view, &reader);
	if (rc < 0)
		return rc;
	rc = largest_indexed(log_reader_dir(reader), view, &largest, &rest);
	if (rc == 0)
		rc = log_reader_seek(reader, rest > view->log_start ? rest : view->log_start);
	while (rc == 0 && (rc = log_reader_next(reader, &batch)) == LOG_READ_BATCH) {
		if (batch.head.max_timestamp_ms > largest)
			largest = batch.head.max_timestamp_ms;
		rc = 0;
	}
	log_reader_close(reader);
	if (rc == LOG_READ_DAMAGED)
		rc = -EBADMSG;
	return rc < 0 ? rc : partition_find_time(p, data_dir, view, largest, found);
}
