#include "control.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/api/state.h"
#include "log_text.h"
#include "plan_build.h"

enum {
	RETRY_CHILD_MS = 50,	/* our own child opens its socket soon */
	RETRY_ATTACH_MS = 1000, /* systemd starts it when it does */
	/* Often, so that a fast disk finds recycled files: it fills 1 GiB in half a second. */
	RETENTION_MS = 100,
};

static unsigned retry_ms(const struct control *c)
{
	return c->options.attach ? RETRY_ATTACH_MS : RETRY_CHILD_MS;
}

void control_now_running(struct control *c)
{
	const struct plan *plan = c->running;
	unsigned streams = 0;

	for (unsigned i = 0; i < plan->streams_max; i++)
		streams += plan->streams[i].used;
	c->stage = CONTROL_RUNNING;
	c->ever_ran = true;
	log_info("running: plan %llu, %u port%s, %u lane%s, %u stream%s, data in %s",
		 (unsigned long long)plan->generation, plan->ports_count,
		 plan->ports_count == 1 ? "" : "s", plan->lanes_count,
		 plan->lanes_count == 1 ? "" : "s", streams, streams == 1 ? "" : "s",
		 plan->storage_path);
	if (c->gateway)
		gateway_child_follow(c->gateway, c->config);
	if (c->options.running)
		c->options.running(c->options.ctx);
}

static void on_hello(void *ctx, pid_t pid, uint64_t generation)
{
	struct control *c = ctx;
	bool ours = supervise_pid(c->supervise) == pid;

	int rc = supervise_adopt(c->supervise, pid);
	if (rc < 0)
		log_warning("cannot watch weir-dataplane (pid %d): %s", (int)pid, strerror(-rc));
	if (c->stage == CONTROL_STOPPING) {
		control_ask_to_stop(c);
		return;
	}
	if (!ours)
		log_info("attached to weir-dataplane (pid %d), %s", (int)pid,
			 generation ? "which is running" : "which waits for its plan");
	if (generation == 0)
		control_send_first_plan(c);
	else
		control_attach(c);
}

static void on_link_closed(void *ctx, const char *why)
{
	struct control *c = ctx;

	if (c->stage == CONTROL_STOPPING || c->stage == CONTROL_ENDED)
		return;
	if (c->stage == CONTROL_RUNNING)
		log_warning("lost the link to weir-dataplane: %s", why);
	c->stage = CONTROL_CONNECTING;
	control_plan_lost(c, why);
	if (!c->options.attach)
		supervise_make_sure(c->supervise);
}

/* A ledger of its own for this run, unless a crash is still to be booked. */
static void begin_fresh_ledger(const struct control *c)
{
	const struct state *state = state_open(c->config->run_dir);

	if (state && atomic_load_explicit(&state->run_state, memory_order_acquire) == STATE_STOPPED)
		state_unlink(c->config->run_dir);
	state_close(state);
}

static void on_started(void *ctx, pid_t pid)
{
	struct control *c = ctx;

	/* It has no plan yet, so it has not looked at the block either. */
	if (c->options.fresh_ledger && !c->ever_ran)
		begin_fresh_ledger(c);
	log_info("started weir-dataplane, pid %d", (int)pid);
	c->figures.dataplane_starts++;
	dataplane_link_keep_trying(c->link, retry_ms(c));
}

static bool on_ended(void *ctx, const struct supervise_exit *end)
{
	struct control *c = ctx;

	dataplane_link_close(c->link);
	if (c->stage == CONTROL_STOPPING) {
		control_stop_process_ended(c, end);
		if (c->options.attach)
			dataplane_link_keep_trying(c->link, retry_ms(c));
		return false;
	}
	c->stage = CONTROL_CONNECTING;
	control_plan_lost(c, "weir-dataplane ended");
	dataplane_link_keep_trying(c->link, retry_ms(c));
	log_text(end->clean ? LOG_TEXT_WARNING : LOG_TEXT_ERROR,
		 "weir-dataplane (pid %d) ended: %s", (int)end->pid, end->text);
	if (c->options.attach)
		return false;
	if (!c->ever_ran && end->ours) {
		/* It never worked: the reason stands above, and trying again would not change it.
		 */
		c->exit_status = 1;
		c->stage = CONTROL_ENDED;
		loop_stop(c->loop);
		return false;
	}
	c->figures.dataplane_deaths++;
	return true;
}

static void on_line(void *ctx, const char *line)
{
	log_text_child("dataplane", line);
}

/* Whoever names a config file means that one; ours is the only one that a reload reads. */
static void reload_request(struct control *c, struct control_client *client, const char *path)
{
	char ours[PATH_MAX], text[2 * PATH_MAX + 80];

	if (path && realpath(c->options.config_path, ours) && strcmp(path, ours) != 0) {
		snprintf(text, sizeof(text), "Weir runs by %s, not by %s; nothing changed\n", ours,
			 path);
		control_socket_answer(client, 2, text);
		return;
	}
	control_reload(c, client);
}

static void on_request(void *ctx, struct control_client *client, const char *line)
{
	struct control *c = ctx;

	if (strcmp(line, "reload") == 0 || strncmp(line, "reload ", 7) == 0)
		reload_request(c, client, line[6] ? line + 7 : NULL);
	else if (strcmp(line, "stop") == 0)
		control_stop(c, client);
	else
		control_socket_answer(client, 2,
				      "unknown request; \"reload\" and \"stop\" are known\n");
}

static void on_signal(void *ctx, int signal)
{
	struct control *c = ctx;

	if (signal == SIGHUP) {
		control_reload(c, NULL);
		return;
	}
	if (c->stage == CONTROL_STOPPING) {
		log_info("still stopping");
		return;
	}
	log_info("%s: %s", strsignal(signal),
		 c->options.attach ? "ending; the dataplane goes on" : "stopping");
	control_stop(c, NULL);
}

static void on_retention(void *ctx)
{
	struct control *c = ctx;

	if (c->stage == CONTROL_RUNNING && c->running)
		retention_round(c->retention, c->running);
}

static int create_supervise(struct control *c, char *err, size_t err_size)
{
	char program[512];
	struct supervise_config config = {
		.name = "dataplane",
		.run_dir = c->config->run_dir,
		.ended = on_ended,
		.started = on_started,
		.line = on_line,
		.ctx = c,
	};

	if (!c->options.attach) {
		if (supervise_find_program("dataplane", program, sizeof(program)) < 0) {
			snprintf(err, err_size,
				 "weir-dataplane is not installed beside this program");
			return -ENOENT;
		}
		config.program = program;
	}
	int rc = supervise_create(&c->supervise, c->loop, &config);
	if (rc < 0)
		snprintf(err, err_size, "run_dir %s: %s", c->config->run_dir, strerror(-rc));
	return rc;
}

static int create_parts(struct control *c, char *err, size_t err_size)
{
	static const struct dataplane_link_events link_events = {on_hello, on_link_closed};
	const char *run_dir = c->config->run_dir;
	int rc = create_supervise(c, err, err_size);

	if (rc == 0 && !c->options.attach)
		rc = gateway_child_create(&c->gateway, c->loop, run_dir, &c->figures, err,
					  err_size);
	if (rc < 0)
		return rc;
	rc = control_socket_create(&c->socket, c->loop, run_dir, on_request, c, err, err_size);
	if (rc < 0)
		return rc;
	rc = http_create(&c->http, c->loop, &c->config->control.listen,
			 c->config->control.insecure != 0, run_dir, &c->figures, err, err_size);
	if (rc < 0)
		return rc;
	snprintf(err, err_size, "out of memory or descriptors");
	rc = dataplane_link_create(&c->link, c->loop, run_dir, &link_events, c);
	if (rc == 0)
		rc = retention_create(&c->retention, c->link, run_dir);
	c->retention_timer = loop_timer_create(c->loop, on_retention, c);
	c->stop_timer = loop_timer_create(c->loop, control_stop_late, c);
	if (rc < 0 || !c->retention_timer || !c->stop_timer)
		return -ENOMEM;
	loop_timer_set(c->retention_timer, RETENTION_MS * UINT64_C(1000000),
		       RETENTION_MS * UINT64_C(1000000));
	return 0;
}

static int create_loop(struct control *c, char *err, size_t err_size)
{
	sigset_t signals;
	int rc = loop_create(&c->loop);

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (rc == 0)
		rc = loop_signals(c->loop, &signals, on_signal, c);
	if (rc < 0)
		snprintf(err, err_size, "event loop: %s", strerror(-rc));
	return rc;
}

int control_create(struct control **out, const struct control_options *options)
{
	char err[1024] = "";
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return 1;
	c->options = *options;
	c->lock = -1;
	c->figures.start_ns = loop_real_ns();
	int status = control_first_config(c);
	if (status == 0) {
		c->lock = control_socket_lock(c->config->run_dir, err, sizeof(err));
		if (c->lock < 0 || create_loop(c, err, sizeof(err)) < 0 ||
		    create_parts(c, err, sizeof(err)) < 0) {
			log_error("%s", err);
			status = 1;
		}
	}
	if (status != 0) {
		control_destroy(c);
		return status;
	}
	*out = c;
	return 0;
}

int control_run(struct control *c)
{
	char err[640];
	int rc = dataplane_link_connect(c->link);

	if (rc < 0 && !c->options.attach) {
		if (!plan_fits_memory(c->first, err, sizeof(err)) ||
		    supervise_start(c->supervise, err, sizeof(err)) < 0) {
			log_error("%s", err);
			return 1;
		}
	} else if (rc < 0) {
		log_info("waiting for weir-dataplane in %s", c->config->run_dir);
	}
	dataplane_link_keep_trying(c->link, retry_ms(c));
	rc = loop_run(c->loop);
	if (rc < 0) {
		log_error("event loop: %s", strerror(-rc));
		c->exit_status = 1;
	}
	return c->exit_status;
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	http_destroy(c->http);
	dataplane_link_destroy(c->link);
	retention_destroy(c->retention);
	control_socket_destroy(c->socket);
	gateway_child_destroy(c->gateway);
	supervise_destroy(c->supervise);
	loop_timer_destroy(c->retention_timer);
	loop_timer_destroy(c->stop_timer);
	loop_destroy(c->loop);
	free(c->first);
	free(c->running);
	free(c->next);
	free(c->next_report);
	config_free(c->next_config);
	config_free(c->config);
	if (c->lock >= 0)
		close(c->lock);
	free(c);
}
