#include "answer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits.h"
#include "prefetch.h"

void answer_clear(struct answer *answer)
{
	for (unsigned i = 0; i < answer->extents_count; i++)
		segment_file_put(answer->extents[i].file);
	answer->extents_count = 0;
	answer->file_bytes = 0;
	answer->extent = 0;
	answer->extent_sent = 0;
	answer->sent = 0;
	answer->file_sent = 0;
	answer->writer.len = 0;
	answer->writer.max = LIMIT_ANSWER_BYTES;
	answer->writer.failed = false;
	answer->writer.flexible = false;
}

void answer_free(struct answer *answer)
{
	answer_clear(answer);
	free(answer->writer.data);
	free(answer->extents);
	*answer = (struct answer){0};
}

void answer_shrink(struct answer *answer)
{
	answer_clear(answer);
	if (answer->writer.room > LIMIT_ANSWER_KEPT)
		answer_drop_memory(answer);
}

void answer_drop_memory(struct answer *answer)
{
	free(answer->writer.data);
	answer->writer.data = NULL;
	answer->writer.len = answer->writer.room = 0;
}

size_t answer_memory(const struct answer *answer)
{
	return answer->writer.room > LIMIT_ANSWER_KEPT ? answer->writer.room : 0;
}

bool answer_put_range(struct answer *answer, const struct partition_range *range)
{
	if (answer->extents_count == LIMIT_EXTENTS)
		return false;
	if (answer->extents_count == answer->extents_room) {
		unsigned room = answer->extents_room ? answer->extents_room * 2 : 4;
		struct answer_extent *extents =
			reallocarray(answer->extents, room, sizeof(*extents));

		if (!extents)
			return false;
		answer->extents = extents;
		answer->extents_room = room;
	}
	answer->extents[answer->extents_count++] = (struct answer_extent){
		.at = answer->writer.len,
		.file = range->file,
		.position = range->position,
		.length = range->length,
	};
	answer->file_bytes += range->length;
	return true;
}

bool answer_finish(struct answer *answer)
{
	uint64_t size = answer->writer.len + answer->file_bytes;
	if (answer->writer.failed || size > INT32_MAX)
		return false;
	wire_patch32(&answer->writer, 0, (int32_t)(size - 4));
	return true;
}

bool answer_current(const struct answer *answer)
{
	for (unsigned i = 0; i < answer->extents_count; i++)
		if (!segment_file_current(answer->extents[i].file))
			return false;
	return true;
}

/* The other side does not take it: for now, or never again. */
static enum answer_sent refused(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK ? ANSWER_FULL : ANSWER_BROKEN;
}

static enum answer_sent send_memory(struct answer *answer, int fd, size_t to, size_t *budget)
{
	bool more = answer->extent < answer->extents_count;

	while (answer->sent < to) {
		ssize_t n = send(fd, answer->writer.data + answer->sent, to - answer->sent,
				 MSG_NOSIGNAL | (more ? MSG_MORE : 0));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refused();
		answer->sent += (size_t)n;
		*budget -= (size_t)n < *budget ? (size_t)n : *budget;
		if (*budget == 0 && answer->sent < to)
			return ANSWER_TURN;
	}
	return ANSWER_DONE;
}

void answer_next(const struct answer *answer, struct segment_file **file, uint64_t *position,
		 uint32_t *length)
{
	const struct answer_extent *e = &answer->extents[answer->extent];
	uint32_t left = e->length - answer->extent_sent;

	*file = e->file;
	*position = e->position + answer->extent_sent;
	*length = left < LIMIT_PREFETCH_BYTES ? left : LIMIT_PREFETCH_BYTES;
}

void answer_warmed(struct answer *answer, uint32_t length)
{
	answer->extent_warm = answer->extent_sent + length;
}

/* A sendfile() ended so: was it the file, and not the socket? As block devices and file systems say
 * it. */
static bool is_of_file(int error)
{
	switch (error) {
	case 0: /* it has become shorter than what was promised */
	case EIO:
	case ENODATA:
	case EREMOTEIO:
	case EILSEQ:
	case EBADMSG:
	case EUCLEAN:
	case ESTALE:
		return true;
	default:
		return false;
	}
}

/* How many bytes may be sent now. cold: they are read from the disk in place, a piece at a time; 0:
 * they are not, so another thread must read them first. */
static uint32_t sendable(const struct answer *answer, bool *cold)
{
	struct segment_file *file;
	uint64_t position;
	uint32_t length;

	*cold = false;
	if (answer->extent_sent < answer->extent_warm)
		return answer->extent_warm - answer->extent_sent;
	answer_next(answer, &file, &position, &length);
	if (length > LIMIT_TURN_BYTES)
		length = LIMIT_TURN_BYTES;
	uint32_t there = prefetch_there(file, position, length);
	if (there)
		return there;
	*cold = true;
	if (!disk_patience_is_left(answer->patience))
		return 0;
	return length < LIMIT_COLD_BYTES ? length : LIMIT_COLD_BYTES;
}

/* All waited since then for what was sent. Only here and there was the page cache asked: the disk
 * can have been, for bytes between. */
static void spend(struct disk_patience *patience, const struct disk_wait *since, bool cold)
{
	if (cold)
		disk_patience_spend(patience, since);
	else if (patience)
		disk_patience_judge(patience, disk_wait_us(since));
}

static enum answer_sent send_extent(struct answer *answer, int fd, size_t *budget)
{
	const struct answer_extent *e = &answer->extents[answer->extent];

	while (answer->extent_sent < e->length) {
		off_t at = (off_t)(e->position + answer->extent_sent);
		bool cold;

		if (*budget == 0)
			return ANSWER_TURN;
		size_t want = sendable(answer, &cold);
		if (!want)
			return ANSWER_COLD;
		struct disk_wait since = disk_wait_begin();
		ssize_t n = sendfile(fd, e->file->fd, &at, want < *budget ? want : *budget);
		spend(answer->patience, &since, cold);
		if (n < 0 && errno == EINTR)
			continue;
		int error = n < 0 ? errno : 0;
		if (n <= 0 && is_of_file(error)) {
			segment_file_unreadable(e->file, (uint64_t)at, error);
			return ANSWER_BROKEN;
		}
		if (n < 0) {
			/* Until it takes more, what was read may leave the page cache again. */
			answer->extent_warm = 0;
			return refused();
		}
		answer->extent_sent += (uint32_t)n;
		answer->file_sent += (uint64_t)n;
		*budget -= (size_t)n;
	}
	answer->extent++;
	answer->extent_sent = answer->extent_warm = 0;
	return ANSWER_DONE;
}

enum answer_sent answer_send(struct answer *answer, int fd, size_t *budget)
{
	enum answer_sent result;

	while (answer->extent < answer->extents_count) {
		result = send_memory(answer, fd, answer->extents[answer->extent].at, budget);
		if (result == ANSWER_DONE)
			result = send_extent(answer, fd, budget);
		if (result != ANSWER_DONE)
			return result;
	}
	return send_memory(answer, fd, answer->writer.len, budget);
}
