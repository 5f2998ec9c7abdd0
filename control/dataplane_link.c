#include "dataplane_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log_text.h"

enum {
	REQUESTS_MAX = 64,
	HELLO_TIMEOUT_MS = 5000,
	FIRST_RETRY_MS = 20,
};

struct request {
	uint64_t id; /* 0: free */
	uint64_t deadline_ns;
	dataplane_link_reply fn;
	void *ctx;
};

struct dataplane_link {
	struct loop *loop;
	struct dataplane_link_events events;
	void *ctx;
	struct sockaddr_un address;
	int sock; /* -1: not connected */
	bool hello;
	uint64_t next_id;
	struct request requests[REQUESTS_MAX];
	uint64_t hello_deadline_ns;
	struct loop_timer *deadline; /* of the reply due first, or of HELLO */
	struct loop_timer *retry;
	unsigned retry_ms, retry_max_ms; /* max 0: do not retry */
};

static void on_readable(void *ctx, uint32_t events);
static void on_deadline(void *ctx);
static void on_retry(void *ctx);

int dataplane_link_create(struct dataplane_link **out, struct loop *loop, const char *run_dir,
			  const struct dataplane_link_events *events, void *ctx)
{
	struct dataplane_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->loop = loop;
	link->events = *events;
	link->ctx = ctx;
	link->sock = -1;
	link->next_id = 1;
	link->address.sun_family = AF_UNIX;
	int n = snprintf(link->address.sun_path, sizeof(link->address.sun_path), "%s/%s", run_dir,
			 CONTROL_SOCKET);
	if (n >= (int)sizeof(link->address.sun_path)) {
		free(link);
		return -ENAMETOOLONG;
	}
	link->deadline = loop_timer_create(loop, on_deadline, link);
	link->retry = loop_timer_create(loop, on_retry, link);
	if (!link->deadline || !link->retry) {
		dataplane_link_destroy(link);
		return -ENOMEM;
	}
	*out = link;
	return 0;
}

void dataplane_link_destroy(struct dataplane_link *link)
{
	if (!link)
		return;
	dataplane_link_close(link);
	loop_timer_destroy(link->deadline);
	loop_timer_destroy(link->retry);
	free(link);
}

bool dataplane_link_ready(const struct dataplane_link *link)
{
	return link->sock >= 0 && link->hello;
}

bool dataplane_link_expects_hello(const struct dataplane_link *link)
{
	return link->sock >= 0 && !link->hello;
}

static void set_deadline(struct dataplane_link *link)
{
	uint64_t first = UINT64_MAX, now = loop_mono_ns();

	if (link->sock >= 0 && !link->hello)
		first = link->hello_deadline_ns;
	for (int i = 0; i < REQUESTS_MAX; i++)
		if (link->requests[i].id && link->requests[i].deadline_ns < first)
			first = link->requests[i].deadline_ns;
	if (first == UINT64_MAX)
		loop_timer_stop(link->deadline);
	else
		loop_timer_set(link->deadline, first > now ? first - now : 1, 0);
}

/* Answers every request that is still open, now that no reply can come. */
static void fail_requests(struct dataplane_link *link, uint64_t late_at_ns, const char *text)
{
	for (int i = 0; i < REQUESTS_MAX; i++) {
		struct request r = link->requests[i];
		if (!r.id)
			continue;
		link->requests[i].id = 0;
		if (r.deadline_ns <= late_at_ns)
			r.fn(r.ctx, -ETIMEDOUT, "the dataplane did not answer in time", -1);
		else
			r.fn(r.ctx, -ECONNRESET, text, -1);
	}
}

static bool shut(struct dataplane_link *link)
{
	bool was_ready = dataplane_link_ready(link);

	if (link->sock >= 0) {
		loop_remove(link->loop, link->sock);
		close(link->sock);
	}
	link->sock = -1;
	link->hello = false;
	loop_timer_stop(link->deadline);
	return was_ready;
}

void dataplane_link_close(struct dataplane_link *link)
{
	shut(link);
	fail_requests(link, 0, "the link to the dataplane was closed");
}

static void broken(struct dataplane_link *link, uint64_t late_at_ns, const char *why)
{
	bool was_ready = shut(link);

	fail_requests(link, late_at_ns, why);
	if (link->retry_max_ms) {
		link->retry_ms = FIRST_RETRY_MS;
		loop_timer_set(link->retry, (uint64_t)link->retry_ms * 1000000, 0);
	}
	/* Also when the other end went before its HELLO: a dying dataplane still accepts. */
	if (was_ready || !late_at_ns)
		link->events.closed(link->ctx, why);
}

static void on_deadline(void *ctx)
{
	struct dataplane_link *link = ctx;

	broken(link, loop_mono_ns(),
	       link->hello ? "the dataplane did not answer in time"
			   : "the dataplane did not say HELLO in time");
}

int dataplane_link_connect(struct dataplane_link *link)
{
	if (link->sock >= 0)
		return 0;
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -errno;
	int rc = 0;
	if (connect(sock, (struct sockaddr *)&link->address, sizeof(link->address)) < 0)
		rc = -errno;
	if (rc == 0)
		rc = loop_add(link->loop, sock, EPOLLIN, on_readable, link);
	if (rc < 0) {
		close(sock);
		return rc;
	}
	link->sock = sock;
	link->hello_deadline_ns = loop_mono_ns() + HELLO_TIMEOUT_MS * UINT64_C(1000000);
	set_deadline(link);
	return 0;
}

static void on_retry(void *ctx)
{
	struct dataplane_link *link = ctx;

	if (!link->retry_max_ms || dataplane_link_connect(link) == 0)
		return;
	link->retry_ms =
		link->retry_ms * 2 < link->retry_max_ms ? link->retry_ms * 2 : link->retry_max_ms;
	loop_timer_set(link->retry, (uint64_t)link->retry_ms * 1000000, 0);
}

void dataplane_link_keep_trying(struct dataplane_link *link, unsigned max_ms)
{
	link->retry_max_ms = max_ms;
	link->retry_ms = FIRST_RETRY_MS;
	if (max_ms && link->sock < 0)
		loop_timer_set(link->retry, 1, 0);
	if (!max_ms)
		loop_timer_stop(link->retry);
}

static pid_t peer_pid(int sock)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

static void on_message(struct dataplane_link *link, const struct control_msg *msg, int fd)
{
	if (msg->type == CONTROL_HELLO && !link->hello) {
		pid_t pid = peer_pid(link->sock);
		link->hello = true;
		set_deadline(link);
		link->events.hello(link->ctx, pid ? pid : (pid_t)msg->arg[0], msg->arg[1]);
	} else if (msg->type == CONTROL_REPLY) {
		for (int i = 0; i < REQUESTS_MAX; i++) {
			struct request r = link->requests[i];
			if (!r.id || r.id != msg->id)
				continue;
			link->requests[i].id = 0;
			set_deadline(link);
			r.fn(r.ctx, -(int)msg->status, msg->text, fd);
			return;
		}
		log_warning("the dataplane answered a request that nobody made (%llu)",
			    (unsigned long long)msg->id);
	} else {
		log_warning("the dataplane sent an unexpected message of type %u", msg->type);
	}
	if (fd >= 0)
		close(fd);
}

static void on_readable(void *ctx, uint32_t events)
{
	struct dataplane_link *link = ctx;
	struct control_msg msg;
	int fd;
	int rc = control_msg_recv(link->sock, &msg, &fd, MSG_DONTWAIT);

	if (rc == 1)
		on_message(link, &msg, fd);
	else if (rc == 0)
		broken(link, 0, "the dataplane closed its end");
	else if (rc != -EAGAIN)
		broken(link, 0,
		       rc == -EPROTO ? "not a weir-dataplane of this version" : strerror(-rc));
}

int dataplane_link_ask(struct dataplane_link *link, enum control_msg_type type,
		       const uint64_t arg[4], int fd, unsigned timeout_ms, dataplane_link_reply fn,
		       void *ctx)
{
	struct control_msg msg = {.type = (uint16_t)type};
	struct request *request = NULL;

	if (!dataplane_link_ready(link))
		return -ENOTCONN;
	for (int i = 0; i < REQUESTS_MAX && !request; i++)
		if (!link->requests[i].id)
			request = &link->requests[i];
	if (!request)
		return -EBUSY;
	if (arg)
		memcpy(msg.arg, arg, sizeof(msg.arg));
	msg.id = link->next_id;
	int rc = control_msg_send(link->sock, &msg, fd);
	if (rc < 0)
		return rc;
	*request = (struct request){
		.id = link->next_id++,
		.deadline_ns = loop_mono_ns() + timeout_ms * UINT64_C(1000000),
		.fn = fn,
		.ctx = ctx,
	};
	set_deadline(link);
	return 0;
}
