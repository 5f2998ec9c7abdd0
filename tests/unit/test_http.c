/* The HTTP pages over real sockets; the client is a thread, the server the test's own loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include <jansson.h>

#include "control/http.h"
#include "sample_state.h"

static char dir[64];
static struct plan *plan;
static struct state *state;
static struct loop *loop;
static struct http *http;
static const struct metrics_control figures = {.start_ns = 1};

static struct config_listen loopback(void)
{
	struct config_listen listen_to = {.text = "127.0.0.1:0",
					  .at.length = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = (struct sockaddr_in *)&listen_to.at.address;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return listen_to;
}

static void setup(void)
{
	const struct config_listen listen_to = loopback();
	char err[512] = "", given[64];

	snprintf(dir, sizeof(dir), "/tmp/weir-test-http-%d", (int)getpid());
	strcpy(given, dir);
	plan = sample_plan(dir);
	state = sample_state(plan);
	cr_assert_eq(loop_create(&loop), 0);
	cr_assert_eq(http_create(&http, loop, &listen_to, false, given, &figures, err, sizeof(err)),
		     0, "%s", err);
	strcpy(given, "gone with the config of a reload");
	cr_assert_gt(http_port(http), 0);
}

static void teardown(void)
{
	http_destroy(http);
	loop_destroy(loop);
	state_close(state);
	state_unlink(dir);
	free(plan);
}

TestSuite(http, .init = setup, .fini = teardown, .timeout = 60);

static int dial_with(int flags)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(http_port(http))};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		cr_assert_eq(errno, EINPROGRESS);
	return fd;
}

struct exchange {
	const char *request;
	char answer[65536];
	size_t size;
	atomic_bool done;
};

static void *ask(void *arg)
{
	struct exchange *x = arg;
	int fd = dial_with(0);

	if (send(fd, x->request, strlen(x->request), MSG_NOSIGNAL) > 0) {
		ssize_t n;
		while (x->size < sizeof(x->answer) - 1 &&
		       (n = recv(fd, x->answer + x->size, sizeof(x->answer) - 1 - x->size, 0)) > 0)
			x->size += (size_t)n;
	}
	close(fd);
	atomic_store(&x->done, true);
	return NULL;
}

/* Sends the request (the server closes after the answer), returns the HTTP status. */
static int exchange(struct exchange *x, const char *request)
{
	pthread_t client;
	int code = 0;

	memset(x, 0, sizeof(*x));
	x->request = request;
	pthread_create(&client, NULL, ask, x);
	while (!atomic_load(&x->done))
		loop_once(loop, 20);
	pthread_join(client, NULL);
	sscanf(x->answer, "HTTP/1.1 %d", &code);
	return code;
}

static int get(struct exchange *x, const char *path)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	return exchange(x, request);
}

static const char *body(const struct exchange *x)
{
	const char *at = strstr(x->answer, "\r\n\r\n");

	return at ? at + 4 : "";
}

static struct exchange x;

Test(http, health_and_readiness)
{
	cr_assert_eq(get(&x, "/healthz"), 200);
	cr_assert_str_eq(body(&x), "ok\n");
	cr_assert_eq(get(&x, "/readyz"), 200);
	cr_assert_str_eq(body(&x), "ready\n");
	state_store(&state->heartbeat_ns, sample_now_ns() - UINT64_C(3000000000));
	cr_assert_eq(get(&x, "/readyz"), 503);
	cr_assert_not_null(strstr(body(&x), "no sign of life"));
	cr_assert_eq(get(&x, "/healthz"), 200, "control itself is well");
	state_store(&state->heartbeat_ns, sample_now_ns());
	atomic_store(&state->run_state, STATE_DRAINING);
	cr_assert_eq(get(&x, "/readyz"), 503);
	state_unlink(dir);
	cr_assert_eq(get(&x, "/readyz"), 503);
	cr_assert_eq(get(&x, "/metrics"), 200);
	cr_assert_not_null(strstr(body(&x), "\nweir_up 0\n"));
	cr_assert_eq(get(&x, "/api/status"), 503);
}

Test(http, pages)
{
	cr_assert_eq(get(&x, "/metrics"), 200);
	cr_assert_not_null(strstr(x.answer, "Content-Type: text/plain; version=0.0.4"));
	cr_assert_not_null(strstr(body(&x), "\nweir_up 1\n"));
	cr_assert_eq(get(&x, "/api/status"), 200);
	cr_assert_not_null(strstr(x.answer, "Content-Type: application/json"));
	json_t *json = json_loads(body(&x), 0, NULL);
	cr_assert_not_null(json);
	cr_assert(json_is_true(json_object_get(json, "balanced")));
	json_decref(json);
	cr_assert_eq(get(&x, "/"), 200);
}

Test(http, what_is_refused)
{
	cr_assert_eq(get(&x, "/nowhere"), 404);
	cr_assert_eq(get(&x, "/metrics/"), 404);
	cr_assert_eq(exchange(&x, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				  "Content-Length: 5\r\n\r\nhello"),
		     405);
	cr_assert_not_null(strstr(x.answer, "Allow: GET, HEAD"));
	cr_assert_eq(
		exchange(&x, "DELETE /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		405);
	cr_assert_eq(exchange(&x, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		     200);
	cr_assert_str_eq(body(&x), "");
}

/* More idle connections than there are places: the rest must still be served after they go. */
Test(http, connections_are_bounded)
{
	int idle[64];

	for (int i = 0; i < 64; i++) {
		idle[i] = dial_with(SOCK_NONBLOCK);
		loop_once(loop, 0);
	}
	for (int i = 0; i < 200; i++)
		loop_once(loop, 1);
	for (int i = 0; i < 64; i++)
		close(idle[i]);
	cr_assert_eq(get(&x, "/healthz"), 200);
}

Test(http, beyond_the_loopback_only_if_meant)
{
	struct config_listen any = loopback();
	struct http *other;
	char err[512] = "";

	((struct sockaddr_in *)&any.at.address)->sin_addr.s_addr = htonl(INADDR_ANY);
	strcpy(any.text, "0.0.0.0:0");
	cr_assert_eq(http_create(&other, loop, &any, false, dir, &figures, err, sizeof(err)),
		     -EACCES);
	cr_assert_not_null(strstr(err, "control.insecure"));
	cr_assert_eq(http_create(&other, loop, &any, true, dir, &figures, err, sizeof(err)), 0);
	http_destroy(other);
	any.at.length = 0;
	cr_assert_eq(http_create(&other, loop, &any, false, dir, &figures, err, sizeof(err)), 0);
	cr_assert_null(other);
}

Test(http, a_taken_port_is_named)
{
	struct config_listen taken = loopback();
	struct http *other;
	char err[512] = "";

	((struct sockaddr_in *)&taken.at.address)->sin_port = htons(http_port(http));
	cr_assert_eq(http_create(&other, loop, &taken, false, dir, &figures, err, sizeof(err)),
		     -EADDRINUSE);
	cr_assert_not_null(strstr(err, "control.listen"));
}
