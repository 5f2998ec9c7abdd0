/* weir run: control in the foreground, a live line of rates, the ledger at the end. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_value.h"
#include "control.h"
#include "log_text.h"
#include "rates.h"
#include "status.h"
#include "weir.h"

enum {
	LOOK_MS = 50,  /* how often idleness is looked for */
	LIVE_MS = 500, /* how often the live line changes */
};

struct run {
	struct control_options options;
	struct control *control;
	uint64_t for_ns, idle_ns; /* 0: not asked for */
	bool json, live;
	struct loop_timer *end, *look, *show;
	uint64_t received; /* at the last look ... */
	uint64_t since_ns; /* ... and unchanged since then (monotonic) */
	bool looking;
	struct rates rates;
};

static void usage(FILE *out)
{
	fputs("Usage: weir run -c FILE [--for TIME] [--until-idle TIME] [--json]\n\n"
	      "Runs Weir in the foreground by a config file, until Ctrl-C or SIGTERM.\n\n"
	      "  -c, --config FILE     the config file\n"
	      "      --for TIME        stop after this long (10s, 5min, ...)\n"
	      "      --until-idle TIME stop when no packet came for this long (500ms, ...)\n"
	      "      --json            print the final status as one JSON object on stdout\n"
	      "  -h, --help            show this\n\n"
	      "At the end the ledger is printed. Exit status: 0 if it balances, 1 if it does not "
	      "or\n"
	      "the dataplane failed, 2 on wrong usage or a bad config.\n",
	      out);
}

/* Sum of the received packets; false: nothing runs at the moment. */
static bool packets_received(const struct run *run, uint64_t *received)
{
	const struct state *state = state_open(run->control->config->run_dir);
	bool running =
		state && run->control->stage == CONTROL_RUNNING &&
		atomic_load_explicit(&state->run_state, memory_order_acquire) == STATE_RUNNING;

	*received = 0;
	for (unsigned lane = 0; running && lane < state->lanes; lane++)
		for (unsigned port = 0; port < state->ports; port++)
			*received += state_load(&state_rx(state, lane, port)->received);
	state_close(state);
	return running;
}

static void on_look(void *ctx)
{
	struct run *run = ctx;
	uint64_t received, now = loop_mono_ns();

	if (!packets_received(run, &received)) {
		run->looking = false;
		return;
	}
	if (!run->looking || received != run->received) {
		run->looking = true;
		run->received = received;
		run->since_ns = now;
	}
	if (now - run->since_ns < run->idle_ns)
		return;
	loop_timer_stop(run->look);
	log_info("no packet for %.1f s: stopping", (double)(now - run->since_ns) / 1e9);
	control_stop(run->control, NULL);
}

static void on_end(void *ctx)
{
	struct run *run = ctx;

	log_info("the time is up: stopping");
	control_stop(run->control, NULL);
}

static void on_show(void *ctx)
{
	struct run *run = ctx;
	struct status *status;
	char line[240];

	if (status_read(run->control->config->run_dir, &status) < 0)
		return;
	if (rates_line(&run->rates, status, loop_mono_ns(), line, sizeof(line)))
		log_text_live(line);
	status_free(status);
}

static void on_running(void *ctx)
{
	struct run *run = ctx;

	run->looking = false;
	if (run->for_ns)
		loop_timer_set(run->end, run->for_ns, 0);
	run->for_ns = 0; /* counted from the first start only */
}

/* -1: go on, else an exit code. */
static int parse_time(const char *option, const char *text, uint64_t *ns)
{
	const struct config_key any_time = {
		.type = CONFIG_DURATION, .min = 1, .max = UINT64_C(365) * 86400 * 1000000000};
	char hint[160];

	if (config_value_parse(&any_time, text, ns, hint, sizeof(hint)))
		return -1;
	return weir_usage_error("run", "--%s: found '%s', expected a time like 500ms or 10s",
				option, text);
}

/* -1: go on, else an exit code. */
static int parse_options(struct run *run, int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"for", required_argument, NULL, 'f'},
						{"until-idle", required_argument, NULL, 'u'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int o, rc = -1;

	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			run->options.config_path = optarg;
			break;
		case 'f':
			rc = parse_time("for", optarg, &run->for_ns);
			break;
		case 'u':
			rc = parse_time("until-idle", optarg, &run->idle_ns);
			break;
		case 'j':
			run->json = true;
			break;
		case 'h':
			usage(stdout);
			return WEIR_OK;
		default:
			return weir_option_error("run");
		}
		if (rc >= 0)
			return rc;
	}
	if (optind < argc)
		return weir_usage_error("run", "unexpected argument '%s'", argv[optind]);
	if (!run->options.config_path)
		return weir_usage_error("run", "a config file is needed: -c FILE");
	return -1;
}

/* The ledger as it stands now that all has ended. Returns the exit status. */
static int conclude(const struct run *run, const char *run_dir, int exit_status)
{
	struct status *status;
	int rc = status_read(run_dir, &status);

	if (rc < 0) {
		if (exit_status == WEIR_OK)
			log_error("no state to read in %s: %s", run_dir, strerror(-rc));
		return WEIR_FAILED;
	}
	if (run->json) {
		if (!status_print_json(stdout, status, false))
			exit_status = WEIR_FAILED;
	} else {
		status_print(stdout, status);
	}
	if (fflush(stdout) != 0) {
		log_error("stdout: %s", strerror(errno));
		exit_status = WEIR_FAILED;
	}
	if (!status->balanced || status->run_state == STATE_FAILED)
		exit_status = WEIR_FAILED;
	status_free(status);
	return exit_status;
}

static int start_timers(struct run *run)
{
	struct loop *loop = run->control->loop;

	run->end = loop_timer_create(loop, on_end, run);
	run->look = loop_timer_create(loop, on_look, run);
	run->show = loop_timer_create(loop, on_show, run);
	if (!run->end || !run->look || !run->show)
		return WEIR_FAILED;
	if (run->idle_ns)
		loop_timer_set(run->look, LOOK_MS * UINT64_C(1000000), LOOK_MS * UINT64_C(1000000));
	if (run->live)
		loop_timer_set(run->show, LIVE_MS * UINT64_C(1000000), LIVE_MS * UINT64_C(1000000));
	return WEIR_OK;
}

int cmd_run(int argc, char **argv)
{
	struct run run = {.options = {.fresh_ledger = true, .running = on_running}};
	char run_dir[PLAN_PATH_MAX];
	int rc = parse_options(&run, argc, argv);

	if (rc >= 0)
		return rc;
	run.options.ctx = &run;
	run.live = isatty(STDERR_FILENO);
	rc = control_create(&run.control, &run.options);
	if (rc != 0)
		return rc;
	snprintf(run_dir, sizeof(run_dir), "%s", run.control->config->run_dir);
	rc = start_timers(&run);
	if (rc == WEIR_OK)
		rc = control_run(run.control);
	if (run.live)
		log_text_live(NULL);
	bool ever_ran = run.control->ever_ran;
	loop_timer_destroy(run.end);
	loop_timer_destroy(run.look);
	loop_timer_destroy(run.show);
	control_destroy(run.control);
	/* What never ran has no ledger to show: why not was said. */
	return ever_ran ? conclude(&run, run_dir, rc) : rc;
}
