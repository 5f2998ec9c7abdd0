#include "options_value.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_address.h"
#include "control/config_value.h"
#include "control/weir.h"

int options_unknown(const char *command)
{
	fprintf(stderr, "Try 'weir %s --help'.\n", command);
	return WEIR_USAGE;
}

int options_wrong(const char *command, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "weir %s: ", command);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return options_unknown(command);
}

int options_expected(const char *command, const char *option, const char *found, const char *what)
{
	return options_wrong(command, "--%s: found '%s', expected %s", option, found, what);
}

bool options_parse_number(const char *text, double *value, const char **rest)
{
	char *end;

	/* strtod takes hexadecimal, infinities and signs too. */
	size_t digits = strspn(text, "0123456789.");
	if (!digits || (text[digits] | 0x20) == 'x' || (text[digits] | 0x20) == 'e')
		return false;
	*value = strtod(text, &end);
	*rest = end;
	return end == text + digits && *value <= OPTIONS_NUMBER_MAX;
}

bool options_parse_positive(const char *text, double *value, const char **rest)
{
	return options_parse_number(text, value, rest) && *value >= OPTIONS_POSITIVE_MIN;
}

bool options_parse_rate(const char *text, struct pace_spec *pace)
{
	const char *unit;

	if (!options_parse_positive(text, &pace->value, &unit))
		return false;
	switch (*unit) {
	case 'G':
		pace->value *= 1000;
		__attribute__((fallthrough));
	case 'M':
		pace->value *= 1000;
		__attribute__((fallthrough));
	case 'k':
		pace->value *= 1000;
		unit++;
		break;
	default:
		break;
	}
	pace->kind = strcmp(unit, "pps") == 0 ? PACE_PACKETS : PACE_BITS;
	return strcmp(unit, "pps") == 0 || strcmp(unit, "bps") == 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*port = (uint16_t)value;
	return *text >= '0' && *text <= '9' && *end == '\0' && value >= 1 && value <= 65535;
}

bool options_parse_destination(const char *text, struct rewrite_to *to)
{
	char address[64];
	const char *port = NULL;
	size_t len = strlen(text);

	if (text[0] == '[') {
		const char *end = strchr(text, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return false;
		port = end[1] ? end + 2 : NULL;
		len = (size_t)(end - ++text);
	} else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
		port = strchr(text, ':') + 1;
		len = (size_t)(port - 1 - text);
	}
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	to->port = 0;
	to->version = 0;
	if (inet_pton(AF_INET, address, to->address) == 1)
		to->version = 4;
	else if (inet_pton(AF_INET6, address, to->address) == 1)
		to->version = 6;
	return to->version && (!port || parse_port(port, &to->port));
}

bool options_parse_mac(const char *text, uint8_t *mac)
{
	int end = 0;

	return strlen(text) == 17 && strspn(text, "0123456789abcdefABCDEF:") == 17 &&
	       sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5], &end) == 6 &&
	       end == 17;
}

bool options_parse_value(enum config_type type, const char *text, uint64_t min, uint64_t max,
			 uint64_t *value)
{
	const struct config_key key = {.type = type, .min = min, .max = max};
	char hint[160];

	return config_value_parse(&key, text, value, hint, sizeof(hint));
}

bool options_parse_cores(const char *text, struct config_cpus *cpus)
{
	char part[32], hint[160];

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");

		if (len >= sizeof(part))
			return false;
		snprintf(part, sizeof(part), "%.*s", (int)len, p);
		if (!config_parse_cpus(part, cpus, hint, sizeof(hint)))
			return false;
		p += len;
		if (!*p)
			return true;
	}
}

bool options_cores_are_there(const struct config_cpus *cpus, char *there, size_t there_size)
{
	cpu_set_t set;
	bool all = true;
	size_t n = 0;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned i = 0; i < cpus->count; i++)
		all &= cpus->list[i] < CPU_SETSIZE && CPU_ISSET(cpus->list[i], &set);
	for (int first = 0, last; first < CPU_SETSIZE && n < there_size; first = last + 1) {
		last = first;
		if (!CPU_ISSET(first, &set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
			last++;
		n += (size_t)snprintf(there + n, there_size - n, last > first ? "%s%d-%d" : "%s%d",
				      n ? "," : "", first, last);
	}
	return all;
}
