/*
 * <run_dir>/control.sock: how `weir reload` and `weir stop` talk to the running control. A stream
 * socket, text: the client sends one line ("reload", "reload FILE" or "stop"), gets "ok\n" or
 * "failed N\n" (N: the exit status to end with) followed by lines for people, and then the end of
 * the stream.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "loop.h"

#define CONTROL_SOCKET_NAME "control.sock"
#define CONTROL_LOCK_NAME   "control.lock"

struct control_socket;
struct control_client;

/* A request came; answer it later, once, with control_socket_answer(). */
typedef void (*control_socket_request)(void *ctx, struct control_client *client, const char *line);

/* Makes run_dir (0750) if missing and takes its lock file for as long as we live. Returns the
 * lock's descriptor, or -errno; -EBUSY when another control has it, named with its pid in err. */
int control_socket_lock(const char *run_dir, char *err, size_t err_size);

/* Listens. Only with the lock held: what socket file is there is then stale. */
int control_socket_create(struct control_socket **out, struct loop *loop, const char *run_dir,
			  control_socket_request request, void *ctx, char *err, size_t err_size);
/* Open clients get "failed 1". */
void control_socket_destroy(struct control_socket *socket);

/* exit_status 0: "ok". The client is gone afterwards. */
void control_socket_answer(struct control_client *client, int exit_status, const char *text);

/* The other side: asks the control of run_dir, waits at most timeout_s, copies what it says to
 * stdout, or to stderr if it failed. Returns the exit status. */
int control_socket_ask(const char *run_dir, const char *line, unsigned timeout_s);

/* The pid of the control that serves run_dir, also of one that hangs; 0: none does. Does not wait.
 */
pid_t control_socket_pid(const char *run_dir);
