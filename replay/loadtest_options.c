#include "loadtest_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/weir.h"

enum {
	FRAME_SIZE_MIN = 64,
	FRAME_SIZE_MAX = CAPTURE_FRAME_MAX + LOADTEST_FCS,
	TRIAL_S = 10,
};

_Static_assert(FRAME_SIZE_MAX == 65411, "as the text below has it");

static const uint64_t SECOND = UINT64_C(1000000000);

static const char help[] =
	"Usage: weir loadtest CAPTURE... --to DEVICE --against http://HOST:9600 [OPTION]...\n\n"
	"Looks for the highest rate at which all that is sent is stored by a running Weir, as its\n"
	"own ledger has it (RFC 2544, throughput); then latency at that rate and at half of it,\n"
	"and the longest burst without loss (back-to-back). Says which stage loses first:\n"
	"sender, nic, lane, disk.\n\n" SENDING_HELP_TO
	"      --against URL          Weir's HTTP address (control.listen)\n"
	"The test:\n"
	"      --loss PERCENT         loss that is accepted (default 0)\n"
	"      --trial TIME           how long each trial sends (default 10s)\n"
	"      --frame-sizes LIST     then the same with payloads padded or cut so that frames\n"
	"                             have this size, FCS included, such as those of the RFC:\n"
	"                             64,128,256,512,1024,1280,1518\n"
	"      --data DIR             Weir's data directory, when it is on this machine: stamps\n"
	"                             packets, and reads latency from the log "
	"too\n" SENDING_HELP_REWRITE "How:\n" SENDING_HELP_HOW
	"      --json                 print the report as one JSON object\n"
	"      --plot FILE            draw rate against loss, and latency, as SVG (by gnuplot)\n"
	"  -h, --help                 show this\n\n"
	"Nothing else should send to that Weir meanwhile. Exit status: 0 a rate was found,\n"
	"1 failed or stopped, 2 wrong usage.\n";

enum {
	OPT_HELP = 'h',
	OPT_AGAINST = SENDING_END,
	OPT_LOSS,
	OPT_TRIAL,
	OPT_SIZES,
	OPT_DATA,
	OPT_PLOT,
	OPT_JSON,
};

static const struct option longs[] = {
	SENDING_LONGS,
	{"against", required_argument, NULL, OPT_AGAINST},
	{"loss", required_argument, NULL, OPT_LOSS},
	{"trial", required_argument, NULL, OPT_TRIAL},
	{"frame-sizes", required_argument, NULL, OPT_SIZES},
	{"data", required_argument, NULL, OPT_DATA},
	{"plot", required_argument, NULL, OPT_PLOT},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int expected(const char *option, const char *what)
{
	return options_expected("loadtest", option, optarg, what);
}

/* "0", "0.1", "1%" */
static bool parse_loss(const char *text, double *share)
{
	const char *rest;
	double percent;

	if (!options_parse_number(text, &percent, &rest))
		return false;
	*share = percent / 100;
	return percent < 100 && (*rest == '\0' || strcmp(rest, "%") == 0);
}

static bool parse_sizes(const char *text, struct loadtest_options *o)
{
	const char *at = text;
	char *end;

	for (o->frame_sizes_count = 0; o->frame_sizes_count < LOADTEST_SIZES_MAX; at = end + 1) {
		unsigned long size = strtoul(at, &end, 10);

		if (*at < '0' || *at > '9' || size < FRAME_SIZE_MIN || size > FRAME_SIZE_MAX)
			return false;
		o->frame_sizes[o->frame_sizes_count++] = (uint32_t)size;
		if (*end != ',')
			return *end == '\0';
	}
	return false;
}

static int take(struct loadtest_options *o, int c)
{
	switch (c) {
	case OPT_AGAINST:
		o->against = optarg;
		return OPTIONS_RUN;
	case OPT_LOSS:
		return parse_loss(optarg, &o->loss_max)
			       ? OPTIONS_RUN
			       : expected("loss", "a percentage below 100 such as 0 or 0.1");
	case OPT_TRIAL:
		return options_parse_value(CONFIG_DURATION, optarg, SECOND / 10, 86400 * SECOND,
					   &o->trial_ns)
			       ? OPTIONS_RUN
			       : expected("trial", "a time of at least 100ms such as 10s");
	case OPT_SIZES:
		return parse_sizes(optarg, o)
			       ? OPTIONS_RUN
			       : expected("frame-sizes",
					  "up to 32 sizes from 64 to 65411 such as 64,512,1518");
	case OPT_DATA:
		o->data_dir = optarg;
		return OPTIONS_RUN;
	case OPT_PLOT:
		o->plot = optarg;
		return OPTIONS_RUN;
	case OPT_JSON:
		o->json = true;
		return OPTIONS_RUN;
	case OPT_HELP:
		fputs(help, stdout);
		return WEIR_OK;
	case '?':
		return options_unknown("loadtest");
	default:
		return sending_take(&o->sending, c);
	}
}

int loadtest_options_parse(struct loadtest_options *o, int argc, char **argv)
{
	int c, rc;

	memset(o, 0, sizeof(*o));
	sending_begin(&o->sending, "loadtest");
	o->trial_ns = TRIAL_S * SECOND;
	while ((c = getopt_long(argc, argv, "t:h", longs, NULL)) != -1) {
		rc = take(o, c);
		if (rc != OPTIONS_RUN)
			return rc;
	}
	rc = sending_check(&o->sending, argc, argv);
	if (rc == OPTIONS_RUN && !o->against)
		rc = options_wrong("loadtest", "needs a running Weir: --against http://HOST:9600");
	if (rc != OPTIONS_RUN)
		return rc;
	o->sending.replay.stamp = o->data_dir != NULL;
	for (unsigned i = 0; i < o->frame_sizes_count; i++)
		if (o->frame_sizes[i] - LOADTEST_FCS > o->sending.replay.frame_longest)
			o->sending.replay.frame_longest = o->frame_sizes[i] - LOADTEST_FCS;
	return OPTIONS_RUN;
}
