/*
 * Where a server of ours listens, and whether anybody else can reach it. For control's HTTP and for
 * the gateway; knows nothing of either.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define TCP_PORT_HINT "the port must be 1 to 65535"

struct tcp_address {
	struct sockaddr_storage address;
	socklen_t length; /* 0: none */
};

/* "127.0.0.1:9600", "[::1]:9600"; numbers only, port 0: any that is free. False: hint says what
 * would be right, or is left alone where there is nothing to say. */
bool tcp_address_parse(const char *text, struct tcp_address *out, char *hint, size_t hint_size);

enum { TCP_HOST_MAX = 254 /* a name of the DNS and its end */ };

/* Where others are told to connect: "weir.example:9092", "[fd00::5]:9092". The host comes without
 * brackets. False: hint as above. */
bool tcp_host_parse(const char *text, char host[TCP_HOST_MAX], uint16_t *port, char *hint,
		    size_t hint_size);

/* Nobody but this machine can reach it. */
bool tcp_address_is_loopback(const struct tcp_address *address);

/* A listening socket, non-blocking; -errno. */
int tcp_listen(const struct tcp_address *at, int backlog);
