#include "server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

bool server_parse_address(const char *text, struct server_address *out)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[80];
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len == 0 || len >= sizeof(host))
		return false;
	if (text[0] == '[') {
		if (text[len - 1] != ']')
			return false;
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = 0;
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return false;
	memcpy(&out->address, found->ai_addr, found->ai_addrlen);
	out->length = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool server_is_loopback(const struct server_address *address)
{
	if (address->address.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&address->address;
		return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	}
	return address->address.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address->address)->sin6_addr);
}
