/*
 * Sends pieces of files by sendfile() to whoever asks for them (floor_protocol.h): what a server of
 * segments cannot do better. Like the gateway: one thread, epoll, TCP_NODELAY, one request of a
 * connection at a time. Prints "ready", ends with SIGTERM. Instead of sendfile(), for comparison:
 * --copy, pread() into memory and send() from there; --splice, through a pipe; --uring, the same as
 * --copy, both by one call of io_uring, into a registered buffer; --uring-zc, io_uring's send
 * without a copy, from the mapped file.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_tool.h"
#include "floor_protocol.h"

enum { BACKLOG = 64, EVENTS = 64 };

struct file {
	int fd;
	uint64_t bytes;
	uint8_t *mapped; /* BY_URING_ZC */
};

struct client {
	int fd;
	size_t held; /* of the request */
	struct floor_request request;
	bool answers;
	uint32_t head, head_sent, left;
};

enum { COPY_BYTES = 256 << 10 };

static enum { BY_SENDFILE, BY_COPY, BY_SPLICE, BY_URING, BY_URING_ZC } way;
static const char *const ways[] = {"", "--copy", "--splice", "--uring", "--uring-zc"};
static uint8_t copy[COPY_BYTES];
static int pipe_fds[2];
static struct io_uring ring;
static struct file *files;
static unsigned files_count;

static void open_files(char **paths, unsigned count)
{
	files = calloc(count, sizeof(*files));
	for (files_count = 0; files && files_count < count; files_count++) {
		struct file *file = &files[files_count];
		struct stat found;

		file->fd = open(paths[files_count], O_RDONLY | O_CLOEXEC);
		if (file->fd < 0 || fstat(file->fd, &found) < 0) {
			perror(paths[files_count]);
			exit(1);
		}
		file->bytes = (uint64_t)found.st_size;
		if (way == BY_URING_ZC)
			file->mapped = mmap(NULL, file->bytes, PROT_READ, MAP_SHARED, file->fd, 0);
		if (file->mapped == MAP_FAILED)
			die("mmap: %s", strerror(errno));
	}
}

static int listen_at(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
		die("listen: %s", strerror(errno));
	return fd;
}

static bool blocked(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* False: the connection is to be closed. */
static bool begin_answer(struct client *c)
{
	const struct floor_request *r = &c->request;

	if (r->file >= files_count || r->position >= files[r->file].bytes)
		return false;
	uint64_t rest = files[r->file].bytes - r->position;
	c->left = c->head = rest < r->max_bytes ? (uint32_t)rest : r->max_bytes;
	c->head_sent = 0;
	c->answers = true;
	return true;
}

static bool receive(struct client *c)
{
	ssize_t n = recv(c->fd, (char *)&c->request + c->held, sizeof(c->request) - c->held, 0);

	if (n <= 0)
		return n < 0 && blocked();
	c->held += (size_t)n;
	if (c->held < sizeof(c->request))
		return true;
	c->held = 0;
	return begin_answer(c);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void open_uring(void)
{
	struct iovec buffer = {copy, sizeof(copy)};
	int rc = io_uring_queue_init(EVENTS, &ring, 0);

	if (rc == 0)
		rc = io_uring_register_buffers(&ring, &buffer, 1);
	if (rc < 0)
		die("io_uring: %s", strerror(-rc));
}

/* The result of the one send among so many submitted, or -1. */
static ssize_t send_result(unsigned submitted)
{
	struct io_uring_cqe *cqe;
	ssize_t n = 0;
	int rc = io_uring_submit_and_wait(&ring, submitted);

	for (unsigned got = 0; rc >= 0 && got < submitted;) {
		rc = io_uring_wait_cqe(&ring, &cqe);
		if (rc < 0)
			break;
		/* That pages of an earlier one are free again is nothing to wait for. */
		if (!(cqe->flags & IORING_CQE_F_NOTIF)) {
			n = cqe->user_data ? cqe->res : n;
			got++;
		}
		io_uring_cqe_seen(&ring, cqe);
	}
	if (rc < 0 || n < 0)
		errno = (int)-(rc < 0 ? rc : n);
	return rc < 0 || n < 0 ? -1 : n;
}

static ssize_t send_by_uring(const struct client *c, const struct file *file, off_t at)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	unsigned bytes = (unsigned)least(c->left, COPY_BYTES);

	if (way == BY_URING_ZC) {
		io_uring_prep_send_zc(sqe, c->fd, file->mapped + at, bytes, MSG_NOSIGNAL, 0);
		sqe->user_data = 1;
		return send_result(1);
	}
	io_uring_prep_read_fixed(sqe, file->fd, copy, bytes, (uint64_t)at, 0);
	sqe->flags |= IOSQE_IO_LINK;
	sqe->user_data = 0;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_send(sqe, c->fd, copy, bytes, MSG_NOSIGNAL);
	sqe->user_data = 1;
	return send_result(2);
}

/* Some bytes of the file from `at` on, or -1. */
static ssize_t send_some(const struct client *c, off_t at)
{
	int file = files[c->request.file].fd;
	ssize_t n, held;

	switch (way) {
	case BY_COPY:
		n = pread(file, copy, least(c->left, COPY_BYTES), at);
		return n <= 0 ? n : send(c->fd, copy, (size_t)n, MSG_NOSIGNAL);
	case BY_SPLICE:
		/* What the pipe still holds goes first: it is what comes next of this answer, for
		 * nobody else is served while it is there. */
		held = splice(file, &at, pipe_fds[1], NULL, least(c->left, COPY_BYTES), 0);
		for (ssize_t done = 0; done < held; done += n) {
			struct pollfd writable = {.fd = c->fd, .events = POLLOUT};

			n = splice(pipe_fds[0], NULL, c->fd, NULL, (size_t)(held - done), 0);
			if (n < 0 && (errno != EAGAIN || poll(&writable, 1, -1) < 0))
				return -1;
			n = n < 0 ? 0 : n;
		}
		return held;
	case BY_URING:
	case BY_URING_ZC:
		return send_by_uring(c, &files[c->request.file], at);
	default:
		return sendfile(c->fd, file, &at, c->left);
	}
}

/* As much as the socket takes. */
static bool answer(struct client *c)
{
	while (c->head_sent < sizeof(c->head)) {
		ssize_t n = send(c->fd, (char *)&c->head + c->head_sent,
				 sizeof(c->head) - c->head_sent, MSG_NOSIGNAL | MSG_MORE);

		if (n < 0)
			return blocked();
		c->head_sent += (uint32_t)n;
	}
	while (c->left) {
		ssize_t n = send_some(c, (off_t)c->request.position);

		if (n <= 0)
			return n < 0 && blocked();
		c->request.position += (uint64_t)n;
		c->left -= (uint32_t)n;
	}
	c->answers = false;
	return true;
}

static bool watch(int epoll_fd, int op, struct client *c)
{
	struct epoll_event event = {.events = c->answers ? EPOLLOUT : EPOLLIN, .data.ptr = c};

	return epoll_ctl(epoll_fd, op, c->fd, &event) == 0;
}

static void add_client(int epoll_fd, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	int one = 1;

	if (!c)
		exit(1);
	c->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	watch(epoll_fd, EPOLL_CTL_ADD, c);
}

static void work(int epoll_fd, struct client *c)
{
	bool answered = c->answers, well = answered || receive(c);

	if (well && c->answers)
		well = answer(c);
	if (well && c->answers != answered)
		well = watch(epoll_fd, EPOLL_CTL_MOD, c);
	if (well)
		return;
	close(c->fd);
	free(c);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS], listening = {.events = EPOLLIN};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned i = BY_COPY; argc > 1 && i <= BY_URING_ZC; i++)
		if (strcmp(argv[1], ways[i]) == 0)
			way = i;
	if (way != BY_SENDFILE) {
		argc--;
		argv++;
	}
	if (argc < 3 || pipe(pipe_fds) < 0) {
		fputs("usage: sendfile_floor [--copy|--splice|--uring|--uring-zc] PORT FILE...\n",
		      stderr);
		return 2;
	}
	open_uring();
	open_files(argv + 2, (unsigned)argc - 2);
	int listen_fd = listen_at((uint16_t)atoi(argv[1]));
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &listening);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd;

			if (events[i].data.ptr)
				work(epoll_fd, events[i].data.ptr);
			else if ((fd = accept4(listen_fd, NULL, NULL,
					       SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
				add_client(epoll_fd, fd);
		}
	}
}
