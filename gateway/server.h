/*
 * The gateway's loop: one thread, epoll over the listening socket, the clients, the signals, and
 * what the groups' store has finished.
 */
#pragma once

#include "catalog.h"
#include "control/tcp_listen.h"
#include "groups/groups.h"
#include "report.h"

struct server;

struct server_options {
	struct groups *groups;
	struct tcp_address listen;
	const char *advertised_host; /* NULL: clients are told where they reached us */
	uint16_t advertised_port;
	struct report *report; /* stays the caller's; NULL: none */
};

/* Listens. The catalog and what the options name stay the caller's. -errno. */
int server_create(struct server **out, struct catalog *catalog,
		  const struct server_options *options);
void server_destroy(struct server *server);

/* Where it listens: "127.0.0.1:9092". */
const char *server_address(const struct server *server);

/* What both clocks say now. */
void server_set_time(struct groups *groups);

/* Serves until SIGTERM or SIGINT, which are blocked from server_create() on. 0 or -errno. */
int server_run(struct server *server);
