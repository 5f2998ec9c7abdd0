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
	const char *colon = strrchr(text, ':');

	memset(listen, 0, sizeof(*listen));
	if (strcmp(text, "off") == 0) {
		strcpy(listen->text, "off");
		return true;
	}
	if (strlen(text) >= sizeof(listen->text) ||
	    !tcp_address_parse(text, &listen->at, hint, hint_size))
		return false;
	if (strtoul(colon + 1, NULL, 10) == 0) {
		snprintf(hint, hint_size, TCP_PORT_HINT);
		return false;
	}
	strcpy(listen->text, text);
	return true;
}

bool config_parse_host(const char *text, char *dest, char *hint, size_t hint_size)
{
	char host[TCP_HOST_MAX];
	uint16_t port;

	if (!tcp_host_parse(text, host, &port, hint, hint_size))
		return false;
	snprintf(dest, CONFIG_HOST_MAX, "%s", text);
	return true;
}
