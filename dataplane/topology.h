/*
 * The map: ports, lanes, rings, cores, and which generation of the plan they work by.
 *
 *     port queue i ──▶ lane i on its polling core ══ filled ══▶ log core
 *                             ▲                                    │
 *                             ╚════════════ free ══════════════════╝
 *
 * Rings: one producer, one consumer, deeper than the lane has slabs, so they are never full; when
 * the free ring is empty, the lane sheds. Everything here is made by the main thread before the
 * cores start and taken down after they stopped; in between only `generation` changes.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "api/plan.h"
#include "api/state.h"
#include "log.h"
#include "rx_lane.h"
#include "rx_port.h"

/* A plan as the cores use it. Immutable once published. */
struct generation {
	uint64_t number; /* the plan's: a later generation may lie where a freed one lay */
	const struct plan *plan;
	struct rx_route *route;
};

enum topology_phase {
	PHASE_RUN,
	PHASE_DRAIN, /* clean stop: take what the queues hold, close the batches, sync, trim */
	PHASE_ABORT, /* leave at once */
};

struct core {
	uint16_t index;
	uint16_t lcore; /* EAL's number for the thread */
	uint16_t rx_count, log_count;
	struct topology *topology;
	struct lane *rx[PLAN_LANES_MAX];	/* lanes it polls */
	struct lane *log_lanes[PLAN_LANES_MAX]; /* lanes whose slabs it writes */
	struct log *log;			/* NULL: no log half here */
	struct disk *disk;
	bool sink; /* disk is a disk_sink, not a disk_uring */
	struct state_core *state;
	int wake_fd; /* eventfd: written by polling cores when this core sleeps */
	_Alignas(64) _Atomic uint32_t sleeping; /* 1: about to wait on wake_fd, or waiting */
};

_Static_assert(sizeof(struct core) % 64 == 0, "lines of two cores must not meet");

struct topology {
	_Alignas(64) _Atomic(const struct generation *) generation;
	_Atomic uint32_t phase;	      /* enum topology_phase; written by the main thread */
	_Atomic uint32_t rx_running;  /* cores whose lanes are not drained yet */
	_Atomic uint32_t log_running; /* cores whose log is not closed yet */
	_Alignas(64) struct rte_rcu_qsbr *rcu;
	struct state *state;
	uint16_t ports_count, lanes_count, cores_count;
	struct port ports[PLAN_PORTS_MAX];
	struct lane *lanes[PLAN_LANES_MAX];
	struct core cores[PLAN_CORES_MAX];
	struct slab *slabs[PLAN_LANES_MAX]; /* each lane's descriptors */
	void *slab_memory[PLAN_LANES_MAX];  /* each lane's, in one piece */
	size_t slab_memory_bytes[PLAN_LANES_MAX];
	/* Main thread. */
	uint32_t opened[PLAN_STREAMS_MAX]; /* by slot: a bit for each partition that is open ... */
	char opened_name[PLAN_STREAMS_MAX][PLAN_NAME_MAX]; /* ... of this stream, for good */
	struct plan *fixed; /* a copy of the first plan for whoever needs its fixed part for long */
};

/* Builds all of it for the first plan; EAL is up. The plan must outlive the topology or the next
 * generation. 0 or -errno with the reason in err; what was built is taken down again. */
int topology_create(struct topology **out, const struct plan *plan, struct state *state, char *err,
		    size_t err_size);

/* Starts the cores' threads. */
int topology_start(struct topology *t, char *err, size_t err_size);

/* Makes a checked plan the running one: opens partitions of new streams, publishes, and waits until
 * every lane works by it. The generation before is given back in *old (its plan is the caller's to
 * unmap). */
int topology_reload(struct topology *t, const struct plan *plan, const struct plan **old, char *err,
		    size_t err_size);

/* Asks the owner of a partition to retire segments wholly below log_start, and waits until the new
 * start is published. 0 or -errno. */
int topology_retain(struct topology *t, uint16_t slot, uint16_t partition, uint64_t log_start);

/* Asks for the end and waits for it. drain: everything received ends durable. False: some core did
 * not get there in time. */
bool topology_stop(struct topology *t, bool drain, unsigned timeout_ms);

/* Not NULL: a log core gave up; the text says why. */
const char *topology_failed(const struct topology *t);

/* After topology_stop(). */
void topology_destroy(struct topology *t);

/* Ends the sleep of a core (core_wait.c). */
void core_wake(struct core *core);

/* rte_ring_empty() for a ring that the other side is using: its two loads are no data race. */
static inline bool topology_ring_empty(const struct rte_ring *ring)
{
	return __atomic_load_n(&ring->prod.tail, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(&ring->cons.tail, __ATOMIC_RELAXED);
}

/* For a lane that has just enqueued a slab: wakes its log core if that sleeps. */
static inline void topology_wake_log(struct lane *lane)
{
	struct core *core = lane->log_core;

	/* Enqueue before look; the core stores `sleeping` before it looks at the ring
	 * (core_wait.c). */
	atomic_thread_fence(memory_order_seq_cst);
	if (unlikely(atomic_load_explicit(&core->sleeping, memory_order_relaxed)))
		core_wake(core);
}
