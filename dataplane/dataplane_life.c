#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "crash.h"
#include "data_dir.h"
#include "dataplane.h"
#include "eal.h"
#include "telemetry.h"

/* Long enough for a slow device to take all slabs and syncs of a clean stop. */
enum { STOP_TIMEOUT_MS = 60 * 1000 };

static uint64_t real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static void set_run_state(struct dataplane *d, enum state_run run)
{
	atomic_store_explicit(&d->state->run_state, (uint32_t)run, memory_order_release);
}

static int fail(struct dataplane *d, int rc, const char *text)
{
	if (d->state) {
		snprintf(d->state->error, sizeof(d->state->error), "%s", text);
		set_run_state(d, STATE_FAILED);
	}
	return rc;
}

static int take_state(struct dataplane *d, const struct plan *plan, bool *crashed, char *text,
		      size_t size)
{
	bool fresh;

	d->state = state_create(plan, clock_tsc_hz(), &fresh);
	if (!d->state) {
		int rc = errno ? -errno : -EIO;
		snprintf(text, size, "shared state block: %s", strerror(-rc));
		return rc;
	}
	uint32_t before = atomic_load(&d->state->run_state);
	*crashed = crash_happened(d->state, fresh);
	set_run_state(d, STATE_STARTING);
	d->state->error[0] = '\0';
	atomic_store(&d->state->pid, (uint32_t)getpid());
	atomic_store(&d->state->hugepages, plan->hugepages);
	atomic_store(&d->state->direct, 0);
	state_store(&d->state->started_ns, real_ns());
	state_add(&d->state->starts, 1);
	/* One that failed to start had nothing in flight: booked like the others, but no crash. */
	if (*crashed && (before == STATE_RUNNING || before == STATE_DRAINING))
		state_add(&d->state->crashes, 1);
	return 0;
}

int dataplane_start(struct dataplane *d, const struct plan *plan, char *text, size_t size)
{
	bool crashed = false;
	int rc;

	clock_init();
	d->lock_fd = data_dir_lock(plan->storage_path, text, size);
	if (d->lock_fd < 0)
		return d->lock_fd;
	if ((rc = eal_start(plan, text, size)) < 0 ||
	    (rc = take_state(d, plan, &crashed, text, size)) < 0)
		return rc;
	rc = topology_create(&d->topology, plan, d->state, text, size);
	if (rc < 0)
		return fail(d, rc, text);
	if (crashed) {
		uint64_t lost = crash_book(d->state);

		if (lost)
			dataplane_say(
				"the dataplane before this one did not stop cleanly: %llu packets "
				"that it had in flight are booked as lost_in_crash",
				(unsigned long long)lost);
	}
	if (telemetry_register(d->state) < 0)
		dataplane_say("DPDK telemetry is not available");
	rc = topology_start(d->topology, text, size);
	if (rc < 0)
		return fail(d, rc, text);
	d->plan = plan;
	state_store(&d->state->plan_generation, plan->generation);
	state_store(&d->state->heartbeat_ns, real_ns());
	set_run_state(d, STATE_RUNNING);
	snprintf(text, size, "running: %u port(s), %u lane(s), %s, %s", plan->ports_count,
		 plan->lanes_count, plan->hugepages ? "hugepages" : "no hugepages",
		 plan->sink			  ? "sink"
		 : atomic_load(&d->state->direct) ? "O_DIRECT"
						  : "buffered");
	return 0;
}

int dataplane_reload(struct dataplane *d, const struct plan *plan, char *text, size_t size)
{
	const struct plan *old;
	int rc = plan_may_follow(d->plan, plan, text, size);

	if (rc < 0)
		return rc;
	rc = topology_reload(d->topology, plan, &old, text, size);
	if (rc < 0)
		return rc;
	plan_unmap(old);
	d->plan = plan;
	state_store(&d->state->plan_generation, plan->generation);
	snprintf(text, size, "generation %llu is running", (unsigned long long)plan->generation);
	return 0;
}

int dataplane_retain(struct dataplane *d, const uint64_t arg[4], char *text, size_t size)
{
	if (!d->topology || arg[0] >= d->plan->streams_max || arg[1] >= PLAN_LANES_MAX ||
	    !(d->topology->opened[arg[0]] & UINT32_C(1) << arg[1])) {
		snprintf(text, size, "no such partition");
		return -ENOENT;
	}
	return topology_retain(d->topology, (uint16_t)arg[0], (uint16_t)arg[1], arg[2]);
}

int dataplane_stop(struct dataplane *d, char *text, size_t size)
{
	d->done = true;
	if (!d->topology) {
		snprintf(text, size, "nothing was running");
		return 0;
	}
	set_run_state(d, STATE_DRAINING);
	bool drained = topology_stop(d->topology, true, STOP_TIMEOUT_MS);
	for (unsigned i = 0; i < d->topology->ports_count; i++)
		port_refresh(&d->topology->ports[i]);
	state_store(&d->state->heartbeat_ns, real_ns());
	if (!drained) {
		const char *why = topology_failed(d->topology);
		snprintf(text, size, "stopped without a clean end: %s",
			 why ? why : "the log did not become quiet in time");
		d->exit_code = 1;
		return fail(d, -EIO, text);
	}
	set_run_state(d, STATE_STOPPED);
	snprintf(text, size, "stopped; all is durable");
	return 0;
}

void dataplane_tick(struct dataplane *d)
{
	char text[STATE_TEXT_MAX];

	if (!d->topology || !d->plan)
		return;
	clock_discipline();
	for (unsigned i = 0; i < d->topology->ports_count; i++)
		port_refresh(&d->topology->ports[i]);
	state_store(&d->state->heartbeat_ns, real_ns());
	const char *why = topology_failed(d->topology);
	if (!why || d->done)
		return;
	snprintf(text, sizeof(text), "%s", why);
	dataplane_say("storage failed: %s; stopping, recovery at the next start finds what is true",
		      text);
	topology_stop(d->topology, false, 1000);
	state_add(&d->state->crashes, 1);
	fail(d, -EIO, text);
	d->exit_code = 1;
	d->done = true;
}
