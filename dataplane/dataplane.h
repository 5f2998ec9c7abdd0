/*
 * The dataplane's main thread: serves control, keeps the clock and the ports' counters fresh,
 * starts and stops the cores. It never touches a packet.
 */
#pragma once

#include <stdbool.h>

#include "api/control_msg.h"
#include "api/plan.h"
#include "api/state.h"
#include "topology.h"

struct dataplane {
	char run_dir[PLAN_PATH_MAX];
	char socket_path[PLAN_PATH_MAX + 32];
	int epoll_fd, listen_fd, signal_fd, timer_fd;
	int conn_fd;		 /* control's */
	int guest_fd;		 /* of one that connected last and has asked for nothing yet */
	int lock_fd;		 /* of the data directory */
	int plan_fd;		 /* the running plan's memfd, for a new control */
	const struct plan *plan; /* running; NULL: none yet */
	struct state *state;
	struct topology *topology;
	bool done;
	int exit_code;
};

/* dataplane.c */
int dataplane_open(struct dataplane *d, const char *run_dir);
int dataplane_run(struct dataplane *d); /* until stopped; the exit code */
void dataplane_close(struct dataplane *d);

/* dataplane_life.c. Each 0 or -errno with the text of what was done or why not. */
int dataplane_start(struct dataplane *d, const struct plan *plan, char *text, size_t size);
int dataplane_reload(struct dataplane *d, const struct plan *plan, char *text, size_t size);
int dataplane_retain(struct dataplane *d, const uint64_t arg[4], char *text, size_t size);
int dataplane_stop(struct dataplane *d, char *text, size_t size);
void dataplane_tick(struct dataplane *d); /* every 100 ms */

/* control_server.c: somebody connects; one message has come by conn_fd or guest_fd, or that
 * connection ended. */
void control_server_accept(struct dataplane *d);
void control_server_read(struct dataplane *d, int from);
int control_server_listen(struct dataplane *d);

/* A line on stderr, which control passes on or the journal keeps. */
__attribute__((format(printf, 1, 2))) void dataplane_say(const char *format, ...);
