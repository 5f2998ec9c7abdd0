/* weir status: the state block, as text or JSON; works without control and after a death. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd_ask.h"
#include "loop.h"
#include "rates.h"
#include "status.h"
#include "weir.h"

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
	int as_json = 0, watch = 0, exit_status;
	const struct cmd_flag flags[] = {{"json", "one JSON object", &as_json},
					 {"watch", "again each second, until Ctrl-C", &watch}};
	const struct cmd_usage usage = {
		.name = "status",
		.about = "Shows the ledger, ports, partitions and whether it all balances.\n",
		.exits = "Exit status: 0 if the dataplane runs or was stopped cleanly and the "
			 "ledger balances,\n1 if not.\n",
		.flags = flags,
		.flags_count = 2};
	struct rates rates = {0};
	struct cmd_target target;

	if (!cmd_target(&usage, argc, argv, &target, &exit_status))
		return exit_status;
	exit_status = show(target.run_dir, as_json, watch ? &rates : NULL);
	while (watch && !ferror(stdout)) {
		sleep(1);
		exit_status = show(target.run_dir, as_json, &rates);
	}
	return exit_status;
}
