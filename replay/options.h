/* The command line of `weir replay`. */
#pragma once

#include "options_sending.h"

struct options {
	struct sending sending;
	struct replay_trial trial;
	bool json;
};

/* OPTIONS_RUN, or the exit status: help was printed, or what is wrong. */
int options_parse(struct options *o, int argc, char **argv);
