#include "control_msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int control_msg_send(int sock, const struct control_msg *msg, int fd)
{
	struct control_msg copy = *msg;
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	copy.magic = CONTROL_MSG_MAGIC;
	if (fd >= 0) {
		mh.msg_control = control.space;
		mh.msg_controllen = sizeof(control.space);
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	ssize_t n;
	do
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(copy) ? 0 : -EPROTO;
}

/* The last of the descriptors that came along; a peer that sends more must not use up ours. */
static void take_fds(struct cmsghdr *c, int *fd)
{
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		if (*fd >= 0)
			close(*fd);
		memcpy(fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
}

int control_msg_recv(int sock, struct control_msg *msg, int *fd, int flags)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = msg, .iov_len = sizeof(*msg)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.space,
			    .msg_controllen = sizeof(control.space)};

	*fd = -1;
	ssize_t n;
	do
		n = recvmsg(sock, &mh, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(c, fd);
	if (n == (ssize_t)sizeof(*msg) && !(mh.msg_flags & MSG_TRUNC) &&
	    msg->magic == CONTROL_MSG_MAGIC) {
		msg->text[sizeof(msg->text) - 1] = '\0';
		return 1;
	}
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return n == 0 ? 0 : -EPROTO;
}
