#include "prefetch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "page_in.h"

enum {
	LOOK_PIECE = 128 << 10, /* no less than what kernels read ahead by themselves */
	LOOKS = 4,		/* into a range first, and at its end */
};

static bool is_there(int fd, uint64_t at)
{
	uint8_t byte;
	const struct iovec one = {.iov_base = &byte, .iov_len = 1};

	if (preadv2(fd, &one, 1, (off_t)at, RWF_NOWAIT) >= 0)
		return true;
	/* Where that cannot be asked, a disk may well be behind it, but for tmpfs of old kernels.
	 */
	struct statfs fs;
	return errno != EAGAIN && fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* Looks at the first byte of each piece and at the last one. The ends alone say little: whoever
 * found the range looked there. */
static uint32_t look(const struct segment_file *file, uint64_t position, uint32_t length,
		     uint32_t piece)
{
	uint32_t at = 0;

	while (at < length && is_there(file->fd, position + at))
		at += piece;
	if (at < length)
		return at;
	return is_there(file->fd, position + length - 1) ? length : at - piece;
}

uint32_t prefetch_there(const struct segment_file *file, uint64_t position, uint32_t length)
{
	uint32_t far = length / LOOKS;
	uint32_t there = look(file, position, length, far > LOOK_PIECE ? far : LOOK_PIECE);

	if (there < length && far > LOOK_PIECE)
		there = look(file, position, length, LOOK_PIECE);
	return there;
}

/* What comes next in the file is read while these bytes are sent, if nobody else asks. */
static void read_ahead(struct disk_job *disk_job)
{
	struct prefetch_job *job = (struct prefetch_job *)disk_job;
	off_t at = (off_t)job->position, end = at + (off_t)job->length;
	int rc = 1;

	while (at < end && rc > 0) {
		struct disk_wait since = disk_wait_begin();

		rc = page_in(job->file->fd, &at, end);
		disk_job_waited(disk_job, &since);
	}
	job->read_to = at;
	job->error = rc;
	/* The file may be closed by then. */
	if (at == end)
		disk_job->ahead =
			(struct disk_ahead){.fd = fcntl(job->file->fd, F_DUPFD_CLOEXEC, 0),
					    .at = end,
					    .end = end + job->length};
}

static void give_back(struct disk_job *disk_job)
{
	struct prefetch_job *job = (struct prefetch_job *)disk_job;

	if (job->read_to >= 0 && !prefetch_succeeded(job))
		segment_file_unreadable(job->file, (uint64_t)job->read_to, -job->error);
	segment_file_put(job->file);
	free(job);
}

struct prefetch_job *prefetch_ask(struct disk_thread *thread, struct connection *waiter,
				  struct segment_file *file, uint64_t position, uint32_t length)
{
	struct prefetch_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	*job = (struct prefetch_job){
		.job = {.waiter = waiter, .work = read_ahead, .give_back = give_back},
		.file = file,
		.position = position,
		.length = length,
		.read_to = -1};
	segment_file_hold(file);
	disk_thread_ask(thread, &job->job);
	return job;
}
