/* Scalars: numbers, sizes, durations, words, names. Lists of addresses are in config_address.c. */
#include "config_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_address.h"
#include "device.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* The first exact divisor in this order gives the shortest text. */
static const struct unit size_units[] = {
	{"TiB", UINT64_C(1) << 40},
	{"GiB", UINT64_C(1) << 30},
	{"MiB", UINT64_C(1) << 20},
	{"KiB", UINT64_C(1) << 10},
	{"TB", UINT64_C(1000000000000)},
	{"GB", UINT64_C(1000000000)},
	{"MB", UINT64_C(1000000)},
	{"kB", UINT64_C(1000)},
	{"B", 1},
	{NULL, 0},
};

static const struct unit duration_units[] = {
	{"d", UINT64_C(86400000000000)},
	{"h", UINT64_C(3600000000000)},
	{"min", UINT64_C(60000000000)},
	{"s", UINT64_C(1000000000)},
	{"ms", UINT64_C(1000000)},
	{"us", UINT64_C(1000)},
	{"ns", 1},
	/* Read, never written. */
	{"w", UINT64_C(604800000000000)},
	{"m", UINT64_C(60000000000)},
	{"\xc2\xb5s", UINT64_C(1000)},
	{NULL, 0},
};

static void unit_text(const struct unit *units, uint64_t value, char *text, size_t size)
{
	const struct unit *u = units;

	while (u->factor > 1 && value % u->factor != 0)
		u++;
	snprintf(text, size, "%llu%s", (unsigned long long)(value / u->factor), u->name);
}

void config_size_text(uint64_t bytes, char *text, size_t size)
{
	if (bytes == 0)
		snprintf(text, size, "0");
	else
		unit_text(size_units, bytes, text, size);
}

void config_duration_text(uint64_t ns, char *text, size_t size)
{
	if (ns == 0)
		snprintf(text, size, "0");
	else
		unit_text(duration_units, ns, text, size);
}

/* Splits "1.5GiB" into 1, 5/10 and "GiB". False: does not begin with a number. */
static bool split_number(const char *text, uint64_t *whole, uint64_t *part, uint64_t *part_of,
			 const char **unit)
{
	const char *p = text;

	*whole = *part = 0;
	*part_of = 1;
	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(*whole, 10, whole) ||
		    __builtin_add_overflow(*whole, *p - '0', whole))
			return false;
	if (p[0] == '.' && isdigit((unsigned char)p[1]))
		for (p++; isdigit((unsigned char)*p); p++) {
			if (*part_of >= UINT64_C(1000000000))
				return false;
			*part = *part * 10 + (uint64_t)(*p - '0');
			*part_of *= 10;
		}
	*unit = *p == ' ' && p[1] ? p + 1 : p;
	return true;
}

static bool parse_united(const struct unit *units, const char *text, uint64_t *value)
{
	uint64_t whole, part, part_of, extra;
	const char *unit;

	if (!split_number(text, &whole, &part, &part_of, &unit))
		return false;
	if (!*unit && whole == 0 && part == 0) {
		*value = 0;
		return true;
	}
	for (const struct unit *u = units; u->name; u++) {
		if (strcmp(u->name, unit) != 0)
			continue;
		if (__builtin_mul_overflow(part, u->factor, &extra))
			return false;
		extra /= part_of;
		return !__builtin_mul_overflow(whole, u->factor, value) &&
		       !__builtin_add_overflow(*value, extra, value);
	}
	return false;
}

static bool parse_size(const char *text, uint64_t *value, char *hint, size_t hint_size)
{
	uint64_t whole, part, part_of;
	const char *unit;

	if (parse_united(size_units, text, value))
		return true;
	if (!split_number(text, &whole, &part, &part_of, &unit))
		return false;
	if (!*unit && part_of == 1) { /* a bare number is bytes */
		*value = whole;
		return true;
	}
	for (const struct unit *u = size_units; u->name; u++)
		if (strcmp(u->name, unit) == 0)
			return false; /* a known unit: the number is beyond all */
	if (*unit && strchr("kKmMgGtT", *unit)) {
		int n = (int)(unit - text), up = toupper((unsigned char)*unit);
		while (n > 0 && text[n - 1] == ' ')
			n--;
		snprintf(hint, hint_size,
			 "write %.*s%ciB (powers of 1024) or %.*s%cB (powers of 1000)", n, text, up,
			 n, text, up == 'K' ? 'k' : up);
	} else {
		snprintf(hint, hint_size, "the units are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB");
	}
	return false;
}

static bool parse_duration(const char *text, uint64_t *value, char *hint, size_t hint_size)
{
	uint64_t whole, part, part_of;
	const char *unit;

	if (parse_united(duration_units, text, value))
		return true;
	if (!split_number(text, &whole, &part, &part_of, &unit))
		return false;
	for (const struct unit *u = duration_units; u->name; u++)
		if (strcmp(u->name, unit) == 0)
			return false;
	if (!*unit)
		snprintf(hint, hint_size, "the unit is missing: write %sms or %ss", text, text);
	else
		snprintf(hint, hint_size, "the units are ns, us, ms, s, min, h, d, w");
	return false;
}

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == 0;
}

static bool parse_word(const struct config_word *words, const char *text, uint64_t *value)
{
	for (; words->name; words++)
		if (strcmp(words->name, text) == 0) {
			*value = words->value;
			return true;
		}
	return false;
}

static bool parse_path(const char *text, char *dest, char *hint, size_t hint_size)
{
	char cwd[PLAN_PATH_MAX] = "";
	size_t n;

	if (!*text)
		return false;
	if (text[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
		snprintf(hint, hint_size, "the working directory is unknown: write it from /");
		return false;
	}
	while (strncmp(text, "./", 2) == 0)
		text += 2;
	if (strlen(cwd) + 1 + strlen(text) >= PLAN_PATH_MAX) {
		snprintf(hint, hint_size, "%zu bytes are too long", strlen(cwd) + 1 + strlen(text));
		return false;
	}
	n = (size_t)snprintf(dest, PLAN_PATH_MAX, "%s%s%s", cwd, cwd[0] ? "/" : "", text);
	while (n > 1 && dest[n - 1] == '/')
		dest[--n] = 0;
	return true;
}

bool config_pci_address(const char *device, char *address)
{
	unsigned domain = 0, bus, slot, function;
	int n = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &n) != 4 || !n) {
		n = 0;
		domain = 0;
		if (sscanf(device, "%2x:%2x.%1u%n", &bus, &slot, &function, &n) != 3 || !n)
			return false;
	}
	if (function > 7 || slot > 31 || (device[n] != 0 && device[n] != ','))
		return false;
	if (address)
		snprintf(address, CONFIG_PCI_ADDRESS_MAX, "%04x:%02x:%02x.%u", domain, bus, slot,
			 function);
	return true;
}

static bool parse_device(const char *text, char *dest, char *hint, size_t hint_size)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t name = strspn(text, chars);

	if (strlen(text) >= PLAN_DEVICE_MAX) {
		snprintf(hint, hint_size, "at most %d bytes", PLAN_DEVICE_MAX - 1);
		return false;
	}
	if (config_pci_address(text, NULL)) {
		/* DPDK and sysfs write the domain always. */
		const char *domain = strcspn(text, ":") == 2 ? "0000:" : "";
		return snprintf(dest, PLAN_DEVICE_MAX, "%s%s", domain, text) < PLAN_DEVICE_MAX;
	}
	if ((strncmp(text, "net_", 4) == 0 || strncmp(text, "virtio_user", 11) == 0) && name < 64 &&
	    (text[name] == 0 || text[name] == ',')) {
		if (!device_is_whole(text, hint, hint_size))
			return false;
		snprintf(dest, PLAN_DEVICE_MAX, "%s", text);
		return true;
	}
	if (name && !text[name])
		snprintf(hint, hint_size,
			 "did you mean the kernel's interface, net_af_packet0,iface=%s?", text);
	return false;
}

static bool parse_name(const char *text, char *dest, char *hint, size_t hint_size)
{
	if (!plan_name_valid(text)) {
		size_t ok = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789._-");
		if (text[ok])
			snprintf(hint, hint_size, "its character %zu is none of them", ok + 1);
		else if (ok >= PLAN_NAME_MAX)
			snprintf(hint, hint_size, "it has %zu", ok);
		return false;
	}
	snprintf(dest, PLAN_NAME_MAX, "%s", text);
	return true;
}

static bool parse_text(const struct config_key *key, const char *text, char *dest)
{
	if (!*text || strlen(text) >= key->size)
		return false;
	memcpy(dest, text, strlen(text) + 1);
	return true;
}

static bool parse_arg(const char *text, struct config_args *args)
{
	size_t n = strlen(text) + 1;

	if (n == 1 || args->used + n + 1 > sizeof(args->text))
		return false;
	memcpy(args->text + args->used, text, n);
	args->used += n;
	return true;
}

static bool parse_ranged(const struct config_key *key, const char *text, uint64_t *dest, char *hint,
			 size_t hint_size)
{
	uint64_t value;
	bool ok;

	if (key->special && strcmp(text, key->special) == 0) {
		*dest = key->special_value;
		return true;
	}
	if (key->type == CONFIG_SIZE)
		ok = parse_size(text, &value, hint, hint_size);
	else if (key->type == CONFIG_DURATION)
		ok = parse_duration(text, &value, hint, hint_size);
	else
		ok = parse_number(text, &value);
	if (!ok || value < key->min || value > key->max)
		return false;
	*dest = value;
	return true;
}

bool config_value_parse(const struct config_key *key, const char *text, void *dest, char *hint,
			size_t hint_size)
{
	uint64_t bits;

	hint[0] = 0;
	switch ((enum config_type)key->type) {
	case CONFIG_TEXT:
		return parse_text(key, text, dest);
	case CONFIG_NAME:
		return parse_name(text, dest, hint, hint_size);
	case CONFIG_DEVICE:
		return parse_device(text, dest, hint, hint_size);
	case CONFIG_PATH:
	case CONFIG_FILE:
		return parse_path(text, dest, hint, hint_size);
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		return parse_ranged(key, text, dest, hint, hint_size);
	case CONFIG_WORD:
		return parse_word(key->words, text, dest);
	case CONFIG_WORDS:
		if (!parse_word(key->words, text, &bits))
			return false;
		*(uint64_t *)dest |= bits;
		return true;
	case CONFIG_CPUS:
		return config_parse_cpus(text, dest, hint, hint_size);
	case CONFIG_UDP_PORTS:
		return config_parse_udp_ports(text, dest, hint, hint_size);
	case CONFIG_CIDRS:
		return config_parse_cidr(text, dest, hint, hint_size);
	case CONFIG_GROUPS:
		return config_parse_group(text, dest, hint, hint_size);
	case CONFIG_ARGS:
		return parse_arg(text, dest);
	case CONFIG_LISTEN:
		return config_parse_listen(text, dest, hint, hint_size);
	case CONFIG_HOST:
		return config_parse_host(text, dest, hint, hint_size);
	case CONFIG_MAP:
	case CONFIG_MAPS:
		break;
	}
	return false;
}
