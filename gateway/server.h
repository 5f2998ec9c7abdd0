/*
 * The gateway's loop: one thread, epoll over the listening socket, the clients, the signals, and
 * what the groups' store has finished.
 */
#pragma once

#include <stdio.h>

#include "catalog.h"
#include "control/tcp_listen.h"
#include "groups/groups.h"

struct server;

/* Listens. Catalog and groups stay the caller's. -errno. */
int server_create(struct server **out, struct catalog *catalog, struct groups *groups,
		  const struct tcp_address *address);
void server_destroy(struct server *server);

/* Where it listens: "127.0.0.1:9092". */
void server_print_address(const struct server *server, FILE *out);

/* What both clocks say now. */
void server_set_time(struct groups *groups);

/* Serves until SIGTERM or SIGINT, which are blocked from server_create() on. 0 or -errno. */
int server_run(struct server *server);
