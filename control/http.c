#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log_text.h"

enum {
	CONNECTIONS_MAX = 32,
	CONNECTION_TIMEOUT_S = 10,
	CONNECTION_MEMORY = 16 * 1024,
};

#define TEXT_PLAIN "text/plain; charset=utf-8"

struct http {
	struct loop *loop;
	char run_dir[PLAN_PATH_MAX];
	const struct metrics_control *figures;
	struct MHD_Daemon *daemon;
	int epoll_fd;
	uint16_t port;
	struct loop_timer *timer; /* what libmicrohttpd wants to be called for */
};

/* One page: writes its body and returns its HTTP status. */
typedef unsigned (*http_page)(const struct http *http, FILE *out);

static struct status *read_status(const struct http *http)
{
	const struct state *state = state_open(http->run_dir);
	struct status *status = NULL;

	if (state && status_of(state, &status) == 0) {
		status->control_pid = getpid();
		if (report_read(http->run_dir, &status->gateway) < 0)
			status->gateway = NULL;
	}
	state_close(state);
	return status;
}

static unsigned page_metrics(const struct http *http, FILE *out)
{
	struct status *status = read_status(http);

	metrics_print(out, status, http->figures);
	status_free(status);
	return MHD_HTTP_OK;
}

/* That we answer is all it takes. */
static unsigned page_healthz(const struct http *http, FILE *out)
{
	fputs("ok\n", out);
	return MHD_HTTP_OK;
}

static unsigned page_readyz(const struct http *http, FILE *out)
{
	struct status *status = read_status(http);
	bool ready = status && status_ready(status);

	if (ready)
		fputs("ready\n", out);
	else if (!status)
		fputs("not ready: no dataplane has started yet\n", out);
	else
		fprintf(out, "not ready: the dataplane is %s%s\n", status_run_name(status),
			status->run_state == STATE_RUNNING && status->alive
				? ", but gives no sign of life"
				: "");
	status_free(status);
	return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned page_status(const struct http *http, FILE *out)
{
	struct status *status = read_status(http);

	if (status)
		status_print_json(out, status, true);
	else
		fputs("{\"run_state\":\"none\"}\n", out);
	unsigned code = status ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
	status_free(status);
	return code;
}

static unsigned page_root(const struct http *http, FILE *out)
{
	fputs("Weir\n\n/metrics\n/healthz\n/readyz\n/api/status\n", out);
	return MHD_HTTP_OK;
}

static const struct {
	const char *path, *type;
	http_page page;
} pages[] = {
	{"/", TEXT_PLAIN, page_root},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", page_metrics},
	{"/healthz", TEXT_PLAIN, page_healthz},
	{"/readyz", TEXT_PLAIN, page_readyz},
	{"/api/status", "application/json", page_status},
};

enum { PAGES = sizeof(pages) / sizeof(pages[0]) };

/* Takes the body, which came from malloc. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
			      char *body, size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned code,
				   const char *text)
{
	char *copy = strdup(text);

	return copy ? answer(connection, code, TEXT_PLAIN, copy, strlen(copy)) : MHD_NO;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **seen)
{
	const struct http *http = ctx;
	static int first_call;
	char *body = NULL;
	size_t size = 0;

	/* The first call has the headers only; a body, if any, is read and thrown away. */
	if (!*seen) {
		*seen = &first_call;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	for (int i = 0; i < PAGES; i++) {
		if (strcmp(url, pages[i].path) != 0)
			continue;
		if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
			return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
					   "only GET and HEAD\n");
		FILE *out = open_memstream(&body, &size);
		if (!out)
			return MHD_NO;
		unsigned code = pages[i].page(http, out);
		if (fclose(out) != 0) {
			free(body);
			return MHD_NO;
		}
		return answer(connection, code, pages[i].type, body, size);
	}
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
}

static void work(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	/* Twice: the listening socket, put away while all places were taken, is watched again only
	 * at the beginning of a round, and nothing else would call for the next. */
	MHD_run(http->daemon);
	MHD_run(http->daemon);
	if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES)
		loop_timer_set(http->timer, wait_ms * UINT64_C(1000000), 0);
	else
		loop_timer_stop(http->timer);
}

static void on_ready(void *ctx, uint32_t events)
{
	work(ctx);
}

static void on_time(void *ctx)
{
	work(ctx);
}

static uint16_t bound_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	socklen_t len = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, &address.any, &len) < 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
						       : address.v4.sin_port);
}

static int start_daemon(struct http *http, int fd)
{
	http->port = bound_port(fd);
	http->timer = loop_timer_create(http->loop, on_time, http);
	if (!http->timer) {
		close(fd);
		return -ENOMEM;
	}
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (!http->daemon) {
		close(fd);
		return -EIO;
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	http->epoll_fd = info->epoll_fd;
	return loop_add(http->loop, http->epoll_fd, EPOLLIN, on_ready, http);
}

int http_create(struct http **out, struct loop *loop, const struct config_listen *listen_to,
		bool beyond_loopback, const char *run_dir, const struct metrics_control *figures,
		char *err, size_t err_size)
{
	*out = NULL;
	if (listen_to->at.length == 0)
		return 0;
	if (!beyond_loopback && !tcp_address_is_loopback(&listen_to->at)) {
		snprintf(err, err_size,
			 "control.listen: %s is not on the loopback, and anybody who reaches it "
			 "may read; if "
			 "that is meant, say control.insecure: true",
			 listen_to->text);
		return -EACCES;
	}
	struct http *http = calloc(1, sizeof(*http));
	if (!http)
		return -ENOMEM;
	*http = (struct http){.loop = loop, .figures = figures, .epoll_fd = -1};
	snprintf(http->run_dir, sizeof(http->run_dir), "%s", run_dir);
	int fd = tcp_listen(&listen_to->at, CONNECTIONS_MAX);
	int rc = fd < 0 ? fd : start_daemon(http, fd);
	if (rc < 0) {
		snprintf(err, err_size, "control.listen: %s: %s", listen_to->text, strerror(-rc));
		http_destroy(http);
		return rc;
	}
	*out = http;
	return 0;
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	if (http->epoll_fd >= 0)
		loop_remove(http->loop, http->epoll_fd);
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	loop_timer_destroy(http->timer);
	free(http);
}

uint16_t http_port(const struct http *http)
{
	return http->port;
}
