/*
 * weir-gateway as a child of control, beside the dataplane: started when the dataplane works, again
 * when it dies, anew when its part of the config changes, ended after the dataplane. It outlives
 * control as the dataplane does; the next control finds it by run_dir's lock. (Under systemd it is
 * a unit of its own, and none of this is used.) The loop's thread.
 */
#pragma once

#include "config.h"
#include "loop.h"
#include "metrics.h"

struct gateway_child;

/* figures counts starts and deaths and must outlive it. 0, or -errno with the reason in err. */
int gateway_child_create(struct gateway_child **out, struct loop *loop, const char *run_dir,
			 struct metrics_control *figures, char *err, size_t err_size);
/* Leaves a running gateway alone. NULL is nothing. */
void gateway_child_destroy(struct gateway_child *g);

/* Makes what runs fit the config: starts it, ends it, or ends it and starts it anew. */
void gateway_child_follow(struct gateway_child *g, const struct config *config);

/* Ends it, by SIGKILL after a while, and starts none any more. True: ended(ctx) will be called;
 * else none runs. */
bool gateway_child_stop(struct gateway_child *g, void (*ended)(void *ctx), void *ctx);
