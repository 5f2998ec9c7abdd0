/* weir status: the state block, as text or JSON; works without control and after a death. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "cmd_ask.h"
#include "loop.h"
#include "rates.h"
#include "status.h"
#include "weir.h"

static void usage(FILE *out)
{
	fputs("Usage: weir status [-c FILE | --run-dir DIR] [--json] [--watch]\n\n"
	      "Shows the ledger, ports, partitions and whether it all balances.\n\n"
	      "  -c, --config FILE  the config file that Weir runs by: its run_dir is used\n"
	      "      --run-dir DIR  where Weir's sockets are (/run/weir)\n"
	      "      --json         one JSON object\n"
	      "      --watch        again each second, until Ctrl-C\n"
	      "  -h, --help         show this\n\n"
	      "Exit status: 0 if the dataplane runs or was stopped cleanly and the ledger "
	      "balances,\n"
	      "1 if not.\n",
	      out);
}

static int explain(const char *run_dir, int rc)
{
	switch (-rc) {
	case ENOENT:
		fprintf(stderr,
			"weir status: no dataplane has run in %s (-c FILE or --run-dir DIR names "
			"another)\n",
			run_dir);
		break;
	case EPROTO:
		fprintf(stderr, "weir status: the state in %s is of another version of Weir\n",
			run_dir);
		break;
	default:
		fprintf(stderr, "weir status: the state in %s cannot be read: %s\n", run_dir,
			strerror(-rc));
	}
	return WEIR_FAILED;
}

static bool all_well(const struct status *status)
{
	return status->balanced && (status->run_state == STATE_STOPPED ||
				    (status->alive && status->run_state != STATE_FAILED));
}

static int show(const char *run_dir, bool as_json, struct rates *rates)
{
	struct status *status;
	char line[240];
	int rc = status_read(run_dir, &status);

	if (rc < 0)
		return explain(run_dir, rc);
	if (as_json) {
		status_print_json(stdout, status, rates != NULL);
	} else {
		if (rates && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		status_print(stdout, status);
		if (rates && rates_line(rates, status, loop_mono_ns(), line, sizeof(line)))
			printf("\n%s\n", line);
	}
	int exit_status = all_well(status) ? WEIR_OK : WEIR_FAILED;
	status_free(status);
	return fflush(stdout) == 0 ? exit_status : WEIR_FAILED;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"run-dir", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},	  {"watch", no_argument, NULL, 'w'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0}};
	const char *run_dir = NULL, *config_path = NULL;
	bool as_json = false, watch = false;
	struct rates rates = {0};
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
		case 'j':
			as_json = true;
			break;
		case 'w':
			watch = true;
			break;
		case 'h':
			usage(stdout);
			return WEIR_OK;
		default:
			return weir_usage_error("status", "wrong usage");
		}
	}
	if (optind < argc)
		return weir_usage_error("status", "unexpected argument '%s'", argv[optind]);
	int rc = cmd_run_dir("status", run_dir, config_path, dir, sizeof(dir));
	if (rc != WEIR_OK)
		return rc;
	rc = show(dir, as_json, watch ? &rates : NULL);
	while (watch && !ferror(stdout)) {
		sleep(1);
		rc = show(dir, as_json, &rates);
	}
	return rc;
}
