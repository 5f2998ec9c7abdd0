/* The weir command: finds the subcommand in the table and runs it. */
#include "weir.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

static const struct weir_command commands[] = {
	{"run", "run Weir in the foreground by a config file", cmd_run},
	{"check", "read a config file, report every error in it", cmd_check},
	{"plan", "show which core will do what, and the memory it takes", cmd_plan},
	{"status", "show the ledger, ports, partitions", cmd_status},
	{"groups", "show the consumer groups and how far behind they are", cmd_groups},
	{"reload", "apply the changed config to the running Weir", cmd_reload},
	{"stop", "stop Weir cleanly", cmd_stop},
	{"cat", "print the records of a stream", cmd_cat},
	{"replay", "send captured packets as load", cmd_replay},
	{"latency", "show loss, order and latency of stamped packets in the log", cmd_latency},
	{"loadtest", "find the highest rate at which nothing is lost", cmd_loadtest},
	{"verify", "read every byte of a data directory, say what is wrong", cmd_verify},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

int weir_usage_error(const char *command, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "weir%s%s: ", command ? " " : "", command ? command : "");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'weir%s%s --help'.\n", command ? " " : "", command ? command : "");
	return WEIR_USAGE;
}

int weir_option_error(const char *command)
{
	fprintf(stderr, "Try 'weir %s --help'.\n", command);
	return WEIR_USAGE;
}

/* getopt's messages begin with argv[0]: "weir NAME", as ours do. */
static int run_command(const struct weir_command *command, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "weir %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

static void print_help(FILE *out)
{
	fprintf(out, "Usage: weir COMMAND [OPTION]... [ARGUMENT]...\n"
		     "       weir --help | --version\n\n"
		     "Takes event packets off the wire and keeps them as Kafka's own log.\n\n"
		     "Commands:\n");
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n'weir COMMAND --help' tells more of each. Exit status: 0 fine, 1 failed,\n"
		     "2 wrong usage or config.\n");
}

/* What nobody could read was not done. */
static int written(const char *command, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	/* (cat and verify end at once, and have said it.) */
	if (status == WEIR_OK)
		fprintf(stderr, "weir %s: standard output cannot be written\n", command);
	return status == WEIR_OK ? WEIR_FAILED : status;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return WEIR_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return written("help", WEIR_OK);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("weir %s\n", WEIR_VERSION);
		return written("version", WEIR_OK);
	}
	for (unsigned i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return written(commands[i].name,
				       run_command(&commands[i], argc - 1, argv + 1));
	return weir_usage_error(NULL, "unknown command '%s'", argv[1]);
}
