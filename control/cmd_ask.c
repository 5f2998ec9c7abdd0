#include "cmd_ask.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "control_socket.h"
#include "weir.h"

#define DEFAULT_RUN_DIR "/run/weir"

enum { FLAGS_MAX = 4 };

static int find_run_dir(const char *command, const char *run_dir, struct cmd_target *target)
{
	struct config_report findings;
	char absolute[PATH_MAX];

	if (run_dir && target->config_path)
		return weir_usage_error(command, "-c and --run-dir exclude each other");
	if (!target->config_path) {
		/* The state block is named by the absolute path. */
		if (run_dir && realpath(run_dir, absolute))
			run_dir = absolute;
		int len = snprintf(target->run_dir, sizeof(target->run_dir), "%s",
				   run_dir ? run_dir : DEFAULT_RUN_DIR);
		return len < PLAN_PATH_MAX ? WEIR_OK
					   : weir_usage_error(command, "--run-dir is too long");
	}
	config_report_init(&findings, target->config_path);
	struct config *config = config_load(target->config_path, &findings);
	if (config)
		snprintf(target->run_dir, sizeof(target->run_dir), "%s", config->run_dir);
	else
		config_report_print(&findings, stderr);
	config_report_free(&findings);
	config_free(config);
	return config ? WEIR_OK : WEIR_USAGE;
}

static void print_help(const struct cmd_usage *usage)
{
	printf("Usage: weir %s [-c FILE | --run-dir DIR]", usage->name);
	for (unsigned i = 0; i < usage->flags_count; i++)
		printf(" [--%s]", usage->flags[i].name);
	printf("\n\n%s\n"
	       "  -c, --config FILE  the config file that Weir runs by: its run_dir is used\n"
	       "      --run-dir DIR  where Weir's sockets are (%s)\n",
	       usage->about, DEFAULT_RUN_DIR);
	for (unsigned i = 0; i < usage->flags_count; i++)
		printf("      --%-11s  %s\n", usage->flags[i].name, usage->flags[i].help);
	printf("  -h, --help         show this\n%s%s", usage->exits ? "\n" : "",
	       usage->exits ? usage->exits : "");
}

bool cmd_target(const struct cmd_usage *usage, int argc, char **argv, struct cmd_target *target,
		int *exit_status)
{
	struct option options[3 + FLAGS_MAX + 1] = {{"config", required_argument, NULL, 'c'},
						    {"run-dir", required_argument, NULL, 'r'},
						    {"help", no_argument, NULL, 'h'}};
	const char *run_dir = NULL;
	int o;

	for (unsigned i = 0; i < usage->flags_count && i < FLAGS_MAX; i++)
		options[3 + i] =
			(struct option){usage->flags[i].name, no_argument, usage->flags[i].set, 1};
	target->config_path = NULL;
	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 0: /* a flag, and it is set */
			break;
		case 'c':
			target->config_path = optarg;
			break;
		case 'r':
			run_dir = optarg;
			break;
		case 'h':
			print_help(usage);
			*exit_status = WEIR_OK;
			return false;
		default:
			*exit_status = weir_option_error(usage->name);
			return false;
		}
	}
	if (optind < argc)
		*exit_status =
			weir_usage_error(usage->name, "unexpected argument '%s'", argv[optind]);
	else
		*exit_status = find_run_dir(usage->name, run_dir, target);
	return *exit_status == WEIR_OK;
}

int cmd_ask(int argc, char **argv, const char *name, unsigned timeout_s, const char *about)
{
	const struct cmd_usage usage = {.name = name, .about = about};
	struct cmd_target target;
	char line[PATH_MAX + 16], file[PATH_MAX];
	int exit_status;

	if (!cmd_target(&usage, argc, argv, &target, &exit_status))
		return exit_status;
	snprintf(line, sizeof(line), "%s", name);
	if (strcmp(name, "reload") == 0 && target.config_path && realpath(target.config_path, file))
		snprintf(line, sizeof(line), "%s %s", name, file);
	return control_socket_ask(target.run_dir, line, timeout_s);
}
