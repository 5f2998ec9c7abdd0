/*
 * Adaptive idle. A core that found nothing for a while waits: on the sockets of its ports' drivers
 * where they have some, on its log's completions, on its eventfd; else it sleeps, longer and
 * longer.
 */
#include "core_loop.h"

#include <poll.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

enum {
	WAIT_LONGEST_NS = 5 * 1000 * 1000, /* where nothing would wake us */
	WAIT_FIRST_NS = 50 * 1000,
	WAIT_HEARTBEAT_NS = 100 * 1000 * 1000, /* where something would */
	WAIT_FDS = 2 + PLAN_LANES_MAX * PLAN_PORTS_MAX,
};

void core_wake(struct core *core)
{
	uint64_t one = 1;

	/* Full only if nobody reads: then the core is awake anyway. */
	if (write(core->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static unsigned add_fd(struct pollfd *fds, unsigned n, int fd)
{
	if (fd < 0 || n == WAIT_FDS)
		return n;
	fds[n] = (struct pollfd){.fd = fd, .events = POLLIN};
	return n + 1;
}

/* The descriptors of all queues of the core's lanes; *all false when some queue has none. */
static unsigned add_queues(const struct core *core, struct pollfd *fds, unsigned n, bool *all)
{
	const struct topology *t = core->topology;

	for (unsigned i = 0; i < core->rx_count; i++)
		for (unsigned k = 0; k < core->rx[i]->queues_count; k++) {
			const struct lane_queue *q = &core->rx[i]->queues[k];
			const struct port *port = NULL;

			for (unsigned p = 0; p < t->ports_count; p++)
				if (t->ports[p].id == q->port)
					port = &t->ports[p];
			if (port && q->queue < port->fds_count)
				n = add_fd(fds, n, port->fds[q->queue]);
			else
				*all = false;
		}
	return n;
}

static uint64_t next_deadline(const struct core *core)
{
	uint64_t due = core->log ? log_deadline(core->log) : UINT64_MAX;

	for (unsigned i = 0; i < core->rx_count; i++)
		if (core->rx[i]->linger_due_ns < due)
			due = core->rx[i]->linger_due_ns;
	return due;
}

static bool slabs_wait(const struct core *core)
{
	for (unsigned i = 0; i < core->log_count; i++)
		if (!topology_ring_empty(core->log_lanes[i]->filled))
			return true;
	return false;
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* What wakes every core. */
static unsigned add_own(const struct core *core, struct pollfd *fds)
{
	unsigned n = add_fd(fds, 0, core->wake_fd);

	return core->log ? add_fd(fds, n, core->disk->ops->wait_fd(core->disk)) : n;
}

static void sleep_for(struct core *core, struct pollfd *fds, unsigned n, uint64_t longest)
{
	uint64_t due = next_deadline(core), now = monotonic_ns();

	if (due != UINT64_MAX && due < now + longest)
		longest = due > now ? due - now : 0;
	if (longest == 0)
		return;

	/* Tell the lanes before the last look at the rings; they enqueue before they look at us. */
	atomic_store_explicit(&core->sleeping, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (!slabs_wait(core)) {
		struct timespec ts = {.tv_sec = (time_t)(longest / 1000000000),
				      .tv_nsec = (long)(longest % 1000000000)};
		for (unsigned i = 0; i < core->rx_count; i++)
			state_add(&core->rx[i]->state->sleeps, 1);
		/* A reload must not wait for us; nothing of the plan is looked at meanwhile. */
		rte_rcu_qsbr_thread_offline(core->topology->rcu, core->index);
		ppoll(fds, n, &ts, NULL);
		rte_rcu_qsbr_thread_online(core->topology->rcu, core->index);
		uint64_t drop;
		if ((fds[0].revents & POLLIN) && read(core->wake_fd, &drop, sizeof(drop)) < 0)
			fds[0].revents = 0; /* somebody else's wake-up: nothing to take */
	}
	atomic_store_explicit(&core->sleeping, 0, memory_order_relaxed);
}

void core_wait(struct core *core, unsigned idle_rounds)
{
	struct pollfd fds[WAIT_FDS];
	bool woken_by_all = true;
	uint64_t longest = WAIT_HEARTBEAT_NS;
	unsigned n = add_queues(core, fds, add_own(core, fds), &woken_by_all);

	if (!woken_by_all) {
		unsigned doublings = idle_rounds < 7 ? idle_rounds : 7;
		longest = (uint64_t)WAIT_FIRST_NS << doublings;
		if (longest > WAIT_LONGEST_NS)
			longest = WAIT_LONGEST_NS;
	}
	sleep_for(core, fds, n, longest);
}

void core_rest(struct core *core, uint64_t longest_ns)
{
	struct pollfd fds[WAIT_FDS];

	sleep_for(core, fds, add_own(core, fds), longest_ns);
}
