/* For tests of connections over the loopback, driven by hand as the server's loop drives them. */
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/connection.h"
#include "gateway_testing.h"

static struct groups groups;
static struct connection_context context;

static inline void pairs_setup(void)
{
	gateway_testing_setup();
	gateway_testing_groups(&groups, dir);
	context = (struct connection_context){
		.catalog = &catalog, .groups = &groups, .now_ms = groups.now_ms};
	cr_assert_eq(disk_thread_create(&context.disk), 0);
}

static inline void pairs_teardown(void)
{
	disk_thread_destroy(context.disk);
	groups_close(&groups);
	gateway_testing_teardown();
}

/* A client's socket, and the connection that serves it, among the context's. */
struct pair {
	int client;
	struct connection *c;
};

static inline struct pair connect_pair(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct pair pair = {.client = socket(AF_INET, SOCK_STREAM, 0)};

	cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	cr_assert_eq(connect(pair.client, (struct sockaddr *)&address, len), 0);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	cr_assert_geq(fd, 0);
	close(listener);
	pair.c = connection_create(&context, fd);
	cr_assert_not_null(pair.c);
	pair.c->next = context.first;
	context.first = pair.c;
	return pair;
}

static inline void disconnect(struct pair *pair)
{
	struct connection **link = &context.first;

	while (*link != pair->c)
		link = &(*link)->next;
	*link = pair->c->next;
	connection_destroy(&context, pair->c);
	close(pair->client);
}
