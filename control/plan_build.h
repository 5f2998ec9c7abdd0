/*
 * From a config to a plan: the decisions. What the config leaves to Weir is decided here and in
 * place.c; what a running dataplane cannot change any more is taken over from its plan.
 */
#pragma once

#include "config.h"
#include "place.h"

/*
 * previous: the running plan, for a reload: streams keep their slots, new names take slots that
 * were never used, and what the config leaves to Weir stays as it runs. NULL for the first plan. 0,
 * or -errno with the reason in err: "KEY: what is wrong".
 */
int plan_build(const struct config *config, const struct plan *previous, struct plan *plan,
	       char *err, size_t err_size);

/* The same for who wants to explain it: key names the key that cannot be met (err is then without
 * it). */
int plan_build_explained(const struct config *config, const struct plan *previous,
			 struct plan *plan, struct placement *placement, char *key, size_t key_size,
			 char *err, size_t err_size);

/*
 * What memory the dataplane will hold from start to end, in bytes: what no other process could have
 * meanwhile. Code and libraries are not in it (the kernel can drop them), nor the page cache.
 * tests/e2e/memory.sh holds it against what a dataplane does hold.
 */
struct plan_memory {
	uint64_t mbufs, slabs, rest; /* DPDK's: plan->memory_mib; rest: what is left of it */
	uint64_t rings;		     /* the kernel's, of AF_PACKET sockets */
	uint64_t logs;		     /* of each partition, and what compresses */
	uint64_t program;	     /* heap, stacks, writable data of libraries */
	uint64_t total;
};
struct plan_memory plan_memory(const struct plan *plan);

/* False when the plan's memory cannot come from what this machine has free, and err says so. With
 * hugepages only those count, and EAL says itself what it lacks. */
bool plan_fits_memory(const struct plan *plan, char *err, size_t err_size);
