/*
 * Prints what stands in a running Weir's state block, again at each line on stdin, as one JSON
 * object a line; ends with stdin: state_rate RUN_DIR
 *
 * Each reading carries the clock at which it was taken, as close as a thread can: the clock before
 * and after, again when they lie far apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_tool.h"
#include "state.h"

enum { TRIES = 8, CLOSE_NS = 3000 };

struct reading {
	uint64_t ns;
	uint64_t received, stored, shed, value_bytes, events;
	uint64_t busy, idle, log_busy, log_idle, polls, slabs_short, batches;
	uint64_t writes, write_bytes, batch_bytes, syncs, sync_ns, write_ns;
	uint64_t rolls, segment_waits, tail_writes, realigned;
	uint64_t commit[16];
	uint64_t durable_end, segments;
};

static void read_lanes(const struct state *s, struct reading *r)
{
	for (unsigned lane = 0; lane < s->lanes; lane++) {
		const struct state_lane *l = state_lane(s, lane);

		r->busy += state_load(&l->cycles_busy);
		r->idle += state_load(&l->cycles_idle);
		r->log_busy += state_load(&l->log_cycles_busy);
		r->log_idle += state_load(&l->log_cycles_idle);
		r->polls += state_load(&l->polls);
		r->slabs_short += state_load(&l->slabs_short);
		r->batches += state_load(&l->batches);
		for (unsigned slot = 0; slot < s->streams_max; slot++) {
			const struct state_partition *p = state_partition(s, lane, slot);

			if (!atomic_load((state_u32 *)(uintptr_t)&p->open))
				continue;
			r->stored += state_load(&p->packets_stored);
			r->shed += state_load(&p->packets_shed);
			r->events += state_load(&p->events[EVENT_stored]);
			r->value_bytes += state_load(&p->value_bytes);
			r->durable_end += state_load(&p->durable_end);
			r->segments += state_load(&p->segments);
		}
	}
}

static void read_cores(const struct state *s, struct reading *r)
{
	for (unsigned core = 0; core < s->cores; core++) {
		const struct state_core *c = state_core(s, core);

		r->writes += state_load(&c->writes);
		r->write_bytes += state_load(&c->write_bytes);
		r->batch_bytes += state_load(&c->batch_bytes);
		r->syncs += state_load(&c->syncs);
		r->sync_ns += state_load(&c->sync_ns_total);
		r->write_ns += state_load(&c->write_ns_total);
		r->rolls += state_load(&c->rolls);
		r->segment_waits += state_load(&c->segment_waits);
		r->tail_writes += state_load(&c->tail_writes);
		r->realigned += state_load(&c->realigned);
		for (unsigned i = 0; i < 16; i++)
			r->commit[i] += state_load(&c->commit_ns[i]);
	}
}

static void take_reading(const struct state *s, struct reading *r)
{
	for (int i = 0; i < TRIES; i++) {
		memset(r, 0, sizeof(*r));
		uint64_t before = now_ns();
		for (unsigned lane = 0; lane < s->lanes; lane++)
			for (unsigned port = 0; port < s->ports; port++)
				r->received += state_load(&state_rx(s, lane, port)->received);
		read_lanes(s, r);
		uint64_t after = now_ns();
		r->ns = before + (after - before) / 2;
		if (after - before < CLOSE_NS)
			break;
	}
	read_cores(s, r);
}

static void print_reading(const struct state *s, const struct reading *r)
{
#define FIELD(name) printf("\"" #name "\":%llu,", (unsigned long long)r->name)
	printf("{");
	FIELD(ns), FIELD(received), FIELD(stored), FIELD(shed), FIELD(value_bytes), FIELD(events);
	FIELD(busy), FIELD(idle), FIELD(log_busy), FIELD(log_idle), FIELD(polls);
	FIELD(slabs_short), FIELD(batches), FIELD(writes), FIELD(write_bytes), FIELD(batch_bytes);
	FIELD(syncs), FIELD(sync_ns), FIELD(write_ns), FIELD(rolls), FIELD(segment_waits);
	FIELD(tail_writes), FIELD(realigned), FIELD(durable_end), FIELD(segments);
#undef FIELD
	printf("\"commit_ns\":[");
	for (unsigned i = 0; i < 16; i++)
		printf("%s%llu", i ? "," : "", (unsigned long long)r->commit[i]);
	printf("],\"tsc_hz\":%llu,\"pid\":%u,\"run_state\":%u}\n", (unsigned long long)s->tsc_hz,
	       atomic_load((state_u32 *)(uintptr_t)&s->pid),
	       atomic_load((state_u32 *)(uintptr_t)&s->run_state));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct state *s = argc == 2 ? state_open(argv[1]) : NULL;
	char line[64];
	struct reading r;

	if (!s) {
		fprintf(stderr,
			argc == 2 ? "state_rate: no state block\n" : "usage: state_rate RUN_DIR\n");
		return argc == 2 ? 1 : 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		take_reading(s, &r);
		print_reading(s, &r);
	}
	state_close(s);
	return 0;
}
