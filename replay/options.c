#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_address.h"
#include "control/config_value.h"
#include "control/weir.h"

enum { BURST = 32, SPREAD_MAX = (1 << 24) - 2 };

static const char help[] =
	"Usage: weir replay CAPTURE... --to DEVICE [OPTION]...\n\n"
	"Sends captured packets as load. Captures (pcap, pcapng) are merged by time.\n\n"
	"  -t, --to DEVICE            a PCI address, or a virtual device as DPDK writes it:\n"
	"                             net_af_packet0,iface=eth1, "
	"net_memif0,role=client,socket=...\n"
	"When packets leave, one of:\n"
	"      --speed N              captured gaps, N times as fast (default 1.0)\n"
	"      --rate N[k|M|G]pps     so many packets a second\n"
	"      --rate N[k|M|G]bps     so many bits a second, of frames without FCS\n"
	"      --topspeed             as fast as the device takes them\n"
	"How long:\n"
	"      --loop N|forever       go through the captures so often (default 1)\n"
	"      --for TIME             end after this time (10s, 5min); without --loop: loop\n"
	"                             until then\n"
	"What is changed; checksums stay right:\n"
	"      --rewrite-dst IP[:PORT] where packets go; [IPv6]:PORT\n"
	"      --rewrite-mac auto|MAC where frames go; auto: ask by ARP who has the\n"
	"                             address of --rewrite-dst\n"
	"      --spread-sources N     from N senders in turn: 10.0.0.1 and on, or\n"
	"                             fd77:6972::1 and on\n"
	"      --stamp                a number and a time in the payload's last 18 bytes\n"
	"How:\n"
	"      --burst N              packets handed over at once, at most (default 32)\n"
	"      --queues N             sending queues, a core each (default 1)\n"
	"      --cores LIST           processors for them, such as 2,4-5 (default: any)\n"
	"      --memory SIZE          captures larger than that are read from disk while they\n"
	"                             are sent (default: half of what is available)\n"
	"      --json                 print the report as one JSON object\n"
	"  -h, --help                 show this\n\n"
	"Control-C ends with a true report. Exit status: 0 sent, 1 failed, 2 wrong usage.\n";

enum {
	OPT_TO = 't',
	OPT_HELP = 'h',
	OPT_SPEED = 256,
	OPT_RATE,
	OPT_TOPSPEED,
	OPT_LOOP,
	OPT_FOR,
	OPT_DST,
	OPT_MAC,
	OPT_SPREAD,
	OPT_STAMP,
	OPT_BURST,
	OPT_QUEUES,
	OPT_CORES,
	OPT_MEMORY,
	OPT_JSON,
};

static const struct option longs[] = {
	{"to", required_argument, NULL, OPT_TO},
	{"speed", required_argument, NULL, OPT_SPEED},
	{"rate", required_argument, NULL, OPT_RATE},
	{"topspeed", no_argument, NULL, OPT_TOPSPEED},
	{"loop", required_argument, NULL, OPT_LOOP},
	{"for", required_argument, NULL, OPT_FOR},
	{"rewrite-dst", required_argument, NULL, OPT_DST},
	{"rewrite-mac", required_argument, NULL, OPT_MAC},
	{"spread-sources", required_argument, NULL, OPT_SPREAD},
	{"stamp", no_argument, NULL, OPT_STAMP},
	{"burst", required_argument, NULL, OPT_BURST},
	{"queues", required_argument, NULL, OPT_QUEUES},
	{"cores", required_argument, NULL, OPT_CORES},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* What is seen only when all options are known. */
struct seen {
	unsigned paces, loops;
	struct config_cpus cpus;
};

__attribute__((format(printf, 1, 2))) static int wrong(const char *format, ...)
{
	va_list ap;

	fputs("weir replay: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\nTry 'weir replay --help'.\n", stderr);
	return WEIR_USAGE;
}

/* A positive number with an optional fraction, and what is behind it. */
static bool parse_positive(const char *text, double *value, const char **rest)
{
	char *end;

	/* strtod takes hexadecimal, infinities and signs too. */
	size_t digits = strspn(text, "0123456789.");
	if (!digits || (text[digits] | 0x20) == 'x' || (text[digits] | 0x20) == 'e')
		return false;
	*value = strtod(text, &end);
	*rest = end;
	return end == text + digits && *value > 0;
}

bool options_parse_rate(const char *text, struct pace_spec *pace)
{
	const char *unit;

	if (!parse_positive(text, &pace->value, &unit))
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

static bool parse_speed(const char *text, struct pace_spec *pace)
{
	const char *rest;

	pace->kind = PACE_CAPTURED;
	return parse_positive(text, &pace->value, &rest) && *rest == '\0';
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

static bool parse_with(enum config_type type, const char *text, uint64_t min, uint64_t max,
		       uint64_t *value)
{
	const struct config_key key = {.type = type, .min = min, .max = max};
	char hint[160];

	return config_value_parse(&key, text, value, hint, sizeof(hint));
}

static bool parse_cores(const char *text, struct config_cpus *cpus)
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

static int expected(const char *option, const char *found, const char *what)
{
	return wrong("--%s: found '%s', expected %s", option, found, what);
}

/* What packets are made into. */
static int parse_rewrite(struct options *o, int c)
{
	uint64_t number;

	switch (c) {
	case OPT_DST:
		if (!options_parse_destination(optarg, &o->replay.to))
			return expected("rewrite-dst", optarg,
					"an address such as 10.20.0.5, 10.20.0.5:514 or "
					"[fd80::5]:514");
		return OPTIONS_RUN;
	case OPT_MAC:
		o->replay.resolve_mac = strcmp(optarg, "auto") == 0;
		o->replay.to.set_macs = !o->replay.resolve_mac;
		if (o->replay.to.set_macs &&
		    !options_parse_mac(optarg, o->replay.to.destination_mac))
			return expected("rewrite-mac", optarg,
					"auto, or a MAC address such as 02:00:00:00:00:01");
		return OPTIONS_RUN;
	case OPT_SPREAD:
		if (!parse_with(CONFIG_NUMBER, optarg, 1, SPREAD_MAX, &number))
			return expected("spread-sources", optarg,
					"a number of senders from 1 to 16777214");
		o->replay.spread = (uint32_t)number;
		return OPTIONS_RUN;
	default: /* OPT_STAMP */
		o->replay.stamp = true;
		return OPTIONS_RUN;
	}
}

/* When packets leave, and for how long. */
static int parse_time(struct options *o, struct seen *seen, int c)
{
	struct replay_trial *t = &o->trial;

	switch (c) {
	case OPT_SPEED:
		seen->paces++;
		return parse_speed(optarg, &t->pace)
			       ? OPTIONS_RUN
			       : expected("speed", optarg, "a factor above 0 such as 0.5 or 10");
	case OPT_RATE:
		seen->paces++;
		return options_parse_rate(optarg, &t->pace)
			       ? OPTIONS_RUN
			       : expected("rate", optarg, "a rate such as 2Mpps or 10Gbps");
	case OPT_LOOP:
		seen->loops++;
		if (strcmp(optarg, "forever") == 0)
			t->loops = 0;
		else if (!parse_with(CONFIG_NUMBER, optarg, 1, UINT64_C(1) << 40, &t->loops))
			return expected("loop", optarg, "a number from 1, or forever");
		return OPTIONS_RUN;
	case OPT_FOR:
		return parse_with(CONFIG_DURATION, optarg, 1, UINT64_C(365) * 86400 * 1000000000,
				  &t->for_ns)
			       ? OPTIONS_RUN
			       : expected("for", optarg, "a time such as 10s or 5min");
	default: /* OPT_TOPSPEED */
		seen->paces++;
		t->pace.kind = PACE_TOPSPEED;
		return OPTIONS_RUN;
	}
}

static int parse_number(const char *option, uint64_t max, unsigned *value)
{
	char what[64];
	uint64_t number;

	snprintf(what, sizeof(what), "a number from 1 to %llu", (unsigned long long)max);
	if (!parse_with(CONFIG_NUMBER, optarg, 1, max, &number))
		return expected(option, optarg, what);
	*value = (unsigned)number;
	return OPTIONS_RUN;
}

static int parse_one(struct options *o, struct seen *seen, int c)
{
	switch (c) {
	case OPT_TO:
		o->replay.device = optarg;
		return OPTIONS_RUN;
	case OPT_DST:
	case OPT_MAC:
	case OPT_SPREAD:
	case OPT_STAMP:
		return parse_rewrite(o, c);
	case OPT_BURST:
		return parse_number("burst", SEND_BURST_MAX, &o->replay.burst);
	case OPT_QUEUES:
		return parse_number("queues", FEED_QUEUES_MAX, &o->replay.queues);
	case OPT_CORES:
		return parse_cores(optarg, &seen->cpus)
			       ? OPTIONS_RUN
			       : expected("cores", optarg, "processors such as 2 or 2,4-5");
	case OPT_MEMORY:
		return parse_with(CONFIG_SIZE, optarg, 1, UINT64_MAX, &o->replay.memory_bytes)
			       ? OPTIONS_RUN
			       : expected("memory", optarg, "a size such as 4GiB");
	case OPT_JSON:
		o->json = true;
		return OPTIONS_RUN;
	case OPT_HELP:
		fputs(help, stdout);
		return WEIR_OK;
	case '?':
		return wrong("wrong option");
	default:
		return parse_time(o, seen, c);
	}
}

/* What no option can tell alone. */
static int check_together(struct options *o, const struct seen *seen, int argc, char **argv)
{
	struct replay_options *r = &o->replay;

	if (optind == argc)
		return wrong("needs a capture: weir replay CAPTURE... --to DEVICE");
	if (argc - optind > CAPTURES_MAX)
		return wrong("found %d captures, expected %d at most", argc - optind, CAPTURES_MAX);
	if (!r->device)
		return wrong("needs a device to send by: --to DEVICE");
	if (seen->paces > 1)
		return wrong("found more than one of --speed, --rate and --topspeed, expected one");
	if (r->resolve_mac && r->to.version != 4)
		return wrong("--rewrite-mac auto: asks who has the address of --rewrite-dst, which "
			     "must be an IPv4 address; else give the MAC address");
	if (seen->cpus.count && seen->cpus.count != r->queues)
		return wrong("--cores: found %u processors, expected %u: one for each queue",
			     seen->cpus.count, r->queues);
	if (r->spread && r->spread < r->queues)
		return wrong("--spread-sources: found %u, expected at least as many as --queues "
			     "(%u)",
			     r->spread, r->queues);
	for (int i = optind; i < argc; i++)
		o->paths[r->paths_count++] = argv[i];
	r->paths = o->paths;
	if (seen->cpus.count) {
		memcpy(o->cpus, seen->cpus.list, r->queues * sizeof(o->cpus[0]));
		r->cpus = o->cpus;
	}
	if (o->trial.for_ns && !seen->loops)
		o->trial.loops = 0;
	return OPTIONS_RUN;
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct seen seen = {0};
	int c, rc;

	memset(o, 0, sizeof(*o));
	o->replay.queues = 1;
	o->replay.burst = BURST;
	o->trial.loops = 1;
	o->trial.pace = (struct pace_spec){.kind = PACE_CAPTURED, .value = 1};
	while ((c = getopt_long(argc, argv, "t:h", longs, NULL)) != -1) {
		rc = parse_one(o, &seen, c);
		if (rc != OPTIONS_RUN)
			return rc;
	}
	return check_together(o, &seen, argc, argv);
}
