/* One queue's sender: takes frames from the feed as they become due and gives them to the device.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "feed.h"
#include "histogram.h"
#include "pace.h"

enum { SEND_BURST_MAX = 512 };

/* Why a sender stopped. */
enum send_end {
	SEND_RUNNING,
	SEND_DONE,    /* the captures were gone through as often as asked */
	SEND_TIME_UP, /* the time asked for is over */
	SEND_STOPPED, /* by *stop */
	SEND_STALLED, /* the device took nothing for SEND_STALL_S */
};

enum { SEND_STALL_S = 5 };

struct send_options {
	uint16_t port, queue, queues, burst;
	bool paced; /* frames have a time; else as fast as the device takes them */
	bool stamp;
	uint32_t spread; /* senders, of all queues together; 0: as they are */
	uint16_t run;
	uint64_t start, end; /* TSC; end: UINT64_MAX for none */
	uint64_t packets;    /* at most; UINT64_MAX for all */
	struct rte_mempool *pool;
	const atomic_bool *stop;
};

/* Written by the sender; what others read while it runs is atomic. */
struct send_counts {
	_Atomic uint64_t packets, bytes; /* that the device took */
	_Atomic uint64_t offered_again;	 /* packets, each time that the device did not take them */
	_Atomic uint64_t starved;	 /* looks for a frame before it was read from disk */
	uint64_t given_up;	      /* packets in hand at the end that the device had not taken */
	uint64_t first_tsc, last_tsc; /* when the device took the first and the last ones */
	struct histogram gap_error;   /* |actual gap - intended gap| */
	struct histogram late;	      /* actual time - intended time */
};

struct sender {
	_Alignas(128) struct send_options options;
	struct feed_cursor cursor;
	struct rte_mbuf *spare[SEND_BURST_MAX]; /* empty ones */
	unsigned spares;
	uint64_t number, stamped;	     /* packets before this one */
	uint64_t stamped_at[SEND_BURST_MAX]; /* numbers of the last ones that were stamped */
	bool has_previous;
	uint64_t previous_at, previous_since; /* of the packet before: intended, actual */
	enum send_end end;
	_Alignas(128) struct send_counts counts;
};

/* Runs on the queue's core until it ends; returns 0. ctx is the struct sender. */
int send_run(void *ctx);
