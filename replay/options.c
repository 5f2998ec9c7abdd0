#include "options.h"

#include <stdio.h>
#include <string.h>

#include "control/weir.h"

static const char help[] =
	"Usage: weir replay CAPTURE... --to DEVICE [OPTION]...\n\n"
	"Sends captured packets as load. Captures (pcap, pcapng) are merged by "
	"time.\n\n" SENDING_HELP_TO "When packets leave, one of:\n"
	"      --speed N              captured gaps, N times as fast (default 1.0)\n"
	"      --rate N[k|M|G]pps     so many packets a second\n"
	"      --rate N[k|M|G]bps     so many bits a second, of frames without FCS\n"
	"      --topspeed             as fast as the device takes them\n"
	"How long:\n"
	"      --loop N|forever       go through the captures so often (default 1)\n"
	"      --for TIME             end after this time (10s, 5min); without --loop: loop\n"
	"                             until then\n" SENDING_HELP_REWRITE
	"      --stamp                a number and a time in the payload's last 18 bytes\n"
	"How:\n" SENDING_HELP_HOW
	"      --json                 print the report as one JSON object\n"
	"  -h, --help                 show this\n\n"
	"Control-C ends with a true report. Exit status: 0 sent, 1 failed, 2 wrong usage.\n";

enum {
	OPT_HELP = 'h',
	OPT_SPEED = SENDING_END,
	OPT_RATE,
	OPT_TOPSPEED,
	OPT_LOOP,
	OPT_FOR,
	OPT_STAMP,
	OPT_JSON,
};

static const struct option longs[] = {
	SENDING_LONGS,
	{"speed", required_argument, NULL, OPT_SPEED},
	{"rate", required_argument, NULL, OPT_RATE},
	{"topspeed", no_argument, NULL, OPT_TOPSPEED},
	{"loop", required_argument, NULL, OPT_LOOP},
	{"for", required_argument, NULL, OPT_FOR},
	{"stamp", no_argument, NULL, OPT_STAMP},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* What is seen only when all options are known. */
struct seen {
	unsigned paces, loops;
};

static int expected(const char *option, const char *what)
{
	return options_expected("replay", option, optarg, what);
}

static bool parse_speed(const char *text, struct pace_spec *pace)
{
	const char *rest;

	pace->kind = PACE_CAPTURED;
	return options_parse_positive(text, &pace->value, &rest) && *rest == '\0';
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
			       : expected("speed", "a factor above 0 such as 0.5 or 10");
	case OPT_RATE:
		seen->paces++;
		return options_parse_rate(optarg, &t->pace)
			       ? OPTIONS_RUN
			       : expected("rate", "a rate such as 2Mpps or 10Gbps");
	case OPT_LOOP:
		seen->loops++;
		if (strcmp(optarg, "forever") == 0)
			t->loops = 0;
		else if (!options_parse_value(CONFIG_NUMBER, optarg, 1, UINT64_C(1) << 40,
					      &t->loops))
			return expected("loop", "a number from 1, or forever");
		return OPTIONS_RUN;
	case OPT_FOR:
		return options_parse_value(CONFIG_DURATION, optarg, 1,
					   UINT64_C(365) * 86400 * 1000000000, &t->for_ns)
			       ? OPTIONS_RUN
			       : expected("for", "a time such as 10s or 5min");
	default: /* OPT_TOPSPEED */
		seen->paces++;
		t->pace.kind = PACE_TOPSPEED;
		return OPTIONS_RUN;
	}
}

static int parse_one(struct options *o, struct seen *seen, int c)
{
	switch (c) {
	case OPT_STAMP:
		o->sending.replay.stamp = true;
		return OPTIONS_RUN;
	case OPT_JSON:
		o->json = true;
		return OPTIONS_RUN;
	case OPT_HELP:
		fputs(help, stdout);
		return WEIR_OK;
	case '?':
		return options_unknown("replay");
	default:
		return c < SENDING_END ? sending_take(&o->sending, c) : parse_time(o, seen, c);
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct seen seen = {0};
	int c, rc;

	memset(o, 0, sizeof(*o));
	sending_begin(&o->sending, "replay");
	o->trial.loops = 1;
	o->trial.pace = (struct pace_spec){.kind = PACE_CAPTURED, .value = 1};
	while ((c = getopt_long(argc, argv, "t:h", longs, NULL)) != -1) {
		rc = parse_one(o, &seen, c);
		if (rc != OPTIONS_RUN)
			return rc;
	}
	if (seen.paces > 1)
		return options_wrong("replay", "found more than one of --speed, --rate and "
					       "--topspeed, expected one");
	if (o->trial.for_ns && !seen.loops)
		o->trial.loops = 0;
	return sending_check(&o->sending, argc, argv);
}
