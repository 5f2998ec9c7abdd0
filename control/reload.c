/* Plans on their way to the dataplane: the first, the one of a reload, the one found there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_filter.h"
#include "control.h"
#include "gateway_arguments.h"
#include "log_text.h"
#include "plan_build.h"
#include "plan_diff.h"
#include "plan_file.h"
#include "plan_slots.h"

enum {
	FIRST_PLAN_TIMEOUT_MS = 180000, /* memory, ports, recovery */
	RELOAD_TIMEOUT_MS = 30000,
	GET_PLAN_TIMEOUT_MS = 5000,
};

static void forget_next(struct control *c)
{
	config_free(c->next_config);
	free(c->next);
	free(c->next_report);
	c->next_config = NULL;
	c->next = NULL;
	c->next_report = NULL;
}

/* Tells whoever asked, and the log. */
static void report(struct control *c, struct control_client *client, int exit_status,
		   const char *text)
{
	if (exit_status == 0)
		log_text_lines(LOG_TEXT_INFO, "reload: ", text);
	else
		log_text_lines(LOG_TEXT_ERROR, "reload: ", text);
	if (exit_status == 0)
		c->figures.reloads++;
	else
		c->figures.reloads_failed++;
	if (client)
		control_socket_answer(client, exit_status, text);
}

/* What the report says, one line each, and why no plan came of it. The caller frees it. */
static char *findings_text(struct config_report *findings, const char *why)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	config_report_print(findings, out);
	if (why[0])
		fprintf(out, "%s\n", why);
	fputs("nothing changed\n", out);
	fclose(out);
	return text;
}

/* Reads the config file and makes the plan that follows the running one, into c->next_config and
 * c->next. false: everything wrong with the file stands in *errors, if there was memory. */
static bool make_next(struct control *c, char **errors)
{
	struct config_report findings;
	char err[1024] = "";

	*errors = NULL;
	config_report_init(&findings, c->options.config_path);
	c->next = calloc(1, sizeof(*c->next));
	c->next_config = c->next ? config_load(c->options.config_path, &findings) : NULL;
	bool good = c->next_config != NULL;
	if (good && (plan_build(c->next_config, c->running, c->next, err, sizeof(err)) < 0 ||
		     plan_check(c->next, sizeof(*c->next), err, sizeof(err)) < 0))
		good = false;
	if (good)
		config_filter_try(c->next_config, c->next, &findings);
	if (!good || findings.errors) {
		*errors = findings_text(&findings, err);
		forget_next(c);
		good = false;
	}
	config_report_free(&findings);
	return good;
}

int control_first_config(struct control *c)
{
	struct config_report findings;

	c->first = calloc(1, sizeof(*c->first));
	if (!c->first)
		return 1;
	config_report_init(&findings, c->options.config_path);
	c->config = plan_file_check(c->options.config_path, &findings, c->first, NULL);
	if (findings.count)
		config_report_print(&findings, stderr);
	config_report_free(&findings);
	return c->config ? 0 : 2;
}

/* What a reload changes, one line each. next NULL: the plan stays. */
static char *changes_text(const struct control *c, const struct plan *next)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (next)
		plan_diff(c->running, next, out);
	if (gateway_arguments_diff(c->config, c->next_config, out) && c->options.attach)
		fputs("gateway: 'systemctl restart weir-gateway' makes it so\n", out);
	fclose(out);
	return text;
}

/* The config that was read is the one in force: also what never reaches the plan (gateway, text of
 * a filter). */
static void accept_config(struct control *c)
{
	if (!c->next_config)
		return;
	config_free(c->config);
	c->config = c->next_config;
	c->next_config = NULL;
	if (c->gateway)
		gateway_child_follow(c->gateway, c->config);
}

static void accept_next(struct control *c)
{
	free(c->running);
	c->running = c->next;
	c->next = NULL;
	accept_config(c);
}

void control_plan_lost(struct control *c, const char *why)
{
	struct control_client *client = c->client;
	char text[1200];

	if (!c->next)
		return;
	c->client = NULL;
	snprintf(text, sizeof(text), "failed: %s\n", why);
	forget_next(c);
	if (client || c->ever_ran)
		report(c, client, 1, text);
}

/* The first plan of a process was refused. */
static void first_refused(struct control *c, int status, const char *text)
{
	log_error("weir-dataplane cannot start: %s", text[0] ? text : strerror(-status));
	forget_next(c);
	c->stage = CONTROL_CONNECTING;
	if (c->ever_ran || c->options.attach)
		return; /* it ends now, and is started again */
	c->exit_status = 1;
	supervise_no_more_starts(c->supervise);
}

static void on_first_plan(void *ctx, int status, const char *text, int fd)
{
	struct control *c = ctx;

	if (fd >= 0)
		close(fd);
	if (c->stage == CONTROL_STOPPING || !c->next)
		return;
	if (status == -ECONNRESET)
		return; /* the end of the process says why */
	if (status != 0) {
		first_refused(c, status, text);
		return;
	}
	accept_next(c);
	forget_next(c);
	control_now_running(c);
}

static int send_plan(struct control *c, unsigned timeout_ms, dataplane_link_reply reply)
{
	int fd = plan_to_memfd(c->next);

	if (fd < 0)
		return fd;
	int rc = dataplane_link_ask(c->link, CONTROL_PLAN, NULL, fd, timeout_ms, reply, c);
	close(fd);
	return rc;
}

static void take_slots_of_block(struct control *c)
{
	const struct state *state = state_open(c->next->run_dir);

	if (state && plan_slots_follow(c->next, state) < 0) {
		log_warning(
			"the streams of before and those of %s do not fit in max_streams together: "
			"the ledger begins anew",
			c->options.config_path);
		state_unlink(c->next->run_dir);
	}
	state_close(state);
}

void control_send_first_plan(struct control *c)
{
	const struct plan *plan = c->running ? c->running : c->first;

	/* A restarted dataplane gets the plan that ran, whatever the file says by now. */
	forget_next(c);
	c->next = malloc(sizeof(*c->next));
	if (c->next)
		memcpy(c->next, plan, sizeof(*c->next));
	if (c->next && !c->running)
		take_slots_of_block(c);
	c->stage = CONTROL_PLANNING;
	int rc = c->next ? send_plan(c, FIRST_PLAN_TIMEOUT_MS, on_first_plan) : -ENOMEM;
	if (rc < 0) {
		log_error("cannot hand the plan to the dataplane: %s", strerror(-rc));
		c->exit_status = 1;
		control_stop(c, NULL);
	}
}

static void on_reload(void *ctx, int status, const char *text, int fd)
{
	struct control *c = ctx;
	struct control_client *client = c->client;

	if (fd >= 0)
		close(fd);
	if (!c->next)
		return;
	c->client = NULL;
	char *changes = c->next_report;
	c->next_report = NULL;
	if (status == 0) {
		accept_next(c);
		report(c, client, 0, changes ? changes : "");
	} else {
		char why[1200];
		snprintf(why, sizeof(why), "refused by the dataplane, nothing changed: %s\n",
			 text[0] ? text : strerror(-status));
		if (status == -ETIMEDOUT || status == -ECONNRESET)
			snprintf(why, sizeof(why), "failed: %s\n", text);
		report(c, client, 1, why);
	}
	free(changes);
	forget_next(c);
	if (c->stage == CONTROL_PLANNING)
		control_now_running(c);
}

/* Control's own keys that only a restart changes; what never reaches the plan. Adds to err. */
static int same_control(const struct config *running, const struct config *next, char *err,
			size_t err_size)
{
	size_t n = strlen(err);

	if (strcmp(running->control.listen.text, next->control.listen.text) == 0)
		return 0;
	snprintf(err + n, err_size - n, "%scontrol.listen: running %s, new %s", n ? "; " : "",
		 running->control.listen.text, next->control.listen.text);
	return -EBUSY;
}

/* Sends c->next if it may follow and asks for something else. 1: sent; 0: nothing to do; -errno
 * with the reason in err. */
static int follow(struct control *c, char *err, size_t err_size)
{
	int rc = plan_may_follow(c->running, c->next, err, err_size);

	int rc_control = same_control(c->config, c->next_config, err, err_size);
	if (rc < 0 || rc_control < 0)
		return rc < 0 ? rc : rc_control;
	if (plan_diff(c->running, c->next, NULL) == 0)
		return 0;
	c->next_report = changes_text(c, c->next);
	rc = send_plan(c, RELOAD_TIMEOUT_MS, on_reload);
	if (rc < 0)
		snprintf(err, err_size, "cannot send the plan: %s", strerror(-rc));
	return rc < 0 ? rc : 1;
}

void control_reload(struct control *c, struct control_client *client)
{
	char err[1024], text[1200];

	if (c->stage != CONTROL_RUNNING || c->next) {
		report(c, client, 1,
		       c->next ? "another plan is under way; try again\n"
			       : "the dataplane is not running; nothing changed\n");
		return;
	}
	char *errors;
	if (!make_next(c, &errors)) {
		report(c, client, 2, errors ? errors : "out of memory; nothing changed\n");
		free(errors);
		return;
	}
	int rc = follow(c, err, sizeof(err));
	if (rc == 1) {
		c->client = client;
		return;
	}
	if (rc == 0) {
		char *changes = changes_text(c, NULL);

		accept_config(c);
		forget_next(c);
		report(c, client, 0, changes && changes[0] ? changes : "nothing to change\n");
		free(changes);
		return;
	}
	if (rc == -EBUSY)
		snprintf(text, sizeof(text), "needs a restart, nothing changed: %s\n", err);
	else
		snprintf(text, sizeof(text), "nothing changed: %s\n", err);
	forget_next(c);
	report(c, client, 1, text);
}

/* The running dataplane's plan is known: bring it to what our config says. */
static void adopt_plan(struct control *c, const struct plan *found)
{
	char err[1024], *errors;
	struct plan *copy = malloc(sizeof(*copy));

	if (!copy)
		return;
	memcpy(copy, found, sizeof(*copy));
	free(c->running);
	c->running = copy;
	c->stage = CONTROL_PLANNING;
	if (make_next(c, &errors)) {
		int rc = follow(c, err, sizeof(err));
		if (rc == 1)
			return;
		if (rc < 0)
			log_warning("%s asks for something else than what runs%s: %s; the old plan "
				    "stays",
				    c->options.config_path,
				    rc == -EBUSY ? ", and that needs a restart" : "", err);
	} else {
		log_text_lines(LOG_TEXT_ERROR, "attach: ", errors ? errors : "out of memory");
		free(errors);
	}
	forget_next(c);
	control_now_running(c);
}

static void on_found_plan(void *ctx, int status, const char *text, int fd)
{
	struct control *c = ctx;
	char err[512] = "no plan came";

	if (status == -ECONNRESET || c->stage == CONTROL_STOPPING) {
		if (fd >= 0)
			close(fd);
		return;
	}
	const struct plan *found = status == 0 && fd >= 0 ? plan_map(fd, err, sizeof(err)) : NULL;
	if (fd >= 0)
		close(fd);
	if (!found) {
		log_error("cannot take over the running dataplane: %s",
			  status != 0 && text[0] ? text : err);
		/* It goes on as it is; try again with a new link. */
		dataplane_link_close(c->link);
		c->stage = CONTROL_CONNECTING;
		dataplane_link_keep_trying(c->link, 1000);
		return;
	}
	adopt_plan(c, found);
	plan_unmap(found);
}

void control_attach(struct control *c)
{
	c->stage = CONTROL_ATTACHING;
	forget_next(c);
	int rc = dataplane_link_ask(c->link, CONTROL_GET_PLAN, NULL, -1, GET_PLAN_TIMEOUT_MS,
				    on_found_plan, c);
	if (rc < 0)
		log_error("cannot ask the dataplane for its plan: %s", strerror(-rc));
}
