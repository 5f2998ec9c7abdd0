#include "gateway_child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "gateway/report.h"
#include "gateway_arguments.h"
#include "gateway_failure.h"
#include "log_text.h"
#include "supervise.h"

enum { INSIST_MS = 5000 /* after SIGTERM */ };

struct gateway_child {
	struct supervise *supervise;
	struct loop_timer *insist;
	struct metrics_control *figures;
	char run_dir[PLAN_PATH_MAX];
	char said[480]; /* its last line */
	bool on;	/* there is to be one */
	bool asked;	/* to end: for good, or because another one is wanted */
	struct gateway_arguments wanted, running;
	char *list[GATEWAY_ARGUMENTS_MAX + 1]; /* of wanted */
	void (*ended)(void *ctx);	       /* a stop is under way */
	void *ended_ctx;
};

static void on_started(void *ctx, pid_t pid)
{
	struct gateway_child *g = ctx;

	g->running = g->wanted;
	g->said[0] = '\0';
	g->figures->gateway_starts++;
	log_info("started weir-gateway, pid %d", (int)pid);
}

static void on_line(void *ctx, const char *line)
{
	struct gateway_child *g = ctx;

	snprintf(g->said, sizeof(g->said), "%s", log_text_child("gateway", line));
}

/* One that ended by itself has said why in its last line; one that was killed could not. */
static void tell_failure(struct gateway_child *g, const struct supervise_exit *end)
{
	bool by_itself = end->ours && WIFEXITED(end->status);

	if (g->on)
		gateway_failure_write(g->run_dir, by_itself && g->said[0] ? g->said : end->text,
				      loop_real_ns() + end->again_ms * UINT64_C(1000000));
}

static bool on_ended(void *ctx, const struct supervise_exit *end)
{
	struct gateway_child *g = ctx;

	loop_timer_stop(g->insist);
	if (g->ended) {
		log_info("weir-gateway (pid %d) stopped", (int)end->pid);
		g->ended(g->ended_ctx);
		return false;
	}
	if (g->asked) {
		g->asked = false;
		if (g->on)
			supervise_start_again(g->supervise);
		return false;
	}
	g->figures->gateway_deaths++;
	tell_failure(g, end);
	log_error("weir-gateway (pid %d) ended: %s%s", (int)end->pid, end->text,
		  g->on ? "; it is started again" : "");
	return g->on;
}

static void on_insist(void *ctx)
{
	struct gateway_child *g = ctx;

	log_warning("weir-gateway does not stop: killing it");
	supervise_signal(g->supervise, SIGKILL);
}

int gateway_child_create(struct gateway_child **out, struct loop *loop, const char *run_dir,
			 struct metrics_control *figures, char *err, size_t err_size)
{
	char program[512];
	struct gateway_child *g = calloc(1, sizeof(*g));

	if (!g) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	struct supervise_config config = {
		.name = "gateway",
		.program = program,
		.arguments = g->list,
		.run_dir = run_dir,
		.ended = on_ended,
		.started = on_started,
		.line = on_line,
		.ctx = g,
	};
	g->figures = figures;
	snprintf(g->run_dir, sizeof(g->run_dir), "%s", run_dir);
	int rc = supervise_find_program("gateway", program, sizeof(program));
	if (rc < 0) {
		snprintf(err, err_size, "weir-gateway is not installed beside this program");
		free(g);
		return rc;
	}
	g->insist = loop_timer_create(loop, on_insist, g);
	rc = g->insist ? supervise_create(&g->supervise, loop, &config) : -ENOMEM;
	if (rc < 0) {
		snprintf(err, err_size, "run_dir %s: %s", run_dir, strerror(-rc));
		gateway_child_destroy(g);
		return rc;
	}
	*out = g;
	return 0;
}

void gateway_child_destroy(struct gateway_child *g)
{
	if (!g)
		return;
	supervise_destroy(g->supervise);
	loop_timer_destroy(g->insist);
	free(g);
}

/* That of a control before us, or one that somebody started by hand. */
static void find_running(struct gateway_child *g)
{
	pid_t pid = report_owner(g->run_dir);

	if (!pid || supervise_adopt(g->supervise, pid) < 0)
		return;
	/* A look at the arguments of the process that is watched by now, not of its number's next
	 * owner. */
	gateway_arguments_of_process(&g->running, pid);
	log_info("found weir-gateway (pid %d), which is running", (int)pid);
}

static void ask_to_end(struct gateway_child *g)
{
	g->asked = true;
	supervise_signal(g->supervise, SIGTERM);
	loop_timer_set(g->insist, INSIST_MS * UINT64_C(1000000), 0);
}

void gateway_child_follow(struct gateway_child *g, const struct config *config)
{
	if (g->ended)
		return;
	g->on = config->gateway.listen.at.length != 0;
	gateway_failure_clear(g->run_dir);
	gateway_arguments_of(&g->wanted, config);
	gateway_arguments_list(&g->wanted, g->list);
	if (g->on && !supervise_pid(g->supervise))
		find_running(g);
	if (supervise_pid(g->supervise)) {
		if (!g->on || !gateway_arguments_equal(&g->wanted, &g->running))
			ask_to_end(g);
	} else if (g->on) {
		supervise_start_again(g->supervise);
	} else {
		supervise_forget_start(g->supervise);
	}
}

bool gateway_child_stop(struct gateway_child *g, void (*ended)(void *ctx), void *ctx)
{
	supervise_no_more_starts(g->supervise);
	gateway_failure_clear(g->run_dir);
	if (g->ended || !supervise_pid(g->supervise))
		return g->ended != NULL;
	g->ended = ended;
	g->ended_ctx = ctx;
	ask_to_end(g);
	return true;
}
