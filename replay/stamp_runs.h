/*
 * What became of stamped packets: for each run of `weir replay --stamp` and each of its queues,
 * how many are there, missing, out of order, doubled, and how long they took. One thread.
 */
#pragma once

#include "histogram.h"
#include "stamp.h"
#include "stamp_set.h"

enum {
	STAMP_RUNS_MAX = 1024, /* runs times queues */
	STAMP_RANGES_MAX = 8,  /* of missing numbers that are named */
};

struct stamp_run {
	uint16_t run;
	uint8_t queue;
	uint64_t stored;     /* stamps found, doubled ones among them */
	uint64_t duplicates; /* whose number was there before */
	uint64_t reordered;  /* behind a higher number, in the same partition */
	uint64_t end; /* the highest number, plus one: what was sent, as far as can be seen */
	uint64_t first_ns, last_ns; /* sent */
	uint64_t early;		    /* arrived before they were sent, by the two clocks */
	int64_t shortest_ns;	    /* latency; negative: so far are the clocks apart, at least */
	struct histogram latency;   /* nanoseconds; 0 for those that were early */
	struct stamp_set seen;
	uint64_t *ends; /* by partition, as `end` */
};

struct stamp_runs {
	struct stamp_run **list; /* by run and queue */
	unsigned count, partitions;
	uint64_t bytes_left;
};

/* bytes: what may be kept of numbers, of all runs together. */
void stamp_runs_begin(struct stamp_runs *runs, unsigned partitions, uint64_t bytes);
void stamp_runs_free(struct stamp_runs *runs);

/* A record with a stamp, in the order of its partition. 0, -ENOMEM: numbers take more than they
 * may, -E2BIG: more than STAMP_RUNS_MAX. */
int stamp_runs_add(struct stamp_runs *runs, unsigned partition, const struct stamp *stamp,
		   uint64_t arrival_ns);

static inline uint64_t stamp_run_missing(const struct stamp_run *run)
{
	return run->end - run->seen.count;
}
