/*
 * A plan and a state block as tests of status, metrics and HTTP want them: two ports on two lanes,
 * two streams, counters that balance.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/api/state.h"

static inline struct plan *sample_plan(const char *run_dir)
{
	struct plan *p = calloc(1, sizeof(*p));

	p->magic = PLAN_MAGIC;
	p->version = PLAN_VERSION;
	p->size_bytes = sizeof(*p);
	p->generation = 1;
	strcpy(p->run_dir, run_dir);
	strcpy(p->storage_path, "/tmp/weir-sample-data");
	p->ports_count = p->lanes_count = 2;
	p->cores_count = 2;
	p->streams_max = 4;
	p->burst = 64;
	p->sync_ns = 5000000;
	for (unsigned i = 0; i < 2; i++) {
		struct plan_stream *s = &p->streams[i];
		strcpy(s->name, i ? "netflow" : "syslog");
		s->used = s->known = 1;
		s->order = (uint16_t)i;
		s->batch_bytes = 256 << 10;
		s->linger_ns = 2000000;
		s->segment_bytes = 1 << 30;
	}
	p->streams[0].listens = 1;
	p->streams[0].listen[0] = (struct plan_listen){514, 514};
	p->streams[1].listens = 1;
	p->streams[1].listen[0] = (struct plan_listen){2055, 2056};
	return p;
}

static inline uint64_t sample_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void sample_cell(struct state *s, unsigned lane, unsigned port, uint64_t stored,
			       uint64_t truncated, uint64_t unrouted)
{
	struct state_rx *rx = state_rx(s, lane, port);

	state_store(&rx->received, stored + truncated + unrouted);
	state_store(&rx->begun, stored + truncated + unrouted);
	state_store(&rx->received_bytes, 100 * (stored + truncated + unrouted));
	state_store(&rx->ledger[LEDGER_stored_none], stored);
	state_store(&rx->ledger[LEDGER_malformed_truncated], truncated);
	state_store(&rx->ledger[LEDGER_unrouted_none], unrouted);
}

static inline void sample_partition(struct state *s, unsigned lane, unsigned slot, uint64_t stored,
				    uint64_t shed)
{
	struct state_partition *p = state_partition(s, lane, slot);

	state_store(&p->packets_stored, stored);
	state_store(&p->packets_shed, shed);
	state_store(&p->events[EVENT_decoded], stored + shed);
	state_store(&p->events[EVENT_stored], stored);
	state_store(&p->events[EVENT_shed], shed);
	state_store(&p->value_bytes, stored * 50);
	state_store(&p->log_start, 10);
	state_store(&p->durable_end, stored);
	state_store(&p->visible_end, stored);
	state_store(&p->log_end, stored + 5);
	state_store(&p->segments, 2);
	state_store(&p->bytes, 4096);
	atomic_store(&p->leader_epoch, 3);
	atomic_store(&p->open, 1);
}

/* run_dir names the block; the test's process is its dataplane. */
static inline struct state *sample_state(const struct plan *plan)
{
	bool fresh;
	struct state *s = state_create(plan, 2000000000u, &fresh);

	cr_assert_not_null(s);
	cr_assert(fresh);
	for (unsigned port = 0; port < 2; port++) {
		struct state_port *p = state_port(s, port);
		strcpy(p->name, port ? "side" : "uplink");
		strcpy(p->device, port ? "net_null0" : "net_af_packet0,iface=\"eth0\"");
		strcpy(p->driver, port ? "net_null" : "net_af_packet");
		atomic_store(&p->up, 1);
		atomic_store(&p->queues, 2);
		state_store(&p->ipackets, 1000 + port);
		state_store(&p->missed, port ? STATE_UNKNOWN : 17);
	}
	for (unsigned slot = 0; slot < 2; slot++) {
		strcpy(state_stream(s, slot)->name, plan->streams[slot].name);
		atomic_store(&state_stream(s, slot)->used, 1);
	}
	sample_cell(s, 0, 0, 100, 3, 7);
	sample_cell(s, 0, 1, 20, 0, 0);
	sample_cell(s, 1, 0, 40, 1, 0);
	sample_partition(s, 0, 0, 120, 0);
	sample_partition(s, 1, 0, 30, 0);
	sample_partition(s, 1, 1, 10, 2);
	state_store(&state_core(s, 0)->writes, 5);
	state_store(&state_core(s, 0)->sync_ns_total, 1500000000);
	state_store(&state_core(s, 0)->commit_ns[0], 4);
	state_store(&state_core(s, 0)->commit_ns[3], 2);
	state_store(&state_core(s, 0)->commit_ns[15], 1);
	state_store(&state_lane(s, 0)->cycles_busy, 3000000000u);
	state_store(&state_lane(s, 0)->cycles_idle, 1000000000u);
	atomic_store(&s->pid, (uint32_t)getpid());
	state_store(&s->plan_generation, 1);
	state_store(&s->starts, 2);
	state_store(&s->crashes, 1);
	state_store(&s->started_ns, sample_now_ns() - UINT64_C(5000000000));
	state_store(&s->heartbeat_ns, sample_now_ns());
	atomic_store(&s->run_state, STATE_RUNNING);
	return s;
}
