#include "config_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "7" or "7-9" with every number at most max. */
static bool parse_range(const char *text, unsigned long max, unsigned long *first,
			unsigned long *last)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 15)
		return false;
	*first = *last = strtoul(text, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		*last = strtoul(end + 1, &end, 10);
	return *end == 0 && *first <= max && *last <= max;
}

bool config_parse_cpus(const char *text, struct config_cpus *cpus, char *hint, size_t hint_size)
{
	unsigned long first, last;

	if (!parse_range(text, 4095, &first, &last))
		return false;
	if (first > last) {
		snprintf(hint, hint_size, "the range runs backwards: write %lu-%lu", last, first);
		return false;
	}
	for (unsigned long cpu = first; cpu <= last; cpu++) {
		if (cpus->count == PLAN_LANES_MAX) {
			snprintf(hint, hint_size, "at most %d of them", PLAN_LANES_MAX);
			return false;
		}
		cpus->list[cpus->count++] = (uint16_t)cpu;
	}
	return true;
}

bool config_parse_udp_ports(const char *text, struct config_udp_ports *ports, char *hint,
			    size_t hint_size)
{
	unsigned long first, last;

	if (strcmp(text, "any") == 0) {
		ports->any = true;
		return true;
	}
	if (!parse_range(text, 65535, &first, &last) || first == 0 || last == 0)
		return false;
	if (first > last) {
		snprintf(hint, hint_size, "the range runs backwards: write %lu-%lu", last, first);
		return false;
	}
	if (ports->count == PLAN_LISTEN_MAX) {
		snprintf(hint, hint_size, "at most %d of them: join neighbours to a range",
			 PLAN_LISTEN_MAX);
		return false;
	}
	ports->list[ports->count++] = (struct plan_listen){(uint16_t)first, (uint16_t)last};
	return true;
}

static bool parse_ip(const char *text, uint8_t *family, uint8_t address[16])
{
	if (inet_pton(AF_INET, text, address) == 1)
		*family = AF_INET;
	else if (inet_pton(AF_INET6, text, address) == 1)
		*family = AF_INET6;
	else
		return false;
	return true;
}

bool config_parse_cidr(const char *text, struct config_cidrs *cidrs, char *hint, size_t hint_size)
{
	struct config_cidr c = {0};
	char ip[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long prefix, last, longest;

	if (n >= sizeof(ip))
		return false;
	memcpy(ip, text, n);
	ip[n] = 0;
	if (!parse_ip(ip, &c.family, c.address)) {
		snprintf(hint, hint_size, "\"%s\" is neither IPv4 nor IPv6", ip);
		return false;
	}
	longest = c.family == AF_INET ? 32 : 128;
	if (!slash) {
		snprintf(hint, hint_size, "the prefix length is missing: write %s/%s", ip,
			 c.family == AF_INET ? "24" : "64");
		return false;
	}
	if (!parse_range(slash + 1, longest, &prefix, &last) || prefix != last || prefix == 0) {
		snprintf(hint, hint_size, "the prefix length must be 1 to %lu", longest);
		return false;
	}
	if (cidrs->count == CONFIG_ADDRESSES_MAX) {
		snprintf(hint, hint_size, "at most %d of them", CONFIG_ADDRESSES_MAX);
		return false;
	}
	c.prefix = (uint8_t)prefix;
	cidrs->list[cidrs->count++] = c;
	return true;
}

bool config_parse_group(const char *text, struct config_cidrs *groups, char *hint, size_t hint_size)
{
	struct config_cidr c = {0};

	if (!parse_ip(text, &c.family, c.address))
		return false;
	if (c.family == AF_INET ? (c.address[0] & 0xf0) != 0xe0 : c.address[0] != 0xff) {
		snprintf(hint, hint_size, "this is no multicast address");
		return false;
	}
	if (groups->count == CONFIG_ADDRESSES_MAX) {
		snprintf(hint, hint_size, "at most %d of them", CONFIG_ADDRESSES_MAX);
		return false;
	}
	c.prefix = c.family == AF_INET ? 32 : 128;
	groups->list[groups->count++] = c;
	return true;
}

bool config_parse_listen(const char *text, struct config_listen *listen, char *hint,
			 size_t hint_size)
{
	struct sockaddr_in *v4 = (void *)&listen->address;
	struct sockaddr_in6 *v6 = (void *)&listen->address;
	const char *colon = strrchr(text, ':');
	unsigned long port, last;
	char ip[sizeof(listen->text)];
	size_t n;

	memset(listen, 0, sizeof(*listen));
	if (strcmp(text, "off") == 0) {
		strcpy(listen->text, "off");
		return true;
	}
	if (strlen(text) >= sizeof(listen->text))
		return false;
	if (!colon || colon == text) {
		if (colon)
			snprintf(hint, hint_size, "write 0.0.0.0%s for all addresses", text);
		return false;
	}
	if (!parse_range(colon + 1, 65535, &port, &last) || port != last || port == 0) {
		snprintf(hint, hint_size, "the port must be 1 to 65535");
		return false;
	}
	n = (size_t)(colon - text);
	memcpy(ip, text, n);
	ip[n] = 0;
	if (ip[0] == '[' && ip[n - 1] == ']') {
		ip[n - 1] = 0;
		if (inet_pton(AF_INET6, ip + 1, &v6->sin6_addr) != 1)
			return false;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		listen->length = sizeof(*v6);
	} else {
		if (inet_pton(AF_INET, ip, &v4->sin_addr) != 1) {
			snprintf(hint, hint_size,
				 strchr(ip, ':')
					 ? "IPv6 addresses stand in brackets: [::1]:9600"
					 : "names are not resolved: write the address in numbers");
			return false;
		}
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		listen->length = sizeof(*v4);
	}
	strcpy(listen->text, text);
	return true;
}

bool config_listen_is_loopback(const struct config_listen *listen)
{
	const struct sockaddr_in *v4 = (const void *)&listen->address;
	const struct sockaddr_in6 *v6 = (const void *)&listen->address;

	if (listen->address.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}
