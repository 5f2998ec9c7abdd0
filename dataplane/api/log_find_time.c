/* Look-up by timestamp: which segment, from which of its batches on, then record by record. */
#include <errno.h>
#include <stdlib.h>

#include "index_reader.h"
#include "log_dir.h"
#include "log_reader.h"

/*
 * The offset from which to search: in the first segment that can hold the timestamp, the batch that
 * its time index names. The newest segment's last entry may be missing, so it is always a
 * candidate.
 */
static int search_from(int dir_fd, int64_t timestamp_ms, uint64_t *offset)
{
	struct log_dir_segment *list;
	struct timeindex_entry entry;
	size_t count, i;
	int result = log_dir_segments(dir_fd, &list, &count);

	if (result < 0)
		return result;
	for (i = 0; i + 1 < count; i++) {
		result = timeindex_last(dir_fd, list[i].base_offset, &entry);
		if (result < 0 || !(result == 1 && entry.timestamp_ms < timestamp_ms))
			break;
	}
	if (result >= 0 && i < count) {
		uint64_t base = list[i].base_offset;

		*offset = base;
		/* All before the batch of this entry is below the timestamp. */
		result = timeindex_floor(dir_fd, base, timestamp_ms, &entry);
		if (result == 1)
			*offset = entry.offset;
	}
	free(list);
	return result < 0 ? result : count > 0;
}

/* The first record of the batch that is not below. 1, 0, -EBADMSG. */
static int search_batch(struct log_reader *reader, const struct log_batch *batch,
			int64_t timestamp_ms, struct log_found *found)
{
	struct record_iter it;
	struct record rec;

	if (log_reader_records(reader, batch, &it) != BATCH_OK)
		return -EBADMSG;
	while (record_next(&it, &rec)) {
		if (rec.timestamp_ms >= timestamp_ms) {
			found->offset = (uint64_t)rec.offset;
			found->timestamp_ms = rec.timestamp_ms;
			return 1;
		}
	}
	return it.error ? -EBADMSG : 0;
}

int log_reader_find_time(struct log_reader *reader, int64_t timestamp_ms, struct log_found *found)
{
	struct log_batch batch;
	uint64_t from = 0;
	int result = search_from(log_reader_dir(reader), timestamp_ms, &from);

	if (result <= 0)
		return result;
	result = log_reader_seek(reader, from);
	while (result == 0) {
		int read = log_reader_next(reader, &batch);

		if (read == LOG_READ_END || read < 0)
			return read;
		if (read == LOG_READ_DAMAGED)
			return -EBADMSG;
		if (batch.head.max_timestamp_ms >= timestamp_ms)
			result = search_batch(reader, &batch, timestamp_ms, found);
	}
	return result;
}
