#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_malloc.h>

#include "core_loop.h"
#include "topology_lane.h"
#include "topology_partitions.h"

static int make_rcu(struct topology *t)
{
	size_t size = rte_rcu_qsbr_get_memsize(PLAN_CORES_MAX);

	t->rcu = rte_zmalloc("rcu", size, RTE_CACHE_LINE_SIZE);
	if (!t->rcu)
		return -ENOMEM;
	return rte_rcu_qsbr_init(t->rcu, PLAN_CORES_MAX) ? -EINVAL : 0;
}

static int open_ports(struct topology *t, const struct plan *plan, char *err, size_t err_size)
{
	uint16_t numa[PLAN_LANES_MAX];

	for (unsigned i = 0; i < plan->lanes_count; i++)
		numa[i] = plan->cores[plan->lanes[i].rx_core].numa;
	for (unsigned i = 0; i < plan->ports_count; i++) {
		int rc = port_open(&t->ports[i], &plan->ports[i], numa, state_port(t->state, i),
				   err, err_size);
		if (rc < 0)
			return rc;
		t->ports_count++;
	}
	return 0;
}

static int make_cores(struct topology *t, const struct plan *plan, char *err, size_t err_size)
{
	for (unsigned i = 0; i < plan->cores_count; i++) {
		struct core *core = &t->cores[i];

		core->index = (uint16_t)i;
		core->lcore = (uint16_t)(i + 1); /* eal.c: 0 is the main thread */
		core->topology = t;
		core->state = state_core(t->state, i);
		core->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (core->wake_fd < 0) {
			snprintf(err, err_size, "eventfd: %s", strerror(errno));
			return -EMFILE;
		}
		t->cores_count++;
	}
	return 0;
}

static int make_lanes(struct topology *t, const struct plan *plan, char *err, size_t err_size)
{
	for (unsigned i = 0; i < plan->lanes_count; i++) {
		int rc = topology_make_lane(t, plan, (uint16_t)i, err, err_size);
		if (rc < 0)
			return rc;
		t->lanes_count++;
	}
	return 0;
}

static const struct generation *make_generation(const struct plan *plan, char *err, size_t err_size)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (!g) {
		snprintf(err, err_size, "no memory for a generation of the plan");
		return NULL;
	}
	g->number = plan->generation;
	g->plan = plan;
	g->route = rx_route_create(plan, err, err_size);
	if (!g->route) {
		free(g);
		return NULL;
	}
	return g;
}

static void free_generation(const struct generation *g)
{
	rx_route_destroy(g->route);
	free((void *)(uintptr_t)g);
}

int topology_create(struct topology **out, const struct plan *plan, struct state *state, char *err,
		    size_t err_size)
{
	struct topology *t = rte_zmalloc("topology", sizeof(*t), RTE_CACHE_LINE_SIZE);
	const struct generation *g;
	int rc;

	*out = NULL;
	if (!t) {
		snprintf(err, err_size, "no memory for the topology");
		return -ENOMEM;
	}
	t->state = state;
	if ((rc = make_rcu(t)) < 0 || (rc = open_ports(t, plan, err, err_size)) < 0 ||
	    (rc = make_cores(t, plan, err, err_size)) < 0 ||
	    (rc = make_lanes(t, plan, err, err_size)) < 0 ||
	    (rc = topology_make_logs(t, plan, err, err_size)) < 0 ||
	    (rc = topology_open_partitions(t, plan, err, err_size)) < 0) {
		topology_destroy(t);
		return rc;
	}
	g = make_generation(plan, err, err_size);
	if (!g) {
		topology_destroy(t);
		return -EINVAL;
	}
	atomic_store(&t->generation, g);
	*out = t;
	return 0;
}

int topology_start(struct topology *t, char *err, size_t err_size)
{
	for (unsigned i = 0; i < t->cores_count; i++) {
		if (t->cores[i].rx_count)
			atomic_fetch_add(&t->rx_running, 1);
		if (t->cores[i].log)
			atomic_fetch_add(&t->log_running, 1);
	}
	for (unsigned i = 0; i < t->cores_count; i++) {
		int rc = rte_eal_remote_launch(core_loop, &t->cores[i], t->cores[i].lcore);
		if (rc < 0) {
			snprintf(err, err_size, "core %u cannot be started: %s", i, strerror(-rc));
			topology_stop(t, false, 1000);
			return rc;
		}
	}
	return 0;
}

int topology_reload(struct topology *t, const struct plan *plan, const struct plan **old, char *err,
		    size_t err_size)
{
	const struct timespec step = {.tv_nsec = 20 * 1000};
	const struct generation *next = make_generation(plan, err, err_size);

	if (!next)
		return -EINVAL;
	/* A lane may append to a new stream as soon as it sees the generation. */
	int rc = topology_open_partitions(t, plan, err, err_size);
	if (rc < 0) {
		free_generation(next);
		return rc;
	}
	const struct generation *last =
		atomic_exchange_explicit(&t->generation, next, memory_order_acq_rel);
	for (unsigned i = 0; i < t->cores_count; i++)
		core_wake(&t->cores[i]);
	/* Each core reports between two rounds; one that waits is offline and takes the new one
	 * first. */
	uint64_t token = rte_rcu_qsbr_start(t->rcu);
	while (rte_rcu_qsbr_check(t->rcu, token, false) != 1)
		nanosleep(&step, NULL);
	*old = last->plan;
	free_generation(last);
	return 0;
}

static bool cores_are_done(const struct topology *t)
{
	for (unsigned i = 0; i < t->cores_count; i++)
		if (rte_eal_get_lcore_state(t->cores[i].lcore) == RUNNING)
			return false;
	return true;
}

bool topology_stop(struct topology *t, bool drain, unsigned timeout_ms)
{
	const struct timespec step = {.tv_nsec = 1000 * 1000};

	atomic_store(&t->phase, drain ? PHASE_DRAIN : PHASE_ABORT);
	for (unsigned ms = 0; !cores_are_done(t) && ms < timeout_ms; ms++) {
		for (unsigned i = 0; i < t->cores_count; i++)
			core_wake(&t->cores[i]);
		nanosleep(&step, NULL);
	}
	bool drained = cores_are_done(t) && topology_failed(t) == NULL;
	if (!cores_are_done(t)) {
		atomic_store(&t->phase, PHASE_ABORT);
		for (unsigned i = 0; i < t->cores_count; i++)
			core_wake(&t->cores[i]);
	}
	for (unsigned i = 0; i < t->cores_count; i++)
		rte_eal_wait_lcore(t->cores[i].lcore);
	return drained;
}

const char *topology_failed(const struct topology *t)
{
	const char *text = NULL;

	for (unsigned i = 0; i < t->cores_count; i++)
		if (t->cores[i].log && log_failed(t->cores[i].log, &text))
			return text;
	return NULL;
}

void topology_destroy(struct topology *t)
{
	const struct generation *g = atomic_load(&t->generation);

	for (unsigned i = 0; i < t->ports_count; i++)
		port_close(&t->ports[i]);
	topology_free_logs(t);
	for (unsigned i = 0; i < PLAN_LANES_MAX; i++)
		topology_free_lane(t, (uint16_t)i);
	for (unsigned i = 0; i < t->cores_count; i++)
		close(t->cores[i].wake_fd);
	if (g)
		free_generation(g);
	rte_free(t->rcu);
	rte_free(t);
}
