/* A plan for tests: one port, one lane on two cores, room for eight streams, none used yet. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/plan.h"

static inline struct plan *plan_new(const char *run_dir, const char *storage_path)
{
	struct plan *p = calloc(1, sizeof(*p));

	p->magic = PLAN_MAGIC;
	p->version = PLAN_VERSION;
	p->size_bytes = sizeof(*p);
	p->generation = 1;
	snprintf(p->run_dir, sizeof(p->run_dir), "%s", run_dir);
	snprintf(p->storage_path, sizeof(p->storage_path), "%s", storage_path);
	p->memory_mib = 64;
	p->ports_count = p->lanes_count = 1;
	p->cores_count = 2;
	p->streams_max = 8;
	p->main_cpu = PLAN_CPU_ANY;
	p->write_depth = 4;
	p->burst = 32;
	p->sync_ns = 5 * 1000 * 1000;
	strcpy(p->ports[0].name, "p0");
	strcpy(p->ports[0].device, "net_ring0,");
	p->ports[0].queues = 1;
	p->ports[0].rx_descriptors = 256;
	p->ports[0].mbufs = 2047;
	p->ports[0].mbuf_room_bytes = 2048;
	p->cores[0].cpu = p->cores[1].cpu = PLAN_CPU_ANY;
	p->lanes[0].log_core = 1;
	p->lanes[0].slabs = 12;
	p->lanes[0].slab_bytes = plan_slab_bytes(64 << 10);
	return p;
}

/* The next free slot, as a stream that takes nothing yet. */
static inline struct plan_stream *plan_add_stream(struct plan *p, const char *name)
{
	unsigned slot = 0;

	while (p->streams[slot].known)
		slot++;
	struct plan_stream *s = &p->streams[slot];
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->used = s->known = 1;
	s->order = (uint16_t)slot;
	s->batch_bytes = 64 << 10;
	s->linger_ns = 2 * 1000 * 1000;
	s->segment_bytes = 1 << 30;
	return s;
}

static inline void plan_listen(struct plan_stream *s, uint16_t first, uint16_t last)
{
	s->listen[s->listens++] = (struct plan_listen){first, last};
}
