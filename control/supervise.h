/*
 * Starts a program (weir-dataplane, weir-gateway), watches it by pidfd, and starts it again when it
 * dies: 100 ms after the first death, twice as long after each next one, 10 s at most; a minute of
 * health resets that.
 *
 * The child lives in a session of its own, so neither a Ctrl-C nor our death reaches it. Its stdout
 * and stderr go into a FIFO, <run_dir>/<name>.stderr, of which it holds both ends: without us
 * its lines are kept (64 KiB) or dropped, but never a signal and never a wait. A later control
 * reads on.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "loop.h"

struct supervise;

struct supervise_exit {
	pid_t pid;
	bool ours;	   /* a child of ours: status is known */
	int status;	   /* as waitpid() gives it */
	bool clean;	   /* ours, and exit code 0 */
	char text[96];	   /* "exit code 1", "signal 9 (Killed)", "ended" */
	unsigned again_ms; /* after this long it is started again, if it is to be */
};

struct supervise_config {
	const char *name;    /* "dataplane": of the FIFO */
	const char *program; /* its path; NULL: never start anything, only adopt() */
	/* With [0], ended by NULL, as they stand at each start; the caller's. NULL: --run-dir
	 * run_dir */
	char *const *arguments;
	const char *run_dir;
	unsigned backoff_first_ms, backoff_max_ms, healthy_ms; /* 0: 100, 10000, 60000 */
	/* Called after each end of the process. Returns whether to start it again. */
	bool (*ended)(void *ctx, const struct supervise_exit *end);
	void (*started)(void *ctx, pid_t pid);
	/* One line that it wrote, without its newline. */
	void (*line)(void *ctx, const char *line);
	void *ctx;
};

int supervise_create(struct supervise **out, struct loop *loop,
		     const struct supervise_config *config);
/* Leaves a running process alone. */
void supervise_destroy(struct supervise *s);

/* Starts the program now. 0 or -errno with the reason in err. */
int supervise_start(struct supervise *s, char *err, size_t err_size);

/* Starts the program if nothing is watched and no start is due: for one who finds out otherwise
 * that the process is gone that was there. */
void supervise_make_sure(struct supervise *s);

/* Watches a process that somebody else started. 0 or -errno (-ESRCH: it is gone). */
int supervise_adopt(struct supervise *s, pid_t pid);

/* 0: none. */
pid_t supervise_pid(const struct supervise *s);

/* Signals the watched process by its pidfd, so never a stranger. */
int supervise_signal(struct supervise *s, int signal);

/* No start again, neither pending nor after the next end. */
void supervise_no_more_starts(struct supervise *s);

/* Starts the program at once, without a growing wait: its end was asked for. */
void supervise_start_again(struct supervise *s);
/* A start that is due is not. */
void supervise_forget_start(struct supervise *s);

/* Where weir-NAME ("dataplane", "gateway") is: $WEIR_NAME, the build folder's ../NAME/, beside our
 * own executable, or ../libexec/weir/. 0 or -ENOENT. */
int supervise_find_program(const char *name, char *path, size_t size);
