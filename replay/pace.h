/*
 * When each packet is meant to leave, in cycles of the time stamp counter after the start, and how
 * well that was met.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pace_kind {
	PACE_CAPTURED, /* the captured gaps, divided by value */
	PACE_PACKETS,  /* value packets a second */
	PACE_BITS,     /* value bits a second: of frames, without FCS, preamble and gap */
	PACE_TOPSPEED, /* all at once */
};

struct pace_spec {
	enum pace_kind kind;
	double value;
};

/* Where a pass through the capture stands. */
struct pace {
	struct pace_spec spec;
	double cycles_per_unit; /* a nanosecond, a packet, a bit */
	uint64_t units, packets;
};

void pace_begin(struct pace *p, struct pace_spec spec, uint64_t cycles_per_second);

/* When the next packet leaves: gap_ns after the one before it was captured (0: the first), len
 * bytes long. */
uint64_t pace_next(struct pace *p, uint64_t gap_ns, uint32_t len);

/* When the next pass begins: a captured one after its own mean gap. */
uint64_t pace_end(const struct pace *p);

/*
 * Counts of cycles, in sixteenths of each power of two: percentiles are off by 6 % at most.
 */
enum {
	PACE_PARTS_BITS = 4,
	PACE_PARTS = 1 << PACE_PARTS_BITS,
	PACE_BUCKETS = (64 - PACE_PARTS_BITS + 1) * PACE_PARTS,
};

struct pace_histogram {
	uint64_t count, max;
	uint64_t buckets[PACE_BUCKETS];
};

static inline unsigned pace_bucket(uint64_t cycles)
{
	if (cycles < PACE_PARTS)
		return (unsigned)cycles;
	unsigned shift = 63u - (unsigned)__builtin_clzll(cycles) - PACE_PARTS_BITS;
	return (shift + 1) * PACE_PARTS + (unsigned)(cycles >> shift & (PACE_PARTS - 1));
}

static inline void pace_count(struct pace_histogram *h, uint64_t cycles)
{
	h->count++;
	h->max = cycles > h->max ? cycles : h->max;
	h->buckets[pace_bucket(cycles)]++;
}

void pace_merge(struct pace_histogram *into, const struct pace_histogram *from);

/* The upper end of the bucket where that share (0..1) of all is reached; 0: there is none. */
uint64_t pace_percentile(const struct pace_histogram *h, double share);
