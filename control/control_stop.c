/* The clean stop: ask, wait, insist. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "dataplane/api/state.h"
#include "log_text.h"

enum {
	STOP_TIMEOUT_MS = 60000, /* for the dataplane to drain and sync */
	INSIST_MS = 10000,	 /* after SIGTERM */
};

static void all_ended(void *ctx)
{
	struct control *c = ctx;

	if (c->stop_client)
		control_socket_answer(c->stop_client, c->exit_status,
				      c->exit_status ? "weir-dataplane did not stop cleanly\n"
						     : "stopped: all is durable\n");
	c->stop_client = NULL;
	c->stage = CONTROL_ENDED;
	loop_stop(c->loop);
}

/* The dataplane is gone. Readers had until now. */
static void end(struct control *c)
{
	if (!c->gateway || !gateway_child_stop(c->gateway, all_ended, c))
		all_ended(c);
}

/* How a process that is no child of ours ended stands in the state block. */
static bool block_says_stopped(const struct control *c)
{
	const struct state *state = state_open(c->config->run_dir);
	bool stopped = state && atomic_load_explicit(&state->run_state, memory_order_acquire) ==
					STATE_STOPPED;

	state_close(state);
	return stopped;
}

void control_stop_process_ended(struct control *c, const struct supervise_exit *ended)
{
	bool clean = ended->ours ? ended->clean : block_says_stopped(c);

	loop_timer_stop(c->stop_timer);
	if (!clean) {
		log_error("weir-dataplane (pid %d) did not stop cleanly: %s", (int)ended->pid,
			  ended->text);
		c->exit_status = 1;
	} else {
		log_info("weir-dataplane (pid %d) stopped; all is durable", (int)ended->pid);
	}
	if (c->options.attach) {
		/* The unit is down; wait for it to come again. */
		if (c->stop_client)
			control_socket_answer(c->stop_client, clean ? 0 : 1,
					      clean ? "stopped: all is durable\n"
						    : "weir-dataplane did not stop cleanly\n");
		c->stop_client = NULL;
		c->exit_status = 0;
		c->stage = CONTROL_CONNECTING;
		return;
	}
	end(c);
}

void control_stop_late(void *ctx)
{
	struct control *c = ctx;

	if (!supervise_pid(c->supervise)) {
		log_error("weir-dataplane does not answer");
		c->exit_status = 1;
		end(c);
		return;
	}
	if (c->stop_step++ == 0) {
		log_warning("weir-dataplane does not stop: sending SIGTERM");
		supervise_signal(c->supervise, SIGTERM);
		loop_timer_set(c->stop_timer, INSIST_MS * UINT64_C(1000000), 0);
		return;
	}
	log_error("weir-dataplane does not stop: killing it; what is durable stays");
	supervise_signal(c->supervise, SIGKILL);
}

static void on_stop_reply(void *ctx, int status, const char *text, int fd)
{
	struct control *c = ctx;

	if (fd >= 0)
		close(fd);
	/* Its end tells more; a link that broke without an end gets the signal. */
	if (status != 0 && status != -ECONNRESET && c->stage == CONTROL_STOPPING) {
		log_warning("stop: %s", text[0] ? text : strerror(-status));
		supervise_signal(c->supervise, SIGTERM);
	}
}

void control_stop(struct control *c, struct control_client *client)
{
	if (c->options.attach && !client) {
		end(c);
		return;
	}
	if (c->stage == CONTROL_STOPPING || c->stage == CONTROL_ENDED) {
		if (client)
			control_socket_answer(client, 1, "already stopping\n");
		return;
	}
	c->stop_client = client;
	control_plan_lost(c, "weir is stopping");
	c->stage = CONTROL_STOPPING;
	c->stop_step = 0;
	supervise_no_more_starts(c->supervise);
	if (!supervise_pid(c->supervise) && !dataplane_link_expects_hello(c->link)) {
		if (c->options.attach) {
			control_socket_answer(client, 1, "no dataplane is running\n");
			c->stop_client = NULL;
			c->stage = CONTROL_CONNECTING;
			return;
		}
		end(c);
		return;
	}
	loop_timer_set(c->stop_timer, STOP_TIMEOUT_MS * UINT64_C(1000000), 0);
	control_ask_to_stop(c);
}

void control_ask_to_stop(struct control *c)
{
	/* One that has just been found is asked when it says HELLO. */
	if (!supervise_pid(c->supervise))
		return;
	if (dataplane_link_ask(c->link, CONTROL_STOP, NULL, -1, STOP_TIMEOUT_MS, on_stop_reply, c) <
	    0)
		supervise_signal(c->supervise, SIGTERM);
}
