/*
 * A lane's receiving half: one RX queue of each port, the open batches, the free slabs.
 * All of it belongs to the lane's polling core; the two rings are shared with its log core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "api/plan.h"
#include "api/state.h"
#include "clock.h"
#include "rx_batch.h"
#include "rx_headers.h"
#include "rx_packet.h"
#include "rx_route.h"
#include "rx_sender.h"

struct core;

struct lane_queue {
	uint16_t port; /* DPDK's number */
	uint16_t queue;
	struct state_rx *state;
};

struct lane {
	uint16_t index;
	uint16_t queues_count;
	uint16_t slabs_count;
	uint16_t burst;
	uint16_t open_count;
	uint16_t hot_slabs;
	uint16_t reserve_count;
	uint16_t untold_count;
	uint16_t untold_polls;	      /* since untold was last empty */
	const struct rx_route *route; /* of the generation that the lane works by */
	struct state_lane *state;
	struct state_partition *partitions; /* this lane's row, by slot */
	struct rx_senders *senders;
	struct rte_ring *filled; /* slabs to the log core */
	struct rte_ring *free;	 /* slabs back from it */
	struct core *log_core;
	struct clock_now now;	  /* read once an iteration */
	int64_t now_ms;		  /* now.real_ns in Kafka's unit */
	uint64_t linger_due_ns;	  /* of the batch that is due first; UINT64_MAX: none open */
	struct slab **reserve;	  /* free slabs that take no turns, reserve_count of them */
	struct rx_batch *batches; /* by slot */
	uint16_t *open_slots;	  /* slots with an open batch, open_count of them */
	uint8_t *scratch;	  /* LANE_SCRATCH bytes: a payload of many segments in one piece */
	struct lane_queue queues[PLAN_PORTS_MAX];
	uint16_t untold[PLAN_STREAMS_MAX]; /* slots whose events the counters do not all know */
	uint32_t rows[LEDGER_ROWS];	   /* where this burst's packets ended */
	struct rte_mbuf *mbufs[RX_BURST_MAX];
	uint8_t headers[RX_HEADERS_ROOM]; /* of the record at hand */
	struct rx_packet packets[RX_BURST_MAX];
};

enum { LANE_SCRATCH = 65536 };

/* The stream of this slot is about to have events that its counters do not know (rx_batch_tell()).
 */
static __rte_always_inline void lane_note_untold(struct lane *lane, uint16_t slot)
{
	struct rx_batch *b = &lane->batches[slot];

	if (b->untold)
		return;
	b->untold = true;
	lane->untold[lane->untold_count++] = slot;
}

/* One round over the lane's queues. lane->now must be fresh. Returns packets taken plus batches
 * closed; 0: nothing was there. */
unsigned lane_poll(struct lane *lane);
