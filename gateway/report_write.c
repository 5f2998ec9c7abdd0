#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

enum { PIECE_BYTES = 256 << 10 };

/* Rows of one kind. */
struct rows {
	void *data;
	size_t bytes; /* of one */
	uint32_t count, room;
};

struct report {
	int lock_fd;
	struct report_header header;
	struct rows groups, members, offsets;
	bool published;
	int fd;		/* of what is being written; -1: nothing is */
	size_t written; /* of it */
	char path[REPORT_PATH_MAX], path_new[REPORT_PATH_MAX + 4];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int take_lock(const char *run_dir)
{
	char path[REPORT_PATH_MAX];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	snprintf(path, sizeof(path), "%s/" REPORT_LOCK_NAME, run_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		int rc = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;

		close(fd);
		return rc;
	}
	return fd;
}

int report_create(struct report **out, const char *run_dir)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	int n = snprintf(r->path, sizeof(r->path), "%s/" REPORT_NAME, run_dir);
	r->fd = -1;
	r->lock_fd = n < (int)sizeof(r->path) ? take_lock(run_dir) : -ENAMETOOLONG;
	if (r->lock_fd < 0) {
		int rc = r->lock_fd;

		free(r);
		return rc;
	}
	snprintf(r->path_new, sizeof(r->path_new), "%s.new", r->path);
	r->groups.bytes = sizeof(struct report_group);
	r->members.bytes = sizeof(struct report_member);
	r->offsets.bytes = sizeof(struct report_offset);
	r->header = (struct report_header){
		.magic = REPORT_MAGIC,
		.version = REPORT_VERSION,
		.header_bytes = sizeof(struct report_header),
		.group_bytes = sizeof(struct report_group),
		.member_bytes = sizeof(struct report_member),
		.offset_bytes = sizeof(struct report_offset),
		.pid = (uint32_t)getpid(),
		.started_ns = now_ns(),
	};
	*out = r;
	return 0;
}

void report_begin(struct report *r)
{
	r->groups.count = r->members.count = r->offsets.count = 0;
	r->header.left_out = 0;
}

static size_t rows_size(const struct rows *rows)
{
	return rows->bytes * rows->count;
}

static size_t file_size(const struct report *r)
{
	return sizeof(r->header) + rows_size(&r->groups) + rows_size(&r->members) +
	       rows_size(&r->offsets);
}

/* Its index, or -1: left out, and counted. */
static int32_t add(struct report *r, struct rows *rows, const void *row)
{
	if (file_size(r) + rows->bytes > REPORT_BYTES_MAX) {
		r->header.left_out++;
		return -1;
	}
	if (rows->count == rows->room) {
		uint32_t room = rows->room ? rows->room * 2 : 16;
		void *data = reallocarray(rows->data, room, rows->bytes);

		if (!data) {
			r->header.left_out++;
			return -1;
		}
		rows->data = data;
		rows->room = room;
	}
	memcpy((char *)rows->data + rows_size(rows), row, rows->bytes);
	return (int32_t)rows->count++;
}

uint32_t report_add_group(struct report *r, const struct report_group *group)
{
	struct report_group row = *group;

	row.members = 0;
	return (uint32_t)add(r, &r->groups, &row);
}

int32_t report_add_member(struct report *r, const struct report_member *member)
{
	if (member->group >= r->groups.count) {
		r->header.left_out++;
		return -1;
	}
	int32_t index = add(r, &r->members, member);
	if (index >= 0)
		((struct report_group *)r->groups.data)[member->group].members++;
	return index;
}

void report_add_offset(struct report *r, const struct report_offset *offset)
{
	if (offset->group >= r->groups.count)
		r->header.left_out++;
	else
		add(r, &r->offsets, offset);
}

void report_count_partitions(struct report *r, int32_t member, uint32_t partitions)
{
	if (member >= 0)
		((struct report_member *)r->members.data)[member].partitions = partitions;
}

struct report_mark report_mark(const struct report *r)
{
	return (struct report_mark){r->groups.count, r->members.count, r->offsets.count,
				    r->header.left_out};
}

void report_cut(struct report *r, const struct report_mark *mark)
{
	r->groups.count = mark->groups;
	r->members.count = mark->members;
	r->offsets.count = mark->offsets;
	r->header.left_out = mark->left_out;
}

void report_leave_out(struct report *r)
{
	r->header.left_out++;
}

/* --- the file --------------------------------------------------------------------------------- */

/* 0, or -errno, with which it is given up. */
static int end_write(struct report *r, int rc)
{
	close(r->fd);
	r->fd = -1;
	/* Whole, under the other name; now it takes the place of the old one at once. */
	if (rc == 0 && rename(r->path_new, r->path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(r->path_new);
	else
		r->published = true;
	return rc;
}

int report_publish_begin(struct report *r, const struct report_counters *counters,
			 const char *address, const char *data_dir)
{
	r->header.counters = *counters;
	r->header.groups = r->groups.count;
	r->header.members = r->members.count;
	r->header.offsets = r->offsets.count;
	r->header.written_ns = now_ns();
	report_name(r->header.address, sizeof(r->header.address), address, strlen(address));
	report_name(r->header.data_dir, sizeof(r->header.data_dir), data_dir, strlen(data_dir));
	r->written = 0;
	r->fd = open(r->path_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	return r->fd < 0 ? -errno : 0;
}

/* What stands in the file at `at`, as far as it is in one piece of memory. */
static struct iovec part_at(struct report *r, size_t at)
{
	const struct iovec parts[] = {
		{&r->header, sizeof(r->header)},
		{r->groups.data, rows_size(&r->groups)},
		{r->members.data, rows_size(&r->members)},
		{r->offsets.data, rows_size(&r->offsets)},
	};
	const struct iovec *part = parts;

	for (; at >= part->iov_len; part++)
		at -= part->iov_len;
	return (struct iovec){(char *)part->iov_base + at, part->iov_len - at};
}

int report_publish_more(struct report *r)
{
	struct iovec part = part_at(r, r->written);
	size_t len = part.iov_len < PIECE_BYTES ? part.iov_len : PIECE_BYTES;
	ssize_t n = write(r->fd, part.iov_base, len);

	if (n <= 0)
		return end_write(r, n < 0 ? -errno : -ENOSPC);
	r->written += (size_t)n;
	return r->written < file_size(r) ? 1 : end_write(r, 0);
}

/* In the file itself: the rows that it was published with may be gone from memory. */
static void mark_stopped(const struct report *r)
{
	int fd = open(r->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct report_header header;

	if (fd < 0)
		return;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header)) {
		header.stopped = 1;
		header.counters.connections = header.counters.waiting = 0;
		header.written_ns = now_ns();
		ssize_t n = pwrite(fd, &header, sizeof(header), 0);
		(void)n;
	}
	close(fd);
}

void report_destroy(struct report *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		end_write(r, -ECANCELED);
	if (r->published)
		mark_stopped(r);
	close(r->lock_fd);
	free(r->groups.data);
	free(r->members.data);
	free(r->offsets.data);
	free(r);
}

void report_name(char *field, size_t field_size, const void *name, size_t len)
{
	if (len > field_size - 1)
		len = field_size - 1;
	if (len)
		memcpy(field, name, len);
	memset(field + len, 0, field_size - len);
}

void report_count_fetch(struct report_counters *counters, uint64_t us)
{
	unsigned row = us ? 64 - (unsigned)__builtin_clzll(us) : 0;

	counters->fetch_latency[row < REPORT_LATENCIES ? row : REPORT_LATENCIES - 1]++;
	counters->fetch_latency_us += us;
}
