/*
 * Recovery's eye: reads a segment from its start, batch by batch, and says how far it is valid.
 *
 * A batch is valid if it lies in the file as a whole, its magic is 2, its CRC is right, its offsets
 * make sense, and its base offset is exactly the next one. The last point keeps out batches of the
 * file's earlier life, whose CRC is right but whose offsets are all lower.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l.h>

#include "log_private.h"

enum { WINDOW_BYTES = 4 << 20 };

/* A part of the file in memory. */
struct window {
	struct disk *disk;
	disk_file file;
	uint8_t *bytes;
	size_t room;
	uint64_t from, to; /* of the file */
};

/* The bytes [at, at + len) of the file, or NULL when it ends before that; -errno in *rc. */
static const uint8_t *window_get(struct window *w, uint64_t at, size_t len, int *rc)
{
	if (at >= w->from && at + len <= w->to)
		return w->bytes + (at - w->from);
	if (len > w->room) {
		uint8_t *more = realloc(w->bytes, len);
		if (!more) {
			*rc = -ENOMEM;
			return NULL;
		}
		w->bytes = more;
		w->room = len;
	}
	w->from = w->to = at;
	while (w->to - w->from < w->room) {
		ssize_t n = w->disk->ops->read(w->disk, w->file, w->bytes + (w->to - w->from),
					       w->room - (size_t)(w->to - w->from), w->to);
		if (n < 0) {
			*rc = (int)n;
			return NULL;
		}
		if (n == 0)
			break;
		w->to += (uint64_t)n;
	}
	return at + len <= w->to ? w->bytes : NULL;
}

/* Why the head cannot be that of the next batch, or NULL. *len: bytes of the batch. */
static const char *head_wrong(const uint8_t *head, uint64_t next_offset, uint64_t room,
			      uint64_t *len)
{
	uint64_t offset = log_get64(head + BATCH_baseOffset);
	int32_t length = (int32_t)log_get32(head + BATCH_batchLength);

	*len = (uint64_t)(uint32_t)length + BATCH_LENGTH_BIAS;
	if (offset == 0 && length == 0)
		return "zeros";
	if (length < RECORD_BATCH_HEAD - BATCH_LENGTH_BIAS)
		return "no batch";
	if (head[BATCH_magic] != BATCH_MAGIC)
		return "another format";
	if (offset < next_offset)
		return "an older batch";
	if (offset > next_offset)
		return "a gap in the offsets";
	if (*len > room)
		return "a batch cut off";
	if ((int32_t)log_get32(head + BATCH_lastOffsetDelta) < 0 ||
	    (int32_t)log_get32(head + BATCH_recordCount) < 0)
		return "a damaged batch";
	return NULL;
}

static bool batch_crc_right(const uint8_t *batch, uint64_t len)
{
	uint32_t crc = crc32_iscsi((unsigned char *)(uintptr_t)batch + BATCH_attributes,
				   (int)(len - BATCH_attributes), UINT32_MAX);

	return ~crc == log_get32(batch + BATCH_crc);
}

/* Nothing that we could have left at the start of a file: not zeros, not a batch torn or old. */
static bool foreign_start(const uint8_t *head, uint64_t base)
{
	static const uint8_t zeros[RECORD_BATCH_HEAD];

	if (memcmp(head, zeros, sizeof(zeros)) == 0)
		return false;
	return head[BATCH_magic] != BATCH_MAGIC || log_get64(head + BATCH_baseOffset) > base;
}

static int keep_entries(struct log_scan *scan, unsigned added, const uint8_t *index,
			const uint8_t *time)
{
	const struct log_index_rule *rule = &scan->rule;

	if (rule->entries > scan->index_room) {
		size_t room = scan->index_room ? 2 * scan->index_room : 4096;
		uint8_t *more = realloc(scan->index, room * LOG_INDEX_ENTRY);
		if (!more)
			return -ENOMEM;
		scan->index = more;
		scan->index_room = room;
	}
	/* One more slot: the final entry. */
	if (rule->time_entries + 1 > scan->times_room) {
		size_t room = scan->times_room ? 2 * scan->times_room : 4096;
		uint8_t *more = realloc(scan->times, room * LOG_TIMEINDEX_ENTRY);
		if (!more)
			return -ENOMEM;
		scan->times = more;
		scan->times_room = room;
	}
	if (added & LOG_INDEX_ADD)
		memcpy(scan->index + (rule->entries - 1) * LOG_INDEX_ENTRY, index, LOG_INDEX_ENTRY);
	if (added & LOG_INDEX_ADD_TIME)
		memcpy(scan->times + (rule->time_entries - 1) * LOG_TIMEINDEX_ENTRY, time,
		       LOG_TIMEINDEX_ENTRY);
	return 0;
}

static int take_batch(struct log_scan *scan, const uint8_t *batch, uint64_t len)
{
	uint8_t index[LOG_INDEX_ENTRY], time[LOG_TIMEINDEX_ENTRY];
	uint64_t last = scan->next_offset + log_get32(batch + BATCH_lastOffsetDelta);
	int64_t max_ts = (int64_t)log_get64(batch + BATCH_maxTimestamp);
	unsigned added = log_index_rule_batch(&scan->rule, scan->base, last, scan->bytes,
					      (uint32_t)len, max_ts, index, time);
	int rc = keep_entries(scan, added, index, time);

	if (rc < 0)
		return rc;
	if (scan->batches++ == 0)
		scan->first_max_ts = max_ts;
	scan->next_offset = last + 1;
	scan->bytes += len;
	return 0;
}

static int scan_batches(struct window *w, struct log_scan *scan)
{
	for (;;) {
		uint64_t left = scan->file_bytes - scan->bytes, len;
		int rc = 0;

		if (left == 0)
			return 0;
		if (left < RECORD_BATCH_HEAD) {
			scan->stop = "a batch cut off";
			return 0;
		}
		const uint8_t *batch = window_get(w, scan->bytes, RECORD_BATCH_HEAD, &rc);
		if (!batch)
			return rc < 0 ? rc : -EIO;
		scan->stop = head_wrong(batch, scan->next_offset, left, &len);
		if (scan->stop) {
			scan->foreign = scan->bytes == 0 && foreign_start(batch, scan->base);
			return 0;
		}
		batch = window_get(w, scan->bytes, (size_t)len, &rc);
		if (!batch)
			return rc < 0 ? rc : -EIO;
		if (!batch_crc_right(batch, len)) {
			scan->stop = "a batch with a wrong checksum";
			return 0;
		}
		rc = take_batch(scan, batch, len);
		if (rc < 0)
			return rc;
	}
}

int log_scan_segment(struct disk *disk, const char *path, uint64_t base, struct log_scan *scan)
{
	struct window w = {.disk = disk};
	struct disk_stat st;

	*scan = (struct log_scan){.base = base, .next_offset = base};
	log_index_rule_init(&scan->rule);
	int rc = disk->ops->stat(disk, path, &st);
	if (rc < 0)
		return rc;
	scan->file_bytes = st.size_bytes;
	rc = disk->ops->open(disk, path, 0, &w.file);
	if (rc < 0)
		return rc;
	w.room = st.size_bytes < WINDOW_BYTES ? st.size_bytes + 1 : WINDOW_BYTES;
	w.bytes = malloc(w.room);
	rc = w.bytes ? scan_batches(&w, scan) : -ENOMEM;
	/* Room for the final time entry even in an empty segment. */
	if (rc == 0)
		rc = keep_entries(scan, 0, NULL, NULL);
	free(w.bytes);
	struct disk_op close_op = {.kind = DISK_CLOSE, .file = w.file};
	disk->ops->run(disk, &close_op);
	if (rc < 0)
		log_scan_free(scan);
	return rc;
}

void log_scan_free(struct log_scan *scan)
{
	free(scan->index);
	free(scan->times);
	scan->index = scan->times = NULL;
	scan->index_room = scan->times_room = 0;
}

static int write_whole(struct disk *disk, const char *path, const uint8_t *bytes, uint64_t len)
{
	struct disk_op op = {.kind = DISK_APPEND,
			     .flags = DISK_APPEND_FINAL,
			     .path = path,
			     .buf = bytes,
			     .len = (uint32_t)len};
	int64_t rc = disk->ops->run(disk, &op);

	return rc < 0 ? (int)rc : 0;
}

int log_scan_write_indexes(struct disk *disk, const char *dir, const struct log_scan *scan,
			   bool closed)
{
	char path[LOG_PATH_MAX];
	uint64_t times = scan->rule.time_entries;

	log_segment_path(path, dir, scan->base, LOG_SUFFIX_INDEX);
	int rc = write_whole(disk, path, scan->index, scan->rule.entries * LOG_INDEX_ENTRY);
	if (rc < 0)
		return rc;
	if (closed && log_index_rule_final(&scan->rule, scan->base,
					   scan->times + times * LOG_TIMEINDEX_ENTRY))
		times++;
	log_segment_path(path, dir, scan->base, LOG_SUFFIX_TIMEINDEX);
	return write_whole(disk, path, scan->times, times * LOG_TIMEINDEX_ENTRY);
}
