/*
 * Every operation of the seam as plain system calls: what the helper thread runs, and start-up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_file.h"
#include "disk_helper.h"
#include "log_scrub.h"
#include "slab.h"

enum {
	ZERO_BYTES = 256 * 1024,
	SCRUB_HEADS = 256, /* looked at before the helper looks for something more urgent */
};

static int sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int rc = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int sync_parent(const char *path)
{
	char parent[DISK_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return sync_directory(slash ? "/" : ".");
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return sync_directory(parent);
}

static int write_all(int fd, const void *buf, size_t len, uint64_t offset)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = pwrite(fd, (const char *)buf + at, len - at, (off_t)(offset + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	return 0;
}

int disk_file_open(const char *path, int flags, bool direct, disk_file *file)
{
	int fd = open(path, flags | O_CLOEXEC | (direct ? O_DIRECT : 0), 0644);

	if (fd < 0)
		return -errno;
	*file = (disk_file)fd + 1;
	return 0;
}

static int create(struct disk_op *op, bool direct)
{
	struct stat st;
	int rc = disk_file_open(op->path, O_RDWR | O_CREAT, direct, &op->file);

	if (rc < 0)
		return rc;
	int fd = disk_file_fd(op->file);
	if (fstat(fd, &st) < 0 ||
	    ((uint64_t)st.st_size != op->offset && ftruncate(fd, (off_t)op->offset) < 0)) {
		rc = -errno;
		close(fd);
	}
	return rc;
}

static int zero(const struct disk_op *op)
{
	static _Alignas(SLAB_BLOCK) const char zeros[ZERO_BYTES];
	int rc = 0;

	for (uint32_t at = 0; rc == 0 && at < op->len; at += ZERO_BYTES) {
		uint32_t n = op->len - at < ZERO_BYTES ? op->len - at : ZERO_BYTES;
		rc = write_all(disk_file_fd(op->file), zeros, n, op->offset + at);
	}
	return rc;
}

static int truncate_file(const struct disk_op *op)
{
	int fd = disk_file_fd(op->file);

	if (ftruncate(fd, (off_t)op->offset) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Linux gives the descriptor back whatever close() says: never to be tried again. */
static int close_once(const struct disk_op *op)
{
	int rc = close(disk_file_fd(op->file)) < 0 ? -errno : 0;

	return rc == -EINTR || rc == -EAGAIN ? 0 : rc == -ENOSPC || rc == -EDQUOT ? -EIO : rc;
}

/* Tried again after the directory's sync failed, the name is already the new one. */
static int rename_and_sync(const struct disk_op *op)
{
	if (rename(op->path, op->path2) < 0 && (errno != ENOENT || access(op->path2, F_OK) < 0))
		return -errno;
	return sync_parent(op->path2);
}

/* What is in a socket by sendfile() is still the page cache's. The lock is kept over the rename: a
 * reader that comes later finds the name gone. */
static int rename_unread(const struct disk_op *op)
{
	int fd = open(op->path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		rc = unlink(op->path) < 0 ? -errno : 1;
	else
		rc = rename_and_sync(op);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int rename_file(const struct disk_op *op)
{
	return op->flags & DISK_RENAME_UNREAD ? rename_unread(op) : rename_and_sync(op);
}

/* On a full disk there is no block for a second file, and retention, which would free some, waits
 * for its checkpoint. The old one has a block: a text of one sector is written over it, and its
 * checksum tells if that was cut. */
static int put_in_place(const struct disk_op *op, int why)
{
	enum { SECTOR = 512 };
	int fd = op->len <= SECTOR ? open(op->path, O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return why;
	int rc = write_all(fd, op->buf, op->len, 0);
	if (rc == 0 && (ftruncate(fd, (off_t)op->len) < 0 || fsync(fd) < 0))
		rc = -errno;
	close(fd);
	return rc;
}

static int put(const struct disk_op *op)
{
	char tmp[DISK_PATH_MAX + 8];

	snprintf(tmp, sizeof(tmp), "%s.tmp", op->path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? put_in_place(op, -errno) : -errno;
	int rc = write_all(fd, op->buf, op->len, 0);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(tmp, op->path) < 0)
		rc = -errno;
	if (rc < 0) {
		unlink(tmp);
		return rc == -ENOSPC || rc == -EDQUOT ? put_in_place(op, rc) : rc;
	}
	return sync_parent(op->path);
}

static int append(const struct disk_op *op)
{
	int fd = open(op->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	int rc = write_all(fd, op->buf, op->len, op->offset);
	if (rc == 0 && op->flags & DISK_APPEND_FINAL &&
	    (ftruncate(fd, (off_t)(op->offset + op->len)) < 0 || fsync(fd) < 0))
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

static ssize_t scrub_read(void *arg, void *buf, size_t len, uint64_t offset)
{
	ssize_t n = pread(*(const int *)arg, buf, len, (off_t)offset);

	return n < 0 ? -errno : n;
}

static int scrub_write(void *arg, const void *buf, size_t len, uint64_t offset)
{
	return write_all(*(const int *)arg, buf, len, offset);
}

static void scrub_prefetch(void *arg, size_t len, uint64_t offset)
{
	posix_fadvise(*(const int *)arg, (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
}

static int64_t scrub(const struct disk_op *op)
{
	static const struct log_scrub_io io = {scrub_read, scrub_write, scrub_prefetch};
	int fd = open(op->path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int64_t rc = log_scrub(&io, &fd, op->offset, SCRUB_HEADS);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int64_t write_once(const struct disk_op *op)
{
	ssize_t n = pwrite(disk_file_fd(op->file), op->buf, op->len, (off_t)op->offset);

	return n < 0 ? -errno : n;
}

int64_t disk_helper_perform(struct disk_op *op, bool direct)
{
	switch ((enum disk_op_kind)op->kind) {
	case DISK_WRITE:
		return write_once(op);
	case DISK_SYNC:
		return fdatasync(disk_file_fd(op->file)) < 0 ? -errno : 0;
	case DISK_CREATE:
		return create(op, direct);
	case DISK_ZERO:
		return zero(op);
	case DISK_TRUNCATE:
		return truncate_file(op);
	case DISK_RENAME:
		return rename_file(op);
	case DISK_UNLINK:
		return unlink(op->path) < 0 ? -errno : 0;
	case DISK_SYNC_DIR:
		return sync_directory(op->path);
	case DISK_CLOSE:
		return close_once(op);
	case DISK_PUT:
		return put(op);
	case DISK_APPEND:
		return append(op);
	case DISK_SCRUB:
		return scrub(op);
	}
	return -ENOSYS;
}
