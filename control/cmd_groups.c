/* weir groups: consumer groups, their members and how far behind they are. */
#include <errno.h>
#include <string.h>

#include "cmd_ask.h"
#include "control_socket.h"
#include "status.h"
#include "weir.h"

static void tell_failure(const struct gateway_failure *failure)
{
	fputs("weir groups: the gateway does not run: ", stderr);
	gateway_failure_print(stderr, failure);
	fputc('\n', stderr);
}

static int explain(const char *run_dir, const struct gateway_failure *failure, int rc)
{
	if (failure->reason[0])
		tell_failure(failure);
	else if (rc == -ENOENT)
		fprintf(stderr,
			"weir groups: no gateway has run in %s (-c FILE or --run-dir DIR names "
			"another; one started by hand with --data needs --run-dir DIR too, to "
			"tell)\n",
			run_dir);
	else
		fprintf(stderr, "weir groups: the gateway's report in %s cannot be read: %s\n",
			run_dir,
			rc == -EPROTO	 ? "it is of another version of Weir"
			: rc == -EBADMSG ? "it is damaged"
					 : strerror(-rc));
	return WEIR_FAILED;
}

static bool print_json(const struct status *status, const struct report_view *gateway,
		       const struct gateway_failure *failure)
{
	json_t *o = json_object();

	json_object_set_new(o, "alive", json_boolean(gateway->alive));
	json_object_set_new(o, "gateway_failure", status_failure_json(failure));
	json_object_set_new(o, "groups", status_groups_json(status, gateway));
	int rc = o ? json_dumpf(o, stdout, JSON_INDENT(2)) : -1;
	json_decref(o);
	return rc == 0 && fputc('\n', stdout) != EOF;
}

static int show(const char *run_dir, bool as_json)
{
	struct report_view *gateway = NULL;
	struct gateway_failure failure;
	struct status *status;
	bool good = true;
	int rc = report_read(run_dir, &gateway);

	status_gateway_failure(run_dir, control_socket_pid(run_dir), gateway, &failure);
	if (rc < 0)
		return explain(run_dir, &failure, rc);
	/* Without a dataplane the ends are those that the gateway saw. */
	if (status_read(run_dir, &status) < 0)
		status = NULL;
	if (as_json)
		good = print_json(status, gateway, &failure);
	else
		status_groups_print(stdout, status, gateway);
	if (failure.reason[0])
		tell_failure(&failure);
	else if (!gateway->alive)
		fputs("weir groups: the gateway does not run\n", stderr);
	good = good && gateway->alive;
	status_free(status);
	report_free(gateway);
	return good ? WEIR_OK : WEIR_FAILED;
}

int cmd_groups(int argc, char **argv)
{
	int as_json = 0, exit_status;
	const struct cmd_flag flags[] = {{"json", "one JSON object", &as_json}};
	const struct cmd_usage usage = {
		.name = "groups",
		.about = "Shows the consumer groups that the gateway knows: what they have "
			 "committed of each\n"
			 "partition, how far that is behind the visible end, and their members.\n",
		.exits = "Exit status: 0 if the gateway runs, 1 if not (then what it last said is "
			 "shown).\n",
		.flags = flags,
		.flags_count = 1};
	struct cmd_target target;

	if (!cmd_target(&usage, argc, argv, &target, &exit_status))
		return exit_status;
	return show(target.run_dir, as_json);
}
