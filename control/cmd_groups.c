/* weir groups: consumer groups, their members and how far behind they are. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cmd_ask.h"
#include "status.h"
#include "weir.h"

static void usage(FILE *out)
{
	fputs("Usage: weir groups [-c FILE | --run-dir DIR] [--json]\n\n"
	      "Shows the consumer groups that the gateway knows: what they have committed of each\n"
	      "partition, how far that is behind the visible end, and their members.\n\n"
	      "  -c, --config FILE  the config file that Weir runs by: its run_dir is used\n"
	      "      --run-dir DIR  where Weir's sockets are (/run/weir)\n"
	      "      --json         one JSON object\n"
	      "  -h, --help         show this\n\n"
	      "Exit status: 0 if the gateway runs, 1 if not (then what it last said is shown).\n",
	      out);
}

static int explain(const char *run_dir, int rc)
{
	if (rc == -ENOENT)
		fprintf(stderr,
			"weir groups: no gateway has run in %s (-c FILE or --run-dir DIR names "
			"another)\n",
			run_dir);
	else
		fprintf(stderr, "weir groups: the gateway's report in %s cannot be read: %s\n",
			run_dir,
			rc == -EPROTO	 ? "it is of another version of Weir"
			: rc == -EBADMSG ? "it is damaged"
					 : strerror(-rc));
	return WEIR_FAILED;
}

static bool print_json(const struct status *status, const struct report_view *gateway)
{
	json_t *o = json_object();

	json_object_set_new(o, "alive", json_boolean(gateway->alive));
	json_object_set_new(o, "groups", status_groups_json(status, gateway));
	int rc = o ? json_dumpf(o, stdout, JSON_INDENT(2)) : -1;
	json_decref(o);
	return rc == 0 && fputc('\n', stdout) != EOF;
}

static int show(const char *run_dir, bool as_json)
{
	struct report_view *gateway;
	struct status *status;
	bool good = true;
	int rc = report_read(run_dir, &gateway);

	if (rc < 0)
		return explain(run_dir, rc);
	/* Without a dataplane the ends are those that the gateway saw. */
	if (status_read(run_dir, &status) < 0)
		status = NULL;
	if (as_json)
		good = print_json(status, gateway);
	else
		status_groups_print(stdout, status, gateway);
	if (!gateway->alive)
		fputs("weir groups: the gateway does not run\n", stderr);
	good = good && gateway->alive;
	status_free(status);
	report_free(gateway);
	return good ? WEIR_OK : WEIR_FAILED;
}

int cmd_groups(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"run-dir", required_argument, NULL, 'r'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	const char *run_dir = NULL, *config_path = NULL;
	bool as_json = false;
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
		case 'h':
			usage(stdout);
			return WEIR_OK;
		default:
			return weir_usage_error("groups", "wrong usage");
		}
	}
	if (optind < argc)
		return weir_usage_error("groups", "unexpected argument '%s'", argv[optind]);
	int rc = cmd_run_dir("groups", run_dir, config_path, dir, sizeof(dir));
	return rc == WEIR_OK ? show(dir, as_json) : rc;
}
