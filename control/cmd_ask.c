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

int cmd_run_dir(const char *command, const char *run_dir, const char *config_path, char *out,
		size_t size)
{
	struct config_report findings;
	char absolute[PATH_MAX];

	if (run_dir && config_path)
		return weir_usage_error(command, "-c and --run-dir exclude each other");
	if (!config_path) {
		/* The state block is named by the absolute path. */
		if (run_dir && realpath(run_dir, absolute))
			run_dir = absolute;
		snprintf(out, size, "%s", run_dir ? run_dir : DEFAULT_RUN_DIR);
		return WEIR_OK;
	}
	config_report_init(&findings, config_path);
	struct config *config = config_load(config_path, &findings);
	if (config)
		snprintf(out, size, "%s", config->run_dir);
	else
		config_report_print(&findings, stderr);
	config_report_free(&findings);
	config_free(config);
	return config ? WEIR_OK : WEIR_USAGE;
}

static void usage(FILE *out, const char *name, const char *help)
{
	fprintf(out,
		"Usage: weir %s [-c FILE | --run-dir DIR]\n\n%s\n"
		"  -c, --config FILE  the config file that Weir runs by: its run_dir is used\n"
		"      --run-dir DIR  where Weir's sockets are (%s)\n"
		"  -h, --help         show this\n",
		name, help, DEFAULT_RUN_DIR);
}

int cmd_ask(int argc, char **argv, const char *name, unsigned timeout_s, const char *help)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"run-dir", required_argument, NULL, 'r'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	const char *run_dir = NULL, *config_path = NULL;
	char dir[PLAN_PATH_MAX];
	int o;

	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			config_path = optarg;
			break;
		case 'r':
			run_dir = optarg;
			break;
		case 'h':
			usage(stdout, name, help);
			return WEIR_OK;
		default:
			return weir_usage_error(name, "wrong usage");
		}
	}
	if (optind < argc)
		return weir_usage_error(name, "unexpected argument '%s'", argv[optind]);
	int rc = cmd_run_dir(name, run_dir, config_path, dir, sizeof(dir));
	if (rc != WEIR_OK)
		return rc;
	char line[PATH_MAX + 16], file[PATH_MAX];
	snprintf(line, sizeof(line), "%s", name);
	if (strcmp(name, "reload") == 0 && config_path && realpath(config_path, file))
		snprintf(line, sizeof(line), "%s %s", name, file);
	return control_socket_ask(dir, line, timeout_s);
}
