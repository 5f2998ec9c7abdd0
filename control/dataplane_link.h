/*
 * Control's end of <run_dir>/dataplane.sock: connects, asks, matches replies by id, gives up on a
 * reply that is late, and connects again when told to. One thread, driven by the loop.
 *
 * A request that times out closes the link: what the dataplane did about it is then unknown, and
 * the next HELLO and GET_PLAN tell the truth.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dataplane/api/control_msg.h"
#include "loop.h"

struct dataplane_link;

struct dataplane_link_events {
	/* The dataplane said HELLO. pid as the kernel tells it; generation 0: it has no plan yet.
	 */
	void (*hello)(void *ctx, pid_t pid, uint64_t generation);
	/* A link is gone that had said HELLO, or whose other end went before it could. */
	void (*closed)(void *ctx, const char *why);
};

/* status: 0, the dataplane's -errno, -ETIMEDOUT, or -ECONNRESET when the link closed first. text is
 * what the dataplane said, or what went wrong. fd: the descriptor that came along, or -1; the
 * callee closes it. */
typedef void (*dataplane_link_reply)(void *ctx, int status, const char *text, int fd);

int dataplane_link_create(struct dataplane_link **out, struct loop *loop, const char *run_dir,
			  const struct dataplane_link_events *events, void *ctx);
/* Replies still waited for get -ECONNRESET. */
void dataplane_link_destroy(struct dataplane_link *link);

/* One try now. 0: connected, HELLO is awaited; else -errno (-ENOENT, -ECONNREFUSED: nobody there).
 */
int dataplane_link_connect(struct dataplane_link *link);

/* Tries now and again, with 20 ms between tries at first and at most max_ms, until there is a
 * HELLO; also after the link breaks. max_ms 0: no more. */
void dataplane_link_keep_trying(struct dataplane_link *link, unsigned max_ms);

/* HELLO was said, requests may go out. */
bool dataplane_link_ready(const struct dataplane_link *link);

/* Connected, but HELLO has not come yet. */
bool dataplane_link_expects_hello(const struct dataplane_link *link);

/* Sends a request; fn gets called exactly once, later, if this returns 0. fd (or -1) stays the
 * caller's. -ENOTCONN, -EBUSY (too many under way), or what sendmsg says. */
int dataplane_link_ask(struct dataplane_link *link, enum control_msg_type type,
		       const uint64_t arg[4], int fd, unsigned timeout_ms, dataplane_link_reply fn,
		       void *ctx);

/* Closes without a word; the closed event is not raised. */
void dataplane_link_close(struct dataplane_link *link);
