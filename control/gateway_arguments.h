/* How weir-gateway is called, by what a config says of it. */
#pragma once

#include <stdio.h>

#include "config.h"

enum { GATEWAY_ARGUMENTS_MAX = 16 };

struct gateway_arguments {
	size_t used; /* of text */
	unsigned count;
	/* One after the other, each with its end: as /proc/PID/cmdline has them. [0] is
	 * "weir-gateway". */
	char text[5 * PLAN_PATH_MAX];
};

void gateway_arguments_of(struct gateway_arguments *out, const struct config *config);
/* Those of a process that runs; used is 0 if they cannot be read. */
void gateway_arguments_of_process(struct gateway_arguments *out, pid_t pid);
/* But for the name of the program. */
bool gateway_arguments_equal(const struct gateway_arguments *a, const struct gateway_arguments *b);
/* For execv(): pointers into a. */
void gateway_arguments_list(struct gateway_arguments *a, char *list[GATEWAY_ARGUMENTS_MAX + 1]);

/* One line for each key that differs, as plan_diff() writes them. Their number. */
unsigned gateway_arguments_diff(const struct config *running, const struct config *next, FILE *out);

/* Becomes weir-gateway as the config file says. Returns only on failure, with the exit status, and
 * if there is to be none: 0. */
int gateway_arguments_run(const char *config_path);
