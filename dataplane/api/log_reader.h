/*
 * Reads one partition: from an offset or a point in time on, over all its segments, following the
 * active one. One thread at a time for each reader; any number of readers, in any process, while a
 * dataplane writes.
 *
 *     struct log_reader *reader;
 *     struct log_batch batch;
 *
 *     log_reader_open(&reader, "/var/lib/weir", "syslog", 0, err, sizeof(err));
 *     log_reader_limit(reader, state_partition's visible_end);   // acquire; again and again
 *     log_reader_seek(reader, 4711);
 *     while ((n = log_reader_next(reader, &batch)) == LOG_READ_BATCH)
 *             if (log_reader_records(reader, &batch, &it) == BATCH_OK)
 *                     while (record_next(&it, &rec))
 *                             if (rec.offset >= 4711)      // the first batch may start below
 *                                     ...
 *
 * Where the log ends. With a limit, batches below it are final, and one that is not valid is
 * damage. Without one (no dataplane, or one that cannot be asked) the log ends at the first batch
 * of the newest segment that is not valid or does not follow the one before: zeros, or old batches
 * in a file that is used again.
 */
#pragma once

#include "batch_inflate.h"
#include "segment_reader.h"

struct log_reader;

enum log_read {
	LOG_READ_END = 0, /* nothing more for now; log_reader_tail() tells why */
	LOG_READ_BATCH = 1,
	LOG_READ_DAMAGED =
		2, /* no valid batch where one must be: batch->error; the reader stays there */
};

struct log_batch {
	struct batch_head head;
	const uint8_t *bytes;		 /* the whole batch, until the reader's next call */
	uint64_t segment_base, position; /* where it lies: <segment_base>.log, at this byte */
	uint64_t gap;			 /* offsets missing in front of it */
	enum batch_error error;
};

#define LOG_READER_NO_LIMIT UINT64_MAX

/* Opens the partition, positioned at its first offset, without a limit. -errno, and err names the
 * directory and what is wrong. */
int log_reader_open(struct log_reader **out, const char *data_dir, const char *stream,
		    uint32_t partition, char *err, size_t err_size);
void log_reader_close(struct log_reader *reader);

/* Batches from `end` on are not read: a published visible_end, or LOG_READER_NO_LIMIT. */
void log_reader_limit(struct log_reader *reader, uint64_t end);

/* The partition's directory, for reading. The reader's own. */
int log_reader_dir(const struct log_reader *reader);

/* First offset that is there: base of the oldest segment; -ENOENT: no segment yet. */
int log_reader_first(struct log_reader *reader, uint64_t *offset);

/* Goes on with the batch that holds `offset`, or the first one after it. An offset beyond the end
 * is fine: reading waits for it. -errno. */
int log_reader_seek(struct log_reader *reader, uint64_t offset);

struct log_found {
	uint64_t offset;
	int64_t timestamp_ms;
};

/* The first record, by offset, whose timestamp is not below. 1, 0: there is none, -errno (-EBADMSG:
 * damage on the way). Moves the reader: seek afterwards. */
int log_reader_find_time(struct log_reader *reader, int64_t timestamp_ms, struct log_found *found);

/* enum log_read, or -errno. */
int log_reader_next(struct log_reader *reader, struct log_batch *out);

/* Starts on the records of the batch, decompressed where need be. Valid until the reader's next
 * call. */
enum batch_error log_reader_records(struct log_reader *reader, const struct log_batch *batch,
				    struct record_iter *it);

/* Next offset that log_reader_next() looks for. */
uint64_t log_reader_offset(const struct log_reader *reader);

/* The offset behind the last batch that was seen: the log's end once log_reader_next() came to it
 * without a limit. */
uint64_t log_reader_reached(const struct log_reader *reader);

struct log_tail {
	uint64_t segment_base, position; /* where the valid batches end */
	uint64_t bytes;			 /* that follow in the file; 0: it ends there exactly */
	enum batch_error error;		 /* why they are no batch; BATCH_OK when there are none */
};

/* After LOG_READ_END without a limit reached: what lies behind the last valid batch. */
void log_reader_tail(const struct log_reader *reader, struct log_tail *tail);
