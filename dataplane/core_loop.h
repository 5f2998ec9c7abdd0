/*
 * The one loop that every pinned core runs, whatever its part: polling lanes, writing the log, or
 * both (run to completion).
 */
#pragma once

#include "topology.h"

/* For rte_eal_remote_launch(); arg is a struct core. Returns when the topology's phase says so. */
int core_loop(void *arg);

/* core_wait.c: sleeps until a packet, a slab or a completion may be there, or something is due.
 * Only with PLAN_IDLE_ADAPTIVE. */
void core_wait(struct core *core, unsigned idle_rounds);

/* The same while packets come: for so long at most, and whatever comes at the ports. */
void core_rest(struct core *core, uint64_t longest_ns);
