#include "tcp_listen.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool parse_port(const char *text, in_port_t *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*port = htons((uint16_t)n);
	return isdigit((unsigned char)*text) && *end == '\0' && n <= 65535;
}

bool tcp_address_parse(const char *text, struct tcp_address *out, char *hint, size_t hint_size)
{
	struct sockaddr_in *v4 = (void *)&out->address;
	struct sockaddr_in6 *v6 = (void *)&out->address;
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	char ip[INET6_ADDRSTRLEN + 2];
	in_port_t port;

	memset(out, 0, sizeof(*out));
	if (n == 0) {
		if (colon)
			snprintf(hint, hint_size, "write 0.0.0.0%s for all addresses", text);
		return false;
	}
	if (!parse_port(colon + 1, &port)) {
		snprintf(hint, hint_size, TCP_PORT_HINT);
		return false;
	}
	if (n >= sizeof(ip))
		return false;
	memcpy(ip, text, n);
	ip[n] = 0;
	if (ip[0] == '[' && ip[n - 1] == ']') {
		ip[n - 1] = 0;
		if (inet_pton(AF_INET6, ip + 1, &v6->sin6_addr) != 1)
			return false;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		out->length = sizeof(*v6);
		return true;
	}
	if (inet_pton(AF_INET, ip, &v4->sin_addr) != 1) {
		snprintf(hint, hint_size,
			 strchr(ip, ':') ? "IPv6 addresses stand in brackets: [::1]:9600"
					 : "names are not resolved: write the address in numbers");
		return false;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = port;
	out->length = sizeof(*v4);
	return true;
}

static bool is_host(const char *host, bool in_brackets)
{
	struct in6_addr v6;

	if (in_brackets)
		return inet_pton(AF_INET6, host, &v6) == 1;
	return host[0] != '-' && host[0] != '.' &&
	       host[strspn(host,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
		       0;
}

bool tcp_host_parse(const char *text, char host[TCP_HOST_MAX], uint16_t *port, char *hint,
		    size_t hint_size)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	in_port_t wire_port;

	if (n == 0 || n >= TCP_HOST_MAX) {
		if (!colon)
			snprintf(hint, hint_size, "the port is missing: write %s:9092", text);
		return false;
	}
	if (!parse_port(colon + 1, &wire_port) || wire_port == 0) {
		snprintf(hint, hint_size, TCP_PORT_HINT);
		return false;
	}
	bool in_brackets = text[0] == '[' && text[n - 1] == ']';
	size_t from = in_brackets ? 1 : 0;
	memcpy(host, text + from, n - 2 * from);
	host[n - 2 * from] = 0;
	*port = ntohs(wire_port);
	if (is_host(host, in_brackets))
		return true;
	if (!in_brackets && strchr(host, ':') &&
	    host[strspn(host, "0123456789abcdefABCDEF:.")] == 0)
		snprintf(hint, hint_size, "IPv6 addresses stand in brackets: [::1]:9092");
	return false;
}

bool tcp_address_is_loopback(const struct tcp_address *address)
{
	const struct sockaddr_in *v4 = (const void *)&address->address;
	const struct sockaddr_in6 *v6 = (const void *)&address->address;

	if (address->address.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return address->address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

int tcp_listen(const struct tcp_address *at, int backlog)
{
	const struct sockaddr *address = (const struct sockaddr *)&at->address;
	const int one = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, address, at->length) < 0 || listen(fd, backlog) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}
