/* The command line of `weir loadtest`. */
#pragma once

#include "options_sending.h"

enum { LOADTEST_SIZES_MAX = 32, LOADTEST_FCS = 4 };

struct loadtest_options {
	struct sending sending;
	const char *against;  /* URL */
	const char *data_dir; /* of that Weir, on this machine; NULL: not given */
	double loss_max;      /* share */
	uint64_t trial_ns;
	uint32_t frame_sizes[LOADTEST_SIZES_MAX]; /* with FCS */
	unsigned frame_sizes_count;
	const char *plot; /* file; NULL: none */
	bool json;
};

/* OPTIONS_RUN, or the exit status: help was printed, or what is wrong. */
int loadtest_options_parse(struct loadtest_options *o, int argc, char **argv);
