/*
 * The real disk, cold half: start-up, recovery's synchronous operations, the end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "api/plan.h"
#include "disk_file.h"
#include "disk_uring.h"
#include "slab.h"
#include "touch.h"

static int uring_wait_fd(struct disk *disk)
{
	return disk_uring_of(disk)->epoll_fd;
}

/* ---- synchronous ---- */

static int uring_mkdir(struct disk *disk, const char *path)
{
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

static int is_directory(const char *path, const struct dirent *entry)
{
	char full[DISK_PATH_MAX + sizeof(entry->d_name) + 1];
	struct stat st;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
	return stat(full, &st) == 0 && S_ISDIR(st.st_mode);
}

static int uring_list(struct disk *disk, const char *path,
		      int (*fn)(void *arg, const char *name, int is_dir), void *arg)
{
	DIR *dir = opendir(path);
	int rc = 0;

	if (!dir)
		return -errno;
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);

		if (!entry) {
			rc = errno ? -errno : 0;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		rc = fn(arg, entry->d_name, is_directory(path, entry));
		if (rc != 0)
			break;
	}
	closedir(dir);
	return rc;
}

static int uring_open(struct disk *disk, const char *path, int want_direct, disk_file *file)
{
	return disk_file_open(path, O_RDWR, want_direct && disk_uring_direct(disk_uring_of(disk)),
			      file);
}

static ssize_t uring_read(struct disk *disk, disk_file file, void *buf, size_t len, uint64_t offset)
{
	ssize_t n;

	do {
		n = pread(disk_file_fd(file), buf, len, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int uring_stat(struct disk *disk, const char *path, struct disk_stat *out)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	out->size_bytes = (uint64_t)st.st_size;
	return 0;
}

static int64_t uring_run(struct disk *disk, struct disk_op *op)
{
	op->result = disk_helper_perform(op, disk_uring_direct(disk_uring_of(disk)));
	return op->result;
}

static const struct disk_ops uring_ops = {
	.submit = disk_uring_submit,
	.flush = disk_uring_flush,
	.reap = disk_uring_reap,
	.wait_fd = uring_wait_fd,
	.mkdir = uring_mkdir,
	.list = uring_list,
	.open = uring_open,
	.read = uring_read,
	.stat = uring_stat,
	.run = uring_run,
};

/* ---- create ---- */

/* 0 if a block can be written to a file in dir past the page cache, else -errno. */
static int probe_direct(const char *dir)
{
	static _Alignas(SLAB_BLOCK) const char block[SLAB_BLOCK];
	char path[DISK_PATH_MAX];
	int rc = 0;

	snprintf(path, sizeof(path), "%.600s/weir.direct-probe", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		rc = -errno;
	else if (pwrite(fd, block, sizeof(block), 0) != (ssize_t)sizeof(block))
		rc = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	unlink(path);
	return rc;
}

static int choose_block(struct disk_uring *u, const struct disk_uring_config *config, char *err,
			size_t err_size)
{
	struct statfs fs;

	u->disk.block = 1;
	u->memory = statfs(config->probe_path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
	u->written_end = &u->written;
	/* In memory there is no page cache to go past, and no block to keep whole. */
	if (config->direct == PLAN_DIRECT_OFF || (config->direct == PLAN_DIRECT_AUTO && u->memory))
		return 0;
	int rc = probe_direct(config->probe_path);
	if (rc == 0) {
		u->disk.block = SLAB_BLOCK;
		return 0;
	}
	/* A full disk says nothing about O_DIRECT; a directory that cannot be written to,
	 * everything. */
	if (rc == -ENOSPC && config->direct == PLAN_DIRECT_AUTO)
		return 0;
	if (rc == -EINVAL && config->direct == PLAN_DIRECT_AUTO)
		return 0;
	if (rc == -EINVAL)
		snprintf(err, err_size,
			 "%s: its file system has no O_DIRECT; use direct: auto or off",
			 config->probe_path);
	else
		snprintf(err, err_size, "%s: cannot write there: %s", config->probe_path,
			 strerror(-rc));
	return rc;
}

static int start_ring(struct disk_uring *u, const struct disk_uring_config *config, char *err,
		      size_t err_size)
{
	/* Twice the depth, for tails; one for the fdatasync. */
	u->entries = 4;
	while (u->entries < 2 * config->depth + 2)
		u->entries *= 2;
	int rc = io_uring_queue_init(u->entries, &u->ring, 0);
	if (rc < 0) {
		snprintf(err, err_size, "io_uring: %s%s", strerror(-rc),
			 rc == -EPERM ? " (see sysctl kernel.io_uring_disabled)" : "");
		return rc;
	}
	u->ring_up = true;
	/* Without the right to lock that much memory it is written from just the same. */
	u->registered =
		config->buffers_count &&
		io_uring_register_buffers(&u->ring, config->buffers, config->buffers_count) == 0;
	if (config->helper_cpu >= 0) {
		/* The kernel's own workers, which do the fdatasyncs, off the lanes' cores. */
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((unsigned)config->helper_cpu, &set);
		io_uring_register_iowq_aff(&u->ring, sizeof(set), &set);
	}
	return 0;
}

static int start_waiting(struct disk_uring *u)
{
	struct epoll_event event = {.events = EPOLLIN};

	u->helper_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	u->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (u->helper_fd < 0 || u->epoll_fd < 0)
		return -errno;
	if (epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, u->helper_fd, &event) < 0 ||
	    epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, u->ring.ring_fd, &event) < 0)
		return -errno;
	return 0;
}

int disk_uring_create(struct disk **out, const struct disk_uring_config *config, char *err,
		      size_t err_size)
{
	struct disk_uring *u = touch_alloc(64, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->disk.ops = &uring_ops;
	u->async = config->async;
	u->epoll_fd = u->helper_fd = -1;
	int rc = choose_block(u, config, err, err_size);
	if (rc == 0)
		rc = start_ring(u, config, err, err_size);
	if (rc == 0) {
		rc = start_waiting(u);
		if (rc == 0)
			rc = disk_helper_create(&u->helper, disk_uring_direct(u),
						config->helper_cpu, u->helper_fd);
		if (rc < 0)
			snprintf(err, err_size, "disk helper: %s", strerror(-rc));
	}
	if (rc < 0) {
		disk_uring_destroy(&u->disk);
		return rc;
	}
	*out = &u->disk;
	return 0;
}

void disk_uring_destroy(struct disk *disk)
{
	struct disk_uring *u = disk_uring_of(disk);

	if (!u)
		return;
	disk_helper_destroy(u->helper);
	if (u->ring_up)
		io_uring_queue_exit(&u->ring);
	if (u->epoll_fd >= 0)
		close(u->epoll_fd);
	if (u->helper_fd >= 0)
		close(u->helper_fd);
	free(u);
}
