#include "control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 16,
	REQUEST_MAX_BYTES = 4200, /* a path in it */
};

struct control_client {
	struct control_socket *owner;
	int fd; /* -1: free */
	bool asked;
	size_t len;
	char line[REQUEST_MAX_BYTES];
};

struct control_socket {
	struct loop *loop;
	int fd;
	char path[108];
	control_socket_request request;
	void *ctx;
	struct control_client clients[CLIENTS_MAX];
};

static int make_run_dir(const char *run_dir, char *err, size_t err_size)
{
	struct stat st;

	if (mkdir(run_dir, 0750) < 0 && errno != EEXIST) {
		int rc = -errno;
		snprintf(err, err_size, "run_dir %s: cannot make it: %s", run_dir, strerror(-rc));
		return rc;
	}
	if (stat(run_dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		snprintf(err, err_size, "run_dir %s: not a directory", run_dir);
		return -ENOTDIR;
	}
	return 0;
}

int control_socket_lock(const char *run_dir, char *err, size_t err_size)
{
	char path[512], text[32] = "";
	int rc = make_run_dir(run_dir, err, err_size);

	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", run_dir, CONTROL_LOCK_NAME);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		rc = -errno;
		snprintf(err, err_size, "%s: %s", path, strerror(-rc));
		return rc;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (read(fd, text, sizeof(text) - 1) > 0)
			text[strcspn(text, "\n")] = '\0';
		snprintf(err, err_size,
			 "run_dir %s: weir-control with pid %s is running here already; stop it, "
			 "or give "
			 "this one another run_dir",
			 run_dir, text[0] ? text : "unknown");
		close(fd);
		return rc;
	}
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		rc = -EIO;
		snprintf(err, err_size, "%s: cannot write the pid", path);
		close(fd);
		return rc;
	}
	return fd;
}

static void drop(struct control_client *client)
{
	loop_remove(client->owner->loop, client->fd);
	close(client->fd);
	client->fd = -1;
}

void control_socket_answer(struct control_client *client, int exit_status, const char *text)
{
	char head[32];
	size_t len = strlen(text);

	if (exit_status == 0)
		snprintf(head, sizeof(head), "ok\n");
	else
		snprintf(head, sizeof(head), "failed %d\n", exit_status);
	/* A blocking socket with a time-out of its own: a client that does not read cannot hold us.
	 */
	if (send(client->fd, head, strlen(head), MSG_NOSIGNAL | MSG_MORE) > 0 && len > 0)
		(void)!send(client->fd, text, len, MSG_NOSIGNAL);
	drop(client);
}

static void on_client(void *ctx, uint32_t events)
{
	struct control_client *client = ctx;
	size_t room = sizeof(client->line) - 1 - client->len;
	ssize_t n = recv(client->fd, client->line + client->len, room, MSG_DONTWAIT);

	if (n <= 0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* Gone. If its request is under way, the answer finds a closed socket. */
		if (client->asked)
			loop_remove(client->owner->loop, client->fd);
		else
			drop(client);
		return;
	}
	client->len += (size_t)n;
	client->line[client->len] = '\0';
	char *end = strchr(client->line, '\n');
	if (client->asked || (!end && client->len + 1 < sizeof(client->line)))
		return;
	if (!end) {
		control_socket_answer(client, 2, "request too long\n");
		return;
	}
	*end = '\0';
	client->asked = true;
	client->owner->request(client->owner->ctx, client, client->line);
}

static void on_connection(void *ctx, uint32_t events)
{
	struct control_socket *s = ctx;
	struct timeval patience = {.tv_sec = 1};
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct control_client *client = &s->clients[i];
		if (client->fd >= 0)
			continue;
		*client = (struct control_client){.owner = s, .fd = fd};
		if (loop_add(s->loop, fd, EPOLLIN, on_client, client) == 0)
			return;
		client->fd = -1;
		break;
	}
	close(fd);
}

int control_socket_create(struct control_socket **out, struct loop *loop, const char *run_dir,
			  control_socket_request request, void *ctx, char *err, size_t err_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct control_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct control_socket){.loop = loop, .request = request, .ctx = ctx};
	for (int i = 0; i < CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	int n = snprintf(s->path, sizeof(s->path), "%s/%s", run_dir, CONTROL_SOCKET_NAME);
	if (n >= (int)sizeof(s->path)) {
		snprintf(err, err_size,
			 "run_dir %s: too long for a socket's name (%zu characters at most)",
			 run_dir, sizeof(s->path) - sizeof(CONTROL_SOCKET_NAME) - 2);
		free(s);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, s->path, sizeof(s->path));
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(s->path);
	mode_t before = umask(0117);
	int rc = s->fd < 0 || bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
				 listen(s->fd, CLIENTS_MAX) < 0
			 ? -errno
			 : 0;
	umask(before);
	if (rc == 0)
		rc = loop_add(loop, s->fd, EPOLLIN, on_connection, s);
	if (rc < 0) {
		snprintf(err, err_size, "%s: %s", s->path, strerror(-rc));
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void control_socket_destroy(struct control_socket *s)
{
	if (!s)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->clients[i].fd >= 0)
			control_socket_answer(&s->clients[i], 1, "weir-control ended\n");
	loop_remove(s->loop, s->fd);
	close(s->fd);
	unlink(s->path);
	free(s);
}

/* timeout_s 0: whoever cannot be reached at once is -EAGAIN. */
static int connect_to(const char *run_dir, unsigned timeout_s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = timeout_s};
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir,
			 CONTROL_SOCKET_NAME);

	if (n >= (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (timeout_s ? 0 : SOCK_NONBLOCK), 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)); /* of connect too */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

/* What a control has left in its lock file. */
static pid_t pid_in_lock(const char *run_dir)
{
	char path[PATH_MAX];
	int pid = 0;

	snprintf(path, sizeof(path), "%s/%s", run_dir, CONTROL_LOCK_NAME);
	FILE *in = fopen(path, "re");
	if (!in)
		return 0;
	if (fscanf(in, "%d", &pid) != 1)
		pid = 0;
	fclose(in);
	return pid;
}

pid_t control_socket_pid(const char *run_dir)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	/* A control that hangs, its backlog full, holds up nobody who asks. */
	int fd = connect_to(run_dir, 0);

	if (fd == -EAGAIN)
		return pid_in_lock(run_dir);
	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

int control_socket_ask(const char *run_dir, const char *line, unsigned timeout_s)
{
	int fd = connect_to(run_dir, timeout_s);

	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		fprintf(stderr,
			"weir: no weir-control is running in %s (-c FILE or --run-dir DIR names "
			"another)\n",
			run_dir);
		return 1;
	}
	if (fd == -EAGAIN) {
		fprintf(stderr, "weir: weir-control in %s takes no requests\n", run_dir);
		return 1;
	}
	if (fd < 0) {
		fprintf(stderr, "weir: %s/%s: %s\n", run_dir, CONTROL_SOCKET_NAME, strerror(-fd));
		return 1;
	}
	int status = -1;
	FILE *in = fdopen(fd, "r");
	char text[4096];
	if (in && send(fd, line, strlen(line), MSG_NOSIGNAL) >= 0 &&
	    send(fd, "\n", 1, MSG_NOSIGNAL) == 1 && fgets(text, sizeof(text), in)) {
		if (strcmp(text, "ok\n") == 0)
			status = 0;
		else if (sscanf(text, "failed %d", &status) != 1)
			status = -1;
		while (fgets(text, sizeof(text), in))
			fputs(text, status == 0 ? stdout : stderr);
	}
	if (in)
		fclose(in);
	else
		close(fd);
	if (status < 0) {
		fprintf(stderr, "weir: weir-control did not answer\n");
		return 1;
	}
	return status;
}
