/*
 * The command line: `weir SUBCOMMAND ...`. One row of weir.c's table and one file cmd_*.c each.
 */
#pragma once

#include <stdio.h>

enum weir_exit {
	WEIR_OK = 0,
	WEIR_FAILED = 1,
	WEIR_USAGE = 2, /* wrong usage or a bad config */
};

struct weir_command {
	const char *name;
	const char *help; /* one line */
	/* argv[0] is "weir NAME"; getopt is ready to start at 1. Returns an exit code. */
	int (*run)(int argc, char **argv);
};

int cmd_cat(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_groups(int argc, char **argv);
int cmd_latency(int argc, char **argv);
int cmd_loadtest(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* Prints "weir NAME: text" and where to find help to stderr; returns WEIR_USAGE. */
__attribute__((format(printf, 2, 3))) int weir_usage_error(const char *command, const char *format,
							   ...);
/* The same after getopt, which has said what is wrong with the option. */
int weir_option_error(const char *command);
