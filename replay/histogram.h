/*
 * How often values (cycles, nanoseconds) were met, in sixteenths of each power of two: percentiles
 * are off by 6 % at most. One thread.
 */
#pragma once

#include <stdint.h>

enum {
	HISTOGRAM_PARTS_BITS = 4,
	HISTOGRAM_PARTS = 1 << HISTOGRAM_PARTS_BITS,
	HISTOGRAM_BUCKETS = (64 - HISTOGRAM_PARTS_BITS + 1) * HISTOGRAM_PARTS,
};

struct histogram {
	uint64_t count, max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_PARTS)
		return (unsigned)value;
	unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_PARTS_BITS;
	return (shift + 1) * HISTOGRAM_PARTS + (unsigned)(value >> shift & (HISTOGRAM_PARTS - 1));
}

static inline void histogram_count(struct histogram *h, uint64_t value)
{
	h->count++;
	h->max = value > h->max ? value : h->max;
	h->buckets[histogram_bucket(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from);

/* The upper end of the bucket where that share (0..1) of all is reached; 0: there is none. */
uint64_t histogram_percentile(const struct histogram *h, double share);
