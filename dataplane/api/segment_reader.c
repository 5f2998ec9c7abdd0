#include "segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int segment_reader_open(struct segment_reader *reader, int dir_fd, uint64_t base_offset)
{
	char name[LOG_NAME_MAX];

	log_format_name(name, base_offset, LOG_SUFFIX_LOG);
	reader->fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0)
		return -errno;
	reader->base_offset = base_offset;
	reader->position = 0;
	reader->held = 0;
	reader->held_at = 0;
	posix_fadvise(reader->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

void segment_reader_close(struct segment_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
	reader->held = 0;
}

void segment_reader_free(struct segment_reader *reader)
{
	segment_reader_close(reader);
	free(reader->buf);
	reader->buf = NULL;
	reader->room = 0;
}

void segment_reader_seek(struct segment_reader *reader, uint64_t position)
{
	reader->position = position;
}

void segment_reader_forget(struct segment_reader *reader)
{
	reader->held = 0;
}

/* Bytes held from position on. */
static size_t available(const struct segment_reader *reader)
{
	uint64_t skip = reader->position - reader->held_at;

	if (reader->position < reader->held_at || skip >= reader->held)
		return 0;
	return reader->held - (size_t)skip;
}

static const uint8_t *here(const struct segment_reader *reader)
{
	return reader->buf + (reader->position - reader->held_at);
}

/*
 * Makes `want` bytes from position on available, if the file has them. Bytes already held are moved
 * to the front, so every byte of the file is read once.
 */
static int fill(struct segment_reader *reader, size_t want)
{
	size_t have = available(reader);
	size_t room = want > SEGMENT_READER_CHUNK ? want : SEGMENT_READER_CHUNK;

	if (have >= want)
		return 0;
	if (have)
		memmove(reader->buf, here(reader), have);
	reader->held_at = reader->position;
	reader->held = have;
	if (reader->room < room) {
		uint8_t *buf = realloc(reader->buf, room);

		if (!buf)
			return -ENOMEM;
		reader->buf = buf;
		reader->room = room;
	}
	while (reader->held < want) {
		ssize_t n =
			pread(reader->fd, reader->buf + reader->held, reader->room - reader->held,
			      (off_t)(reader->held_at + reader->held));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		reader->held += (size_t)n;
	}
	return 0;
}

static int bad(struct segment_batch *batch, enum batch_error error)
{
	batch->error = error;
	return SEGMENT_BAD;
}

int segment_reader_next(struct segment_reader *reader, struct segment_batch *batch)
{
	uint32_t max = reader->batch_max_bytes ? reader->batch_max_bytes : SEGMENT_READER_BATCH_MAX;
	enum batch_error error;
	int result = fill(reader, RECORD_BATCH_HEAD);

	if (result < 0)
		return result;
	*batch = (struct segment_batch){.position = reader->position};
	if (available(reader) == 0)
		return SEGMENT_END;
	error = batch_head_parse(here(reader), available(reader), &batch->head);
	if (error)
		return bad(batch, error);
	batch->has_head = true;
	if (batch->head.size_bytes > SEGMENT_READER_CHUNK) {
		/* Before memory is taken: a length that is not even in the file is damage. */
		int64_t size = segment_reader_size(reader);

		if (size < 0)
			return (int)size;
		batch->has_head = reader->position + batch->head.size_bytes <= (uint64_t)size;
		if (!batch->has_head)
			return bad(batch, BATCH_E_SHORT);
	}
	if (batch->head.size_bytes > max)
		return bad(batch, BATCH_E_TOO_LARGE);
	result = fill(reader, batch->head.size_bytes);
	if (result < 0)
		return result;
	batch->bytes = here(reader);
	error = batch_check_crc(&batch->head, batch->bytes, available(reader));
	batch->has_head = error != BATCH_E_SHORT;
	if (error)
		return bad(batch, error);
	reader->position += batch->head.size_bytes;
	return SEGMENT_BATCH;
}

int segment_reader_current(const struct segment_reader *reader, int dir_fd)
{
	char name[LOG_NAME_MAX];
	struct stat mine, named;

	log_format_name(name, reader->base_offset, LOG_SUFFIX_LOG);
	if (fstat(reader->fd, &mine) < 0)
		return -errno;
	if (fstatat(dir_fd, name, &named, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

int64_t segment_reader_size(const struct segment_reader *reader)
{
	struct stat st;

	return fstat(reader->fd, &st) < 0 ? -errno : st.st_size;
}
