#include "verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double REACHED = 0.98;  /* of what was asked for */
static const double BUSY = 0.9;	     /* a core that had no time left */
static const double DISK_BUSY = 0.5; /* writes and syncs in flight, on average */
static const double FULL = 1;	     /* offers in vain for each packet: the device is mostly full */

const char *verdict_stage_name(enum verdict_stage stage)
{
	static const char *const names[STAGES] = {"none", "sender", "nic", "lane", "disk"};

	return names[stage];
}

/* --- what happened ------------------------------------------------------------------------- */

/* A driver may begin to count anew (memif does, with each sender). */
static uint64_t port_since(uint64_t before, uint64_t after)
{
	return after >= before ? after - before : after;
}

static void compare_ledgers(struct verdict *v, const struct appliance_look *a,
			    const struct appliance_look *b)
{
	v->received = b->received - a->received;
	v->stored = b->stored - a->stored;
	v->missed = port_since(a->missed, b->missed);
	v->no_mbuf = port_since(a->no_mbuf, b->no_mbuf);
	v->port_errors = port_since(a->port_errors, b->port_errors);
	v->shed_no_slab = b->shed_no_slab - a->shed_no_slab;
	v->shed_storage = b->shed_storage - a->shed_storage;
	v->truncated = b->truncated - a->truncated;
	v->lost_in_crash = b->lost_in_crash - a->lost_in_crash;
}

static void compare_cores(struct verdict *v, double seconds, const struct appliance_look *a,
			  const struct appliance_look *b)
{
	uint64_t device_ns = b->write_ns - a->write_ns + b->sync_ns - a->sync_ns;
	uint64_t calls = b->writes - a->writes + b->syncs - a->syncs;

	for (unsigned i = 0; i < a->lanes_count && i < b->lanes_count; i++) {
		v->rx_busy = fmax(v->rx_busy, b->lanes[i].rx_busy - a->lanes[i].rx_busy);
		v->log_busy = fmax(v->log_busy, b->lanes[i].log_busy - a->lanes[i].log_busy);
	}
	/* (The log may have been at work after the last packet.) */
	v->rx_busy = seconds > 0 ? fmin(v->rx_busy / seconds, 1) : 0;
	v->log_busy = seconds > 0 ? fmin(v->log_busy / seconds, 1) : 0;
	v->write_ms = calls ? (double)device_ns / (double)calls / 1e6 : 0;
	v->writes_in_flight = seconds > 0 ? (double)device_ns / 1e9 / seconds : 0;
}

static void count_losses(struct verdict *v, const struct appliance_look *a,
			 const struct appliance_look *b)
{
	uint64_t decoded = b->events_decoded - a->events_decoded;
	uint64_t shed = b->events_shed - a->events_shed;

	v->on_the_way = v->sent > v->received ? v->sent - v->received : 0;
	v->extra = v->received > v->sent ? v->received - v->sent : 0;
	v->lost =
		v->on_the_way + v->shed_no_slab + v->shed_storage + v->truncated + v->lost_in_crash;
	v->loss = v->sent ? (double)v->lost / (double)v->sent : 0;
	/* A packet is stored when any of its events is. */
	if (decoded && (double)shed / (double)decoded > v->loss)
		v->loss = (double)shed / (double)decoded;
}

/* --- where and why ------------------------------------------------------------------------- */

/* Nothing was lost, so whoever was slowest held up the others. */
static void blame_slowest(struct verdict *v, const struct verdict_sent *s)
{
	bool full = (double)s->offered_again > FULL * (double)s->taken;

	v->stage = STAGE_SENDER;
	if (full && s->shared_memory) {
		v->stage = STAGE_LANE;
		snprintf(v->why, sizeof(v->why),
			 "the shared memory was full: the polling core read no faster, busy %.0f "
			 "%% of the time%s",
			 v->rx_busy * 100,
			 v->rx_busy < BUSY ? " (it slept, or had no processor for the rest)" : "");
	} else if (s->failed) {
		snprintf(v->why, sizeof(v->why),
			 "%" PRIu64 " packets were dropped on the sender's side", s->failed);
	} else if (s->starved) {
		snprintf(v->why, sizeof(v->why),
			 "the captures were not read fast enough from disk");
	} else if (full) {
		snprintf(v->why, sizeof(v->why), "the sender's device takes no more");
	} else {
		snprintf(v->why, sizeof(v->why), "the sending core was not fast enough");
	}
}

static void blame_nic(struct verdict *v, const struct appliance_look *after)
{
	v->stage = STAGE_NIC;
	int n = snprintf(v->why, sizeof(v->why),
			 "%" PRIu64 " packets reached no lane: %" PRIu64 " missed, %" PRIu64
			 " without a buffer, %" PRIu64 " errors by the port's "
			 "count%s",
			 v->on_the_way, v->missed, v->no_mbuf, v->port_errors,
			 after->missed_unknown ? " (its driver cannot tell all)" : "");
	if (v->rx_busy >= BUSY)
		snprintf(v->why + n, sizeof(v->why) - (size_t)n,
			 "; the polling core was busy %.0f %% of the time", v->rx_busy * 100);
}

/* No free slab: the log had them all. Was its core at work, or the disk, or neither for long? */
static void blame_log(struct verdict *v)
{
	int n = snprintf(v->why, sizeof(v->why),
			 "%" PRIu64 " packets found no free slab: the log core was busy %.0f %% of "
			 "the time, a write or sync took %.2f ms, %.1f in flight",
			 v->shed_no_slab, v->log_busy * 100, v->write_ms, v->writes_in_flight);

	v->stage = v->log_busy < BUSY && v->writes_in_flight >= DISK_BUSY ? STAGE_DISK : STAGE_LANE;
	if (v->log_busy < BUSY && v->stage == STAGE_LANE)
		snprintf(v->why + n, sizeof(v->why) - (size_t)n,
			 ": too few slabs for a moment without a processor, or for a burst");
}

static void blame_other(struct verdict *v)
{
	if (v->lost_in_crash) {
		v->stage = STAGE_LANE;
		snprintf(v->why, sizeof(v->why),
			 "the dataplane died; %" PRIu64 " packets were in flight",
			 v->lost_in_crash);
	} else if (v->truncated) {
		v->stage = STAGE_NIC;
		snprintf(v->why, sizeof(v->why), "%" PRIu64 " packets were cut by the driver",
			 v->truncated);
	} else {
		v->stage = v->log_busy >= BUSY ? STAGE_LANE : STAGE_DISK;
		snprintf(v->why, sizeof(v->why), "of some packets not all events were stored");
	}
}

static void blame(struct verdict *v, const struct verdict_sent *s,
		  const struct appliance_look *after)
{
	uint64_t most = v->on_the_way;

	most = v->shed_no_slab > most ? v->shed_no_slab : most;
	most = v->shed_storage > most ? v->shed_storage : most;
	if (v->loss == 0 && (!v->reached || s->asked <= 0)) {
		blame_slowest(v, s);
	} else if (most == 0) {
		if (v->loss > 0)
			blame_other(v);
	} else if (most == v->on_the_way) {
		blame_nic(v, after);
	} else if (most == v->shed_no_slab) {
		blame_log(v);
	} else {
		v->stage = STAGE_DISK;
		snprintf(v->why, sizeof(v->why),
			 "%" PRIu64 " packets found no room on the disk, or no file",
			 v->shed_storage);
	}
}

void verdict_of(const struct verdict_sent *sent, const struct appliance_look *before,
		const struct appliance_look *after, double loss_max, struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->sent = sent->taken - (sent->failed < sent->taken ? sent->failed : sent->taken);
	v->rate = sent->seconds > 0 ? (double)v->sent / sent->seconds : 0;
	v->reached = v->rate >= sent->asked * REACHED;
	compare_ledgers(v, before, after);
	compare_cores(v, sent->seconds, before, after);
	count_losses(v, before, after);
	v->passed = v->reached && v->loss <= loss_max;
	blame(v, sent, after);
}
