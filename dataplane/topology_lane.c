#include "topology_lane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

/* Lines of two lanes must never meet, and large tables want whole pages. */
static void *lane_alloc(const char *what, size_t size, int numa)
{
	return rte_zmalloc_socket(what, size, size >= 65536 ? SLAB_BLOCK : RTE_CACHE_LINE_SIZE * 2,
				  numa);
}

static struct rte_ring *make_ring(const char *what, uint16_t lane, unsigned slabs, int numa)
{
	char name[RTE_RING_NAMESIZE];
	unsigned size = 2;

	while (size <= slabs) /* one more than the slabs, so that an enqueue cannot fail */
		size *= 2;
	snprintf(name, sizeof(name), "%s-%u", what, lane);
	return rte_ring_create(name, size, numa, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static bool make_slabs(struct topology *t, struct lane *lane, const struct plan_lane *plan,
		       int numa)
{
	size_t bytes = (size_t)plan->slabs * plan->slab_bytes;
	struct slab *slabs = lane_alloc("slabs", plan->slabs * sizeof(struct slab), numa);
	uint8_t *memory = rte_malloc_socket("slab memory", bytes, SLAB_BLOCK, numa);

	t->slabs[lane->index] = slabs;
	t->slab_memory[lane->index] = memory;
	t->slab_memory_bytes[lane->index] = bytes;
	if (!slabs || !memory || !lane->reserve)
		return false;
	memset(memory, 0, bytes); /* first touch now, not under traffic */
	for (unsigned i = 0; i < plan->slabs; i++) {
		slabs[i].base = memory + (size_t)i * plan->slab_bytes;
		slabs[i].size_bytes = plan->slab_bytes;
		slabs[i].lane = lane->index;
		slabs[i].buf_index = UINT16_MAX;
		if (i < lane->hot_slabs)
			rte_ring_sp_enqueue(lane->free, &slabs[i]);
		else
			lane->reserve[lane->reserve_count++] = &slabs[i];
	}
	lane->slabs_count = (uint16_t)plan->slabs;
	return true;
}

static void add_queues(struct topology *t, struct lane *lane)
{
	for (unsigned i = 0; i < t->ports_count; i++) {
		if (lane->index >= t->ports[i].queues)
			continue;
		struct lane_queue *q = &lane->queues[lane->queues_count++];
		q->port = t->ports[i].id;
		q->queue = lane->index;
		q->state = state_rx(t->state, lane->index, i);
	}
}

int topology_make_lane(struct topology *t, const struct plan *plan, uint16_t index, char *err,
		       size_t err_size)
{
	const struct plan_lane *p = &plan->lanes[index];
	int numa = plan->cores[p->rx_core].numa;
	struct lane *lane = lane_alloc("lane", sizeof(*lane), numa);

	t->lanes[index] = lane;
	if (!lane)
		goto no_memory;
	lane->index = index;
	lane->burst = plan->burst;
	lane->linger_due_ns = UINT64_MAX;
	lane->state = state_lane(t->state, index);
	lane->partitions = state_partition(t->state, index, 0);
	lane->log_core = &t->cores[p->log_core];
	lane->filled = make_ring("filled", index, p->slabs, numa);
	lane->free = make_ring("free", index, p->slabs, numa);
	lane->senders = lane_alloc("senders", sizeof(*lane->senders), numa);
	lane->batches = lane_alloc("batches", plan->streams_max * sizeof(*lane->batches), numa);
	lane->open_slots = lane_alloc("open", plan->streams_max * sizeof(*lane->open_slots), numa);
	lane->reserve = lane_alloc("reserve", p->slabs * sizeof(*lane->reserve), numa);
	lane->hot_slabs = (uint16_t)(p->hot_slabs ? p->hot_slabs : p->slabs);
	lane->scratch = lane_alloc("scratch", LANE_SCRATCH, numa);
	if (!lane->filled || !lane->free || !lane->senders || !lane->batches || !lane->open_slots ||
	    !lane->scratch || !make_slabs(t, lane, p, numa))
		goto no_memory;
	add_queues(t, lane);

	struct core *rx = &t->cores[p->rx_core], *log = &t->cores[p->log_core];
	rx->rx[rx->rx_count++] = lane;
	log->log_lanes[log->log_count++] = lane;
	return 0;
no_memory:
	snprintf(err, err_size,
		 "no memory for lane %u: %u slabs of %u bytes; the plan reserves %u MiB in all",
		 index, p->slabs, p->slab_bytes, plan->memory_mib);
	return -ENOMEM;
}

void topology_free_lane(struct topology *t, uint16_t index)
{
	struct lane *lane = t->lanes[index];

	if (!lane)
		return;
	rte_ring_free(lane->filled);
	rte_ring_free(lane->free);
	rte_free(lane->senders);
	rte_free(lane->batches);
	rte_free(lane->open_slots);
	rte_free(lane->reserve);
	rte_free(lane->scratch);
	rte_free(t->slabs[index]);
	rte_free(t->slab_memory[index]);
	rte_free(lane);
	t->lanes[index] = NULL;
}
