/* The command line of `weir replay`. */
#pragma once

#include "dataplane/api/plan.h"
#include "replay.h"

struct options {
	struct replay_options replay;
	struct replay_trial trial;
	bool json;
	const char *paths[CAPTURES_MAX];
	uint16_t cpus[FEED_QUEUES_MAX];
};

enum { OPTIONS_RUN = -1 };

/* OPTIONS_RUN, or the exit status: help was printed, or what is wrong. */
int options_parse(struct options *o, int argc, char **argv);

/* "2Mpps", "10Gbps", "500pps": packets or bits a second. */
bool options_parse_rate(const char *text, struct pace_spec *pace);

/* "10.20.0.5", "10.20.0.5:514", "fd80::5", "[fd80::5]:514" */
bool options_parse_destination(const char *text, struct rewrite_to *to);

/* "02:00:00:00:00:01" */
bool options_parse_mac(const char *text, uint8_t *mac);
