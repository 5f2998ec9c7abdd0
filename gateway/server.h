/*
 * The gateway's loop: one thread, epoll over the listening socket, the clients and the signals.
 */
#pragma once

#include <stdio.h>
#include <sys/socket.h>

#include "catalog.h"

struct server;

struct server_address {
	struct sockaddr_storage address;
	socklen_t length;
};

/* "127.0.0.1:9092", "[::1]:9092". */
bool server_parse_address(const char *text, struct server_address *out);
bool server_is_loopback(const struct server_address *address);

/* Listens. The catalog stays the caller's. -errno. */
int server_create(struct server **out, struct catalog *catalog,
		  const struct server_address *address);
void server_destroy(struct server *server);

/* Where it listens: "127.0.0.1:9092". */
void server_print_address(const struct server *server, FILE *out);

/* Serves until SIGTERM or SIGINT, which are blocked from server_create() on. 0 or -errno. */
int server_run(struct server *server);
