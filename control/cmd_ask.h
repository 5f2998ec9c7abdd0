/*
 * What the commands that talk to the running control or read its state share: which Weir is meant
 * (-c FILE, --run-dir DIR), their help, and how control is asked.
 */
#pragma once

#include <stdbool.h>

#include "dataplane/api/plan.h"

/* An option of a command's own, without a value. */
struct cmd_flag {
	const char *name, *help; /* without the dashes; a few words */
	int *set;		 /* becomes 1 where it is given */
};

/* What a command takes beside -c, --run-dir and --help, and what --help says. */
struct cmd_usage {
	const char *name;
	const char *about; /* whole lines, as the next */
	const char *exits; /* its exit status; NULL: nothing of its own */
	const struct cmd_flag *flags;
	unsigned flags_count;
};

/* Which Weir is meant. */
struct cmd_target {
	const char *config_path;     /* NULL: not given */
	char run_dir[PLAN_PATH_MAX]; /* from --run-dir, else from the config file, else the default
				      */
};

/* Reads the options. False: the command ends with *exit_status, and all is said. */
bool cmd_target(const struct cmd_usage *usage, int argc, char **argv, struct cmd_target *target,
		int *exit_status);

/* The whole of `weir NAME [-c FILE | --run-dir DIR]`: sends NAME, shows the answer. */
int cmd_ask(int argc, char **argv, const char *name, unsigned timeout_s, const char *about);
