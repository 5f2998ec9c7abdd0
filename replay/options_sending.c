#include "options_sending.h"

#include <stdio.h>
#include <string.h>

enum { BURST = 32, SPREAD_MAX = (1 << 24) - 2 };

void sending_begin(struct sending *s, const char *command)
{
	memset(s, 0, sizeof(*s));
	s->command = command;
	s->replay.queues = 1;
	s->replay.burst = BURST;
}

static int expected(const struct sending *s, const char *option, const char *what)
{
	return options_expected(s->command, option, optarg, what);
}

static int take_destination(struct sending *s)
{
	if (!options_parse_destination(optarg, &s->replay.to))
		return expected(s, "rewrite-dst",
				"an address such as 10.20.0.5, 10.20.0.5:514 or [fd80::5]:514");
	return OPTIONS_RUN;
}

static int take_mac(struct sending *s)
{
	s->replay.resolve_mac = strcmp(optarg, "auto") == 0;
	s->replay.to.set_macs = !s->replay.resolve_mac;
	if (s->replay.to.set_macs && !options_parse_mac(optarg, s->replay.to.destination_mac))
		return expected(s, "rewrite-mac",
				"auto, or a MAC address such as 02:00:00:00:00:01");
	return OPTIONS_RUN;
}

static int take_number(struct sending *s, const char *option, uint64_t max, unsigned *value)
{
	char what[64];
	uint64_t number;

	snprintf(what, sizeof(what), "a number from 1 to %llu", (unsigned long long)max);
	if (!options_parse_value(CONFIG_NUMBER, optarg, 1, max, &number))
		return expected(s, option, what);
	*value = (unsigned)number;
	return OPTIONS_RUN;
}

int sending_take(struct sending *s, int c)
{
	switch (c) {
	case SENDING_TO:
		s->replay.device = optarg;
		return OPTIONS_RUN;
	case SENDING_DST:
		return take_destination(s);
	case SENDING_MAC:
		return take_mac(s);
	case SENDING_SPREAD:
		return take_number(s, "spread-sources", SPREAD_MAX, &s->replay.spread);
	case SENDING_BURST:
		return take_number(s, "burst", SEND_BURST_MAX, &s->replay.burst);
	case SENDING_QUEUES:
		return take_number(s, "queues", FEED_QUEUES_MAX, &s->replay.queues);
	case SENDING_CORES:
		return options_parse_cores(optarg, &s->cpus_seen)
			       ? OPTIONS_RUN
			       : expected(s, "cores", "processors such as 2 or 2,4-5");
	default: /* SENDING_MEMORY */
		return options_parse_value(CONFIG_SIZE, optarg, 1, UINT64_MAX,
					   &s->replay.memory_bytes)
			       ? OPTIONS_RUN
			       : expected(s, "memory", "a size such as 4GiB");
	}
}

int sending_check(struct sending *s, int argc, char **argv)
{
	struct replay_options *r = &s->replay;
	char there[256];

	if (optind == argc)
		return options_wrong(s->command, "needs a capture: weir %s CAPTURE... --to DEVICE",
				     s->command);
	if (argc - optind > CAPTURES_MAX)
		return options_wrong(s->command, "found %d captures, expected %d at most",
				     argc - optind, CAPTURES_MAX);
	if (!r->device)
		return options_wrong(s->command, "needs a device to send by: --to DEVICE");
	if (r->resolve_mac && r->to.version != 4)
		return options_wrong(s->command,
				     "--rewrite-mac auto: asks who has the address of "
				     "--rewrite-dst, which must be an IPv4 address; else give the "
				     "MAC address");
	if (s->cpus_seen.count && s->cpus_seen.count != r->queues)
		return options_wrong(
			s->command, "--cores: found %u processors, expected %u: one for each queue",
			s->cpus_seen.count, r->queues);
	if (!options_cores_are_there(&s->cpus_seen, there, sizeof(there)))
		return options_wrong(s->command,
				     "--cores: expected processors that this process may use: %s",
				     there);
	if (r->spread && r->spread < r->queues)
		return options_wrong(s->command,
				     "--spread-sources: found %u, expected at least as many as "
				     "--queues (%u)",
				     r->spread, r->queues);
	for (int i = optind; i < argc; i++)
		s->paths[r->paths_count++] = argv[i];
	r->paths = s->paths;
	if (s->cpus_seen.count) {
		memcpy(s->cpus, s->cpus_seen.list, r->queues * sizeof(s->cpus[0]));
		r->cpus = s->cpus;
	}
	return OPTIONS_RUN;
}
