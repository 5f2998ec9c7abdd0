/*
 * The controlling process as one object: config, plan, link to the dataplane, supervision, sockets.
 * Serves weir-control and `weir run`. One thread.
 *
 *   connect ──▶ HELLO, no plan yet ──▶ send the plan ─────────────────────▶ running ──▶ stopping
 * ──▶ ended ▲  │ └─▶ HELLO, has a plan  ──▶ get it ──▶ send ours if it differs ──▶ │ │  └─ nobody
 * there: start weir-dataplane (not with attach)             │ └──────────────────────── link
 * closed, process ended ◀─────────────────┘
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "control_socket.h"
#include "dataplane/api/plan.h"
#include "dataplane_link.h"
#include "gateway_child.h"
#include "http.h"
#include "loop.h"
#include "metrics.h"
#include "retention.h"
#include "supervise.h"

enum control_stage {
	CONTROL_CONNECTING, /* no dataplane to talk to */
	CONTROL_ATTACHING,  /* it runs already: its plan is asked for */
	CONTROL_PLANNING,   /* the plan is sent, not yet confirmed */
	CONTROL_RUNNING,
	CONTROL_STOPPING,
	CONTROL_ENDED,
};

struct control_options {
	const char *config_path;
	bool attach;	   /* never start or stop dataplane and gateway: systemd does */
	bool fresh_ledger; /* after a clean stop, begin a new state block */
	/* Called when the dataplane works by our plan, after each start. */
	void (*running)(void *ctx);
	void *ctx;
};

struct control {
	struct control_options options;
	struct loop *loop;
	enum control_stage stage;
	int exit_status;
	bool ever_ran;
	int lock; /* descriptor of the lock file, -1: not held */

	struct config *config; /* of the running plan, as far as we know */
	struct plan *first;    /* of the file as it was at our start */
	struct plan *running;  /* the plan that the dataplane has or had; NULL: none yet */

	struct supervise *supervise;
	struct gateway_child *gateway; /* NULL with attach */
	struct dataplane_link *link;
	struct control_socket *socket;
	struct http *http;
	struct retention *retention;
	struct loop_timer *retention_timer;
	struct metrics_control figures;

	/* A plan under way. */
	struct config *next_config;
	struct plan *next;
	char *next_report;	       /* what it changes */
	struct control_client *client; /* who asked; NULL: a signal, or ourselves */

	/* A stop under way. */
	struct control_client *stop_client;
	struct loop_timer *stop_timer;
	unsigned stop_step;
};

/* Reads the config, takes the lock, opens the sockets. On failure prints why and returns the exit
 * status (1, or 2 for a bad config); 0: *out is ready. */
int control_create(struct control **out, const struct control_options *options);
/* Runs until stopped. Returns the exit status. */
int control_run(struct control *control);
void control_destroy(struct control *control);

/* Stops the dataplane cleanly, then the gateway, and then ends control_run(). With attach: ends
 * control_run() only, unless a client asked. */
void control_stop(struct control *control, struct control_client *client);

/* reload.c: reads the config again and applies it; the client (or the log) hears what came of it.
 */
void control_reload(struct control *control, struct control_client *client);
/* At our start: the config and its plan, with what is wrong on stderr. 0, or the exit status. */
int control_first_config(struct control *control);
/* The first plan of a dataplane that has none. */
void control_send_first_plan(struct control *control);
/* Takes over a dataplane that runs already. */
void control_attach(struct control *control);
/* The link broke: whoever waits for a plan hears it. */
void control_plan_lost(struct control *control, const char *why);
/* The dataplane works by control->running. */
void control_now_running(struct control *control);

/* control_stop.c: sends the request for a clean stop, or the signal where no request gets through.
 */
void control_ask_to_stop(struct control *control);
/* The process ended while a stop was under way. */
void control_stop_process_ended(struct control *control, const struct supervise_exit *end);
/* The stop takes too long; a timer's callback. */
void control_stop_late(void *ctx);
