#include "log_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "index_reader.h"
#include "log_dir.h"

struct log_reader {
	int dir_fd;
	struct segment_reader segment; /* fd -1: none open yet */
	struct batch_inflate inflate;
	uint64_t target;   /* batches that end below it are passed over */
	uint64_t expected; /* base offset of the next batch; NOT_KNOWN right after a seek */
	uint64_t limit;
	struct log_tail tail;
};

#define NOT_KNOWN UINT64_MAX

int log_reader_open(struct log_reader **out, const char *data_dir, const char *stream,
		    uint32_t partition, char *err, size_t err_size)
{
	struct log_reader *reader = calloc(1, sizeof(*reader));
	int fd = reader ? log_dir_open(data_dir, stream, partition) : -ENOMEM;

	if (fd < 0) {
		snprintf(err, err_size, "%s/%s-%u: %s", data_dir, stream, partition, strerror(-fd));
		free(reader);
		return fd;
	}
	reader->dir_fd = fd;
	reader->segment = SEGMENT_READER_INIT;
	reader->expected = NOT_KNOWN;
	reader->limit = LOG_READER_NO_LIMIT;
	*out = reader;
	return 0;
}

void log_reader_close(struct log_reader *reader)
{
	if (!reader)
		return;
	segment_reader_free(&reader->segment);
	batch_inflate_free(&reader->inflate);
	close(reader->dir_fd);
	free(reader);
}

void log_reader_limit(struct log_reader *reader, uint64_t end)
{
	/* What was read ahead may hold bytes that were not final then. */
	if (end != reader->limit)
		segment_reader_forget(&reader->segment);
	reader->limit = end;
}

uint64_t log_reader_offset(const struct log_reader *reader)
{
	return reader->expected == NOT_KNOWN || reader->expected < reader->target
		       ? reader->target
		       : reader->expected;
}

uint64_t log_reader_reached(const struct log_reader *reader)
{
	return reader->expected == NOT_KNOWN ? reader->target : reader->expected;
}

void log_reader_tail(const struct log_reader *reader, struct log_tail *tail)
{
	*tail = reader->tail;
}

int log_reader_dir(const struct log_reader *reader)
{
	return reader->dir_fd;
}

/* The newest segment that starts at or below offset, else the oldest. 1, 0: no segment, -errno. */
static int find_segment(const struct log_reader *reader, uint64_t offset, uint64_t *base)
{
	struct log_dir_segment *list;
	size_t count, i = 0;
	int result = log_dir_segments(reader->dir_fd, &list, &count);

	if (result == 0 && count) {
		while (i + 1 < count && list[i + 1].base_offset <= offset)
			i++;
		*base = list[i].base_offset;
		result = 1;
	}
	free(list);
	return result;
}

/* The oldest segment that is newer than `after`. 1, 0: there is none, -errno. */
static int find_newer(const struct log_reader *reader, uint64_t after, uint64_t *base)
{
	struct log_dir_segment *list;
	size_t count;
	int result = log_dir_segments(reader->dir_fd, &list, &count);

	for (size_t i = 0; result == 0 && i < count; i++) {
		if (list[i].base_offset > after) {
			*base = list[i].base_offset;
			result = 1;
		}
	}
	free(list);
	return result;
}

int log_reader_first(struct log_reader *reader, uint64_t *offset)
{
	int result = find_segment(reader, 0, offset);

	return result < 0 ? result : result ? 0 : -ENOENT;
}

/* Opens a segment in place of the one that is open. 1, 0: it is gone again (retention), -errno. */
static int enter(struct log_reader *reader, uint64_t base)
{
	segment_reader_close(&reader->segment);
	int result = segment_reader_open(&reader->segment, reader->dir_fd, base);

	if (result == -ENOENT)
		return 0;
	return result < 0 ? result : 1;
}

/* Moves to the batch that the index names for offset, if the index is right about it. */
static int jump(struct log_reader *reader, uint64_t offset)
{
	struct segment_reader *segment = &reader->segment;
	struct segment_batch batch;
	struct index_entry entry;
	int result = index_floor(reader->dir_fd, segment->base_offset, offset, &entry);

	if (result <= 0)
		return result;
	/* Below the limit only: an index may run ahead of what is published. */
	if (entry.offset >= reader->limit)
		return 0;
	segment_reader_seek(segment, entry.position);
	result = segment_reader_next(segment, &batch);
	if (result < 0)
		return result;
	int right = result == SEGMENT_BATCH && (uint64_t)batch.head.last_offset == entry.offset;
	segment_reader_seek(segment, right ? entry.position : 0);
	return 0;
}

/* Opens the segment that holds target. 1, 0: there is none yet, -errno. */
static int locate(struct log_reader *reader)
{
	uint64_t base = 0;

	for (;;) {
		int result = find_segment(reader, reader->target, &base);

		if (result <= 0)
			return result;
		result = enter(reader, base);
		if (result < 0)
			return result;
		if (result == 0)
			continue;
		result = jump(reader, reader->target);
		return result < 0 ? result : 1;
	}
}

int log_reader_seek(struct log_reader *reader, uint64_t offset)
{
	segment_reader_close(&reader->segment);
	reader->target = offset;
	reader->expected = NOT_KNOWN;
	reader->tail = (struct log_tail){0};
	int result = locate(reader);

	return result < 0 ? result : 0;
}

enum batch_error log_reader_records(struct log_reader *reader, const struct log_batch *batch,
				    struct record_iter *it)
{
	const uint8_t *records = batch->bytes + RECORD_BATCH_HEAD;
	size_t len = batch->head.size_bytes - RECORD_BATCH_HEAD;

	if (batch->head.codec) {
		enum batch_error error =
			batch_inflate(&reader->inflate, batch->head.codec, records, len);

		if (error)
			return error;
		records = reader->inflate.data;
		len = reader->inflate.len;
	}
	record_iter_init(it, &batch->head, records, len);
	return BATCH_OK;
}

/* Reads the next batch and judges its offsets. enum segment_read, or -errno. */
static int read_in_order(struct log_reader *reader, struct segment_batch *batch)
{
	int result = segment_reader_next(&reader->segment, batch);

	if (result != SEGMENT_BATCH)
		return result;
	uint64_t base = (uint64_t)batch->head.base_offset;
	uint64_t least = reader->segment.base_offset;

	if (reader->expected != NOT_KNOWN && reader->expected > least)
		least = reader->expected;
	if (base >= least)
		return SEGMENT_BATCH;
	segment_reader_seek(&reader->segment, batch->position);
	batch->error = BATCH_E_OFFSET;
	return SEGMENT_BAD;
}

/* Nothing valid where the reader stands: notes what is there. */
static int note_tail(struct log_reader *reader, const struct segment_batch *batch, int result)
{
	int64_t size = segment_reader_size(&reader->segment);

	if (size < 0)
		return (int)size;
	reader->tail = (struct log_tail){
		.segment_base = reader->segment.base_offset,
		.position = batch->position,
		.bytes = (uint64_t)size > batch->position ? (uint64_t)size - batch->position : 0,
		.error = result == SEGMENT_BAD ? batch->error : BATCH_OK,
	};
	return 0;
}

/* What log_reader_next() does after a look at the file. */
enum step { STEP_AGAIN = 100 };

/*
 * No valid batch here, even after a fresh look: the end of the log, the end of this segment, or
 * damage. `newer` is the base of the segment that follows, if has_newer.
 */
static int at_a_stop(struct log_reader *reader, struct segment_batch *batch, int result,
		     int has_newer, uint64_t newer)
{
	int current = segment_reader_current(&reader->segment, reader->dir_fd);

	if (current < 0)
		return current;
	if (!current) {
		/* Retired under our feet: go on with what is left. */
		int located = log_reader_seek(reader, log_reader_offset(reader));

		if (located < 0)
			return located;
		return reader->segment.fd < 0 ? LOG_READ_END : STEP_AGAIN;
	}
	int noted = note_tail(reader, batch, result);
	if (noted < 0)
		return noted;
	/* The next segment begins where this one's batches end: whatever follows here is a tail
	 * that is not trimmed yet. */
	if (has_newer && (result == SEGMENT_END || newer == reader->expected)) {
		int entered = enter(reader, newer);

		if (entered == 0)
			entered = log_reader_seek(reader, newer);
		return entered < 0 ? entered : STEP_AGAIN;
	}
	if (!has_newer && reader->limit == LOG_READER_NO_LIMIT)
		return LOG_READ_END;
	if (!has_newer && result == SEGMENT_END)
		return LOG_READ_END;
	return LOG_READ_DAMAGED;
}

/* One look. enum log_read, STEP_AGAIN, or -errno. */
static int step(struct log_reader *reader, struct segment_batch *batch)
{
	int result = read_in_order(reader, batch), has_newer = 0;
	uint64_t newer = 0;

	if (result == SEGMENT_END || result == SEGMENT_BAD) {
		/* In this order: once a newer segment is there, this one gets no more batches. */
		has_newer = find_newer(reader, reader->segment.base_offset, &newer);
		if (has_newer < 0)
			return has_newer;
		segment_reader_forget(&reader->segment);
		result = read_in_order(reader, batch);
	}
	if (result < 0)
		return result;
	if (result != SEGMENT_BATCH)
		return at_a_stop(reader, batch, result, has_newer, newer);
	if ((uint64_t)batch->head.base_offset >= reader->limit) {
		segment_reader_seek(&reader->segment, batch->position);
		return LOG_READ_END;
	}
	/* A gap may be one that the writer left, or the sign of a file that is used again. */
	if (reader->expected != NOT_KNOWN && (uint64_t)batch->head.base_offset > reader->expected) {
		int current = segment_reader_current(&reader->segment, reader->dir_fd);

		if (current < 0)
			return current;
		if (!current)
			return at_a_stop(reader, batch, SEGMENT_BAD, has_newer, newer);
	}
	return LOG_READ_BATCH;
}

/* No batch that begins below it is to come. */
static uint64_t least_wanted(const struct log_reader *reader)
{
	if (reader->expected != NOT_KNOWN)
		return reader->expected;
	return reader->segment.base_offset > reader->target ? reader->segment.base_offset
							    : reader->target;
}

int log_reader_next(struct log_reader *reader, struct log_batch *out)
{
	struct segment_batch batch;
	int result;

	for (;;) {
		if (reader->segment.fd < 0) {
			result = locate(reader);
			if (result <= 0)
				return result;
		}
		if (least_wanted(reader) >= reader->limit)
			return LOG_READ_END;
		result = step(reader, &batch);
		if (result == STEP_AGAIN)
			continue;
		if (result != LOG_READ_BATCH && result != LOG_READ_DAMAGED)
			return result;
		*out = (struct log_batch){.head = batch.head,
					  .bytes = batch.bytes,
					  .segment_base = reader->segment.base_offset,
					  .position = batch.position,
					  .error = batch.error};
		if (result == LOG_READ_DAMAGED)
			return result;
		if (reader->expected != NOT_KNOWN)
			out->gap = (uint64_t)batch.head.base_offset - reader->expected;
		reader->expected = (uint64_t)batch.head.last_offset + 1;
		if ((uint64_t)batch.head.last_offset >= reader->target)
			return LOG_READ_BATCH;
	}
}
