/*
 * The dataplane's end of the control socket: one request, one reply. When control goes, the
 * dataplane stays and waits for the next. Whoever connects is a guest until its first request:
 * only that makes it the control, in place of the one that was.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane.h"

static int unix_address(const char *path, struct sockaddr_un *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sa->sun_path)) {
		dataplane_say("run_dir is too long for a socket: %s", path);
		return -ENAMETOOLONG;
	}
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return 0;
}

static bool somebody_answers(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

int control_server_listen(struct dataplane *d)
{
	struct sockaddr_un sa;

	if (mkdir(d->run_dir, 0750) < 0 && errno != EEXIST) {
		dataplane_say("run_dir %s cannot be made: %s", d->run_dir, strerror(errno));
		return -errno;
	}
	snprintf(d->socket_path, sizeof(d->socket_path), "%s/%s", d->run_dir, CONTROL_SOCKET);
	int rc = unix_address(d->socket_path, &sa);
	if (rc < 0)
		return rc;
	if (somebody_answers(&sa)) {
		dataplane_say("another weir-dataplane serves %s: stop it first, or give this one "
			      "another --run-dir",
			      d->socket_path);
		d->socket_path[0] = '\0'; /* not ours to remove */
		return -EADDRINUSE;
	}
	unlink(d->socket_path); /* left behind by one that died */
	d->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->listen_fd < 0 || bind(d->listen_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(d->socket_path, 0660) < 0 || listen(d->listen_fd, 4) < 0) {
		rc = -errno;
		dataplane_say("%s: %s", d->socket_path, strerror(errno));
		return rc;
	}
	return 0;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd); /* epoll forgets it with the close */
	*fd = -1;
}

void control_server_accept(struct dataplane *d)
{
	int fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN};
	struct control_msg hello = {.type = CONTROL_HELLO};

	if (fd < 0)
		return;
	drop(&d->guest_fd);
	d->guest_fd = fd;
	ev.data.fd = fd;
	hello.arg[0] = (uint64_t)getpid();
	hello.arg[1] = d->plan ? d->plan->generation : 0;
	if (epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ||
	    control_msg_send(fd, &hello, -1) < 0)
		drop(&d->guest_fd);
}

static int take_plan(struct dataplane *d, int fd, char *text, size_t size)
{
	const struct plan *plan = fd >= 0 ? plan_map(fd, text, size) : NULL;

	if (!plan) {
		if (fd < 0)
			snprintf(text, size, "the plan's memfd is missing");
		return -EINVAL;
	}
	bool first = d->plan == NULL;
	int rc = first ? dataplane_start(d, plan, text, size)
		       : dataplane_reload(d, plan, text, size);
	if (rc < 0) {
		if (first) { /* EAL cannot be started twice: the supervisor starts a new process */
			d->done = true;
			d->exit_code = 1;
		} else {
			plan_unmap(plan);
		}
		return rc;
	}
	if (d->plan_fd >= 0)
		close(d->plan_fd);
	d->plan_fd = dup(fd);
	return 0;
}

static bool is_request(const struct control_msg *msg)
{
	return msg->type == CONTROL_PLAN || msg->type == CONTROL_GET_PLAN ||
	       msg->type == CONTROL_RETAIN || msg->type == CONTROL_STOP;
}

static int serve(struct dataplane *d, const struct control_msg *msg, int fd,
		 struct control_msg *reply, int *reply_fd)
{
	switch ((enum control_msg_type)msg->type) {
	case CONTROL_PLAN:
		return take_plan(d, fd, reply->text, sizeof(reply->text));
	case CONTROL_GET_PLAN:
		*reply_fd = d->plan_fd;
		return d->plan ? 0 : -ENOENT;
	case CONTROL_RETAIN:
		return dataplane_retain(d, msg->arg, reply->text, sizeof(reply->text));
	case CONTROL_STOP:
		return dataplane_stop(d, reply->text, sizeof(reply->text));
	case CONTROL_HELLO:
	case CONTROL_REPLY:
		break;
	}
	snprintf(reply->text, sizeof(reply->text), "unknown request %u", msg->type);
	return -EINVAL;
}

/* The control that started us: it logs what a request came to, and reads our stderr into the same
 * log. Any other logs elsewhere. */
static bool started_by_it(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getppid();
}

static void answer(struct dataplane *d, const struct control_msg *msg, int fd)
{
	struct control_msg reply = {.type = CONTROL_REPLY, .id = msg->id};
	int reply_fd = -1;
	int rc = serve(d, msg, fd, &reply, &reply_fd);

	reply.status = (uint16_t)(rc < 0 ? -rc : 0);
	if (msg->type != CONTROL_RETAIN && reply.text[0] && (rc >= 0 || !started_by_it(d->conn_fd)))
		dataplane_say("%s", reply.text);
	if (control_msg_send(d->conn_fd, &reply, reply_fd) < 0)
		drop(&d->conn_fd);
}

void control_server_read(struct dataplane *d, int from)
{
	struct control_msg msg;
	int fd, *conn = from == d->guest_fd ? &d->guest_fd : &d->conn_fd;
	int rc = control_msg_recv(*conn, &msg, &fd, MSG_DONTWAIT);

	if (rc == -EAGAIN)
		return;
	if (rc > 0 && conn == &d->guest_fd && is_request(&msg)) {
		/* Now it is a control, and the newest is the one that counts. */
		drop(&d->conn_fd);
		d->conn_fd = d->guest_fd;
		d->guest_fd = -1;
		conn = &d->conn_fd;
	}
	if (rc <= 0 || conn == &d->guest_fd)
		drop(conn);
	else
		answer(d, &msg, fd);
	if (fd >= 0)
		close(fd);
}
