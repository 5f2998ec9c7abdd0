#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dataplane/api/control_msg.h"

static int ends[2];

static void open_pair(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

Test(control_msg, arrives_as_sent, .init = open_pair)
{
	struct control_msg out = {.type = CONTROL_RETAIN,
				  .status = 5,
				  .id = UINT64_MAX,
				  .arg = {1, 2, 3, UINT64_MAX}};
	struct control_msg in;
	int fd = 77;

	memset(out.text, 'x', sizeof(out.text)); /* no NUL: cut, never read beyond */
	cr_assert_eq(control_msg_send(ends[0], &out, -1), 0);
	cr_assert_eq(control_msg_recv(ends[1], &in, &fd, 0), 1);
	cr_expect_eq(fd, -1);
	cr_expect_eq(in.type, CONTROL_RETAIN);
	cr_expect_eq(in.status, 5);
	cr_expect_eq(in.id, UINT64_MAX);
	cr_expect_eq(memcmp(in.arg, out.arg, sizeof(in.arg)), 0);
	cr_expect_eq(strlen(in.text), sizeof(in.text) - 1);
}

Test(control_msg, carries_a_descriptor, .init = open_pair)
{
	struct control_msg msg = {.type = CONTROL_PLAN};
	struct stat a, b;
	int fd, null = open("/dev/null", O_RDONLY);

	cr_assert_eq(control_msg_send(ends[0], &msg, null), 0);
	cr_assert_eq(control_msg_recv(ends[1], &msg, &fd, 0), 1);
	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(null, &a), 0);
	cr_assert_eq(fstat(fd, &b), 0);
	cr_expect_eq(a.st_rdev, b.st_rdev);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(control_msg, keeps_their_order, .init = open_pair)
{
	struct control_msg msg = {.type = CONTROL_REPLY};
	int fd;

	for (msg.id = 1; msg.id <= 20; msg.id++)
		cr_assert_eq(control_msg_send(ends[0], &msg, -1), 0);
	for (uint64_t id = 1; id <= 20; id++) {
		cr_assert_eq(control_msg_recv(ends[1], &msg, &fd, 0), 1);
		cr_expect_eq(msg.id, id);
	}
}

Test(control_msg, nothing_there, .init = open_pair)
{
	struct control_msg msg;
	int fd;

	cr_expect_eq(control_msg_recv(ends[1], &msg, &fd, MSG_DONTWAIT), -EAGAIN);
	cr_expect_eq(fd, -1);
	close(ends[0]);
	cr_expect_eq(control_msg_recv(ends[1], &msg, &fd, 0), 0);
	cr_expect_eq(fd, -1);
	memset(&msg, 0, sizeof(msg));
	/* The peer is gone: an error, no SIGPIPE. */
	cr_expect_eq(control_msg_send(ends[1], &msg, -1), -EPIPE);
}

/* What is not ours is refused whole, and its descriptor does not stay open. */
static int send_raw(const void *bytes, size_t len, int passed)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (passed >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
	}
	return (int)sendmsg(ends[0], &mh, 0);
}

Test(control_msg, what_is_not_ours_is_refused, .init = open_pair)
{
	static struct {
		struct control_msg msg;
		char more[100];
	} raw;
	struct control_msg msg;
	int fd, null = open("/dev/null", O_RDONLY), before = open_files();
	static const size_t sizes[] = {1, 4, sizeof(msg) - 1, sizeof(msg) + 1, sizeof(raw)};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		raw.msg.magic = CONTROL_MSG_MAGIC;
		cr_assert_eq(send_raw(&raw, sizes[i], null), (int)sizes[i]);
		cr_expect_eq(control_msg_recv(ends[1], &msg, &fd, 0), -EPROTO, "%zu bytes",
			     sizes[i]);
		cr_expect_eq(fd, -1);
	}
	raw.msg.magic++;
	cr_assert_eq(send_raw(&raw, sizeof(msg), null), (int)sizeof(msg));
	cr_expect_eq(control_msg_recv(ends[1], &msg, &fd, 0), -EPROTO);
	/* Nothing at all, but with a descriptor. */
	cr_assert_eq(send_raw(&raw, 0, null), 0);
	control_msg_recv(ends[1], &msg, &fd, 0);
	cr_expect_eq(fd, -1);
	cr_expect_eq(open_files(), before, "%d descriptors leaked", open_files() - before);
}
