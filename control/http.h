/*
 * HTTP on control.listen: /metrics, /healthz, /readyz, /api/status. GET and HEAD only, a few
 * connections at a time, each with a time-out. Runs in the loop's thread.
 */
#pragma once

#include "config.h"
#include "loop.h"
#include "metrics.h"

struct http;

/* listen.at.length 0: *out is NULL and nothing listens. Beyond the loopback only if
 * `beyond_loopback` says that it is meant. 0, or -errno with the reason in err. figures must
 * outlive it.
 */
int http_create(struct http **out, struct loop *loop, const struct config_listen *listen,
		bool beyond_loopback, const char *run_dir, const struct metrics_control *figures,
		char *err, size_t err_size);
void http_destroy(struct http *http);

/* The TCP port listened on (useful when port 0 was asked for). */
uint16_t http_port(const struct http *http);
