/* The link against a peer that answers late, wrongly, in another order, or not at all. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/dataplane_link.h"

static char dir[64];
static struct loop *loop;
static int listener = -1;

static struct {
	unsigned hellos, closes;
	pid_t pid;
	uint64_t generation;
	char why[128];
} seen;

static void on_hello(void *ctx, pid_t pid, uint64_t generation)
{
	seen.hellos++;
	seen.pid = pid;
	seen.generation = generation;
}

static void on_closed(void *ctx, const char *why)
{
	seen.closes++;
	snprintf(seen.why, sizeof(seen.why), "%s", why);
}

static const struct dataplane_link_events events = {on_hello, on_closed};

struct answer {
	unsigned count;
	int status, fd;
	char text[64];
};

static void on_reply(void *ctx, int status, const char *text, int fd)
{
	struct answer *a = ctx;

	a->count++;
	a->status = status;
	a->fd = fd;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

/* --- the peer: the test itself, on blocking descriptors with a time-out --- */

static void peer_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, CONTROL_SOCKET);
	unlink(address.sun_path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listener, 4), 0);
}

static int peer_accept(void)
{
	struct timeval patience = {.tv_sec = 5};

	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	int fd = accept(listener, NULL, NULL);
	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void peer_send(int fd, enum control_msg_type type, uint64_t id, uint64_t arg1, int status,
		      const char *text, int passed)
{
	struct control_msg msg = {.type = (uint16_t)type, .id = id, .status = (uint16_t)status};

	msg.arg[0] = (uint64_t)getpid();
	msg.arg[1] = arg1;
	snprintf(msg.text, sizeof(msg.text), "%s", text);
	cr_assert_eq(control_msg_send(fd, &msg, passed), 0);
}

static struct control_msg peer_receive(int fd, int *passed)
{
	struct control_msg msg;
	int ignored;

	cr_assert_eq(control_msg_recv(fd, &msg, passed ? passed : &ignored, 0), 1);
	return msg;
}

static void turn_until(const unsigned *counter, unsigned value)
{
	for (int i = 0; i < 500 && *counter < value; i++)
		loop_once(loop, 20);
	cr_assert_geq(*counter, value);
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/weir-test-link-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	memset(&seen, 0, sizeof(seen));
	cr_assert_eq(loop_create(&loop), 0);
}

static void teardown(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_SOCKET);
	unlink(path);
	rmdir(dir);
	loop_destroy(loop);
}

TestSuite(dataplane_link, .init = setup, .fini = teardown, .timeout = 40);

static struct dataplane_link *create(void)
{
	struct dataplane_link *link;

	cr_assert_eq(dataplane_link_create(&link, loop, dir, &events, NULL), 0);
	return link;
}

/* A link that said hello; the peer's end in *peer. */
static struct dataplane_link *connected(int *peer)
{
	struct dataplane_link *link = create();

	peer_listen();
	cr_assert_eq(dataplane_link_connect(link), 0);
	*peer = peer_accept();
	peer_send(*peer, CONTROL_HELLO, 0, 7, 0, "", -1);
	turn_until(&seen.hellos, 1);
	return link;
}

Test(dataplane_link, nobody_there)
{
	struct dataplane_link *link = create();
	struct answer a = {0};

	cr_assert_eq(dataplane_link_connect(link), -ENOENT);
	peer_listen();
	close(listener);
	cr_assert_eq(dataplane_link_connect(link), -ECONNREFUSED);
	cr_assert_not(dataplane_link_ready(link));
	cr_assert_eq(dataplane_link_ask(link, CONTROL_STOP, NULL, -1, 100, on_reply, &a),
		     -ENOTCONN);
	dataplane_link_destroy(link);
}

Test(dataplane_link, hello_tells_pid_and_generation)
{
	int peer;
	struct dataplane_link *link = connected(&peer);

	cr_assert(dataplane_link_ready(link));
	cr_assert_eq(seen.pid, getpid());
	cr_assert_eq(seen.generation, 7);
	dataplane_link_destroy(link);
	close(peer);
}

Test(dataplane_link, replies_find_their_request_in_any_order)
{
	int peer;
	struct dataplane_link *link = connected(&peer);
	struct answer a = {0}, b = {0}, c = {0};
	const uint64_t arg[4] = {3, 1, 1000};

	cr_assert_eq(dataplane_link_ask(link, CONTROL_RETAIN, arg, -1, 5000, on_reply, &a), 0);
	cr_assert_eq(dataplane_link_ask(link, CONTROL_RETAIN, arg, -1, 5000, on_reply, &b), 0);
	cr_assert_eq(dataplane_link_ask(link, CONTROL_STOP, NULL, -1, 5000, on_reply, &c), 0);
	struct control_msg first = peer_receive(peer, NULL), second = peer_receive(peer, NULL),
			   third = peer_receive(peer, NULL);
	cr_assert_eq(first.type, CONTROL_RETAIN);
	cr_assert_eq(first.arg[2], 1000);
	peer_send(peer, CONTROL_REPLY, third.id, 0, 0, "third", -1);
	peer_send(peer, CONTROL_REPLY, first.id, 0, EBUSY, "first", -1);
	peer_send(peer, CONTROL_REPLY, first.id, 0, 0, "nobody asked", -1);
	peer_send(peer, CONTROL_REPLY, second.id, 0, 0, "second", -1);
	turn_until(&b.count, 1);
	cr_assert_eq(a.count, 1);
	cr_assert_eq(c.count, 1);
	cr_assert_eq(a.status, -EBUSY);
	cr_assert_str_eq(a.text, "first");
	cr_assert_str_eq(b.text, "second");
	cr_assert_str_eq(c.text, "third");
	dataplane_link_destroy(link);
	close(peer);
}

Test(dataplane_link, descriptors_ride_along_both_ways)
{
	int peer, passed;
	struct dataplane_link *link = connected(&peer);
	struct answer a = {0};
	int memfd = memfd_create("plan", MFD_CLOEXEC);
	char text[8] = "";

	cr_assert_eq(pwrite(memfd, "abc", 3, 0), 3);
	cr_assert_eq(dataplane_link_ask(link, CONTROL_PLAN, NULL, memfd, 5000, on_reply, &a), 0);
	struct control_msg msg = peer_receive(peer, &passed);
	cr_assert_geq(passed, 0);
	cr_assert_eq(pread(passed, text, sizeof(text), 0), 3);
	cr_assert_str_eq(text, "abc");
	peer_send(peer, CONTROL_REPLY, msg.id, 0, 0, "", passed);
	turn_until(&a.count, 1);
	cr_assert_geq(a.fd, 0);
	cr_assert(fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
	close(a.fd);
	close(passed);
	close(memfd);
	dataplane_link_destroy(link);
	close(peer);
}

Test(dataplane_link, a_late_reply_ends_the_link)
{
	int peer;
	struct dataplane_link *link = connected(&peer);
	struct answer late = {0}, other = {0};

	cr_assert_eq(dataplane_link_ask(link, CONTROL_PLAN, NULL, -1, 100, on_reply, &late), 0);
	cr_assert_eq(dataplane_link_ask(link, CONTROL_STOP, NULL, -1, 60000, on_reply, &other), 0);
	turn_until(&seen.closes, 1);
	cr_assert_eq(late.count, 1);
	cr_assert_eq(late.status, -ETIMEDOUT);
	cr_assert_eq(other.count, 1);
	cr_assert_eq(other.status, -ECONNRESET);
	cr_assert_not(dataplane_link_ready(link));
	dataplane_link_destroy(link);
	close(peer);
}

Test(dataplane_link, a_death_fails_what_was_asked_and_the_next_is_found)
{
	int peer;
	struct dataplane_link *link = connected(&peer);
	struct answer a = {0};

	dataplane_link_keep_trying(link, 100);
	cr_assert_eq(dataplane_link_ask(link, CONTROL_STOP, NULL, -1, 5000, on_reply, &a), 0);
	close(listener);
	close(peer);
	turn_until(&seen.closes, 1);
	cr_assert_eq(a.status, -ECONNRESET);
	for (int i = 0; i < 5; i++) /* some vain tries */
		loop_once(loop, 30);
	peer_listen();
	for (int i = 0; i < 10; i++)
		loop_once(loop, 20);
	peer = peer_accept();
	peer_send(peer, CONTROL_HELLO, 0, 9, 0, "", -1);
	turn_until(&seen.hellos, 2);
	cr_assert_eq(seen.generation, 9);
	cr_assert_eq(a.count, 1);
	dataplane_link_destroy(link);
	close(peer);
}

Test(dataplane_link, a_stranger_is_not_talked_to)
{
	int peer;
	struct dataplane_link *link = connected(&peer);
	struct answer a = {0};

	cr_assert_eq(dataplane_link_ask(link, CONTROL_STOP, NULL, -1, 5000, on_reply, &a), 0);
	cr_assert_eq(send(peer, "hello?", 6, 0), 6);
	turn_until(&seen.closes, 1);
	cr_assert_not_null(strstr(seen.why, "not a weir-dataplane"));
	cr_assert_eq(a.count, 1);
	dataplane_link_destroy(link);
	close(peer);
}

Test(dataplane_link, no_more_requests_than_there_is_room_for)
{
	int peer;
	struct dataplane_link *link = connected(&peer);
	static struct answer answers[256];
	int asked = 0;

	while (asked < 256 && dataplane_link_ask(link, CONTROL_RETAIN, NULL, -1, 5000, on_reply,
						 &answers[asked]) == 0) {
		peer_receive(peer, NULL);
		asked++;
	}
	cr_assert_lt(asked, 256);
	cr_assert_gt(asked, 16);
	dataplane_link_destroy(link);
	for (int i = 0; i < asked; i++)
		cr_assert_eq(answers[i].count, 1, "request %d heard %u answers", i,
			     answers[i].count);
	close(peer);
}
