#include "page_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { STEP_BYTES = 1 << 20, COPY_BYTES = 64 << 10 };

/* Where /dev/null takes nothing by sendfile(). */
static ssize_t copy(int fd, off_t *at, size_t len)
{
	static char nowhere[COPY_BYTES];
	ssize_t n = pread(fd, nowhere, len < COPY_BYTES ? len : COPY_BYTES, *at);

	*at += n > 0 ? n : 0;
	return n;
}

/* Not by readahead(): that takes pages one by one, where a read takes as many at once as the file
 * system can, and so costs twice the time to read and to send. */
int page_in(int fd, off_t *at, off_t end)
{
	static int null_fd = -1;
	size_t len = end - *at < STEP_BYTES ? (size_t)(end - *at) : STEP_BYTES;

	if (null_fd < 0)
		null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ssize_t n = sendfile(null_fd, fd, at, len);
	if (n < 0 && (errno == EINVAL || errno == EBADF))
		n = copy(fd, at, len);
	return n < 0 ? -errno : n > 0;
}
