#include "data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(int fd, const char *path, char *err, size_t err_size)
{
	char pid[32] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	if (n > 0)
		pid[strcspn(pid, "\n")] = '\0';
	snprintf(err, err_size,
		 "%s is in use by another weir-dataplane (pid %s): stop it, or give this one a "
		 "storage.path of its own",
		 path, *pid ? pid : "unknown");
	return -EBUSY;
}

int data_dir_lock(const char *path, char *err, size_t err_size)
{
	char lock[1024], pid[32];

	if (mkdir(path, 0750) < 0 && errno != EEXIST) {
		int rc = -errno;
		snprintf(err, err_size, "storage.path %s cannot be made: %s", path,
			 strerror(errno));
		return rc;
	}
	snprintf(lock, sizeof(lock), "%s/weir.lock", path);
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0) {
		int rc = -errno;
		snprintf(err, err_size, "%s: %s: the data directory must be writable by this user",
			 lock, strerror(errno));
		return rc;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int rc = errno == EWOULDBLOCK ? refuse(fd, path, err, err_size) : -errno;
		close(fd);
		return rc;
	}
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
		int rc = -errno;
		snprintf(err, err_size, "%s: %s", lock, strerror(errno));
		close(fd);
		return rc;
	}
	return fd;
}
