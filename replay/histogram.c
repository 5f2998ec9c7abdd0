#include "histogram.h"

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	into->count += from->count;
	into->max = from->max > into->max ? from->max : into->max;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

/* The largest value that is counted in a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
	if (bucket < HISTOGRAM_PARTS)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_PARTS - 1;
	uint64_t first = (uint64_t)(HISTOGRAM_PARTS + bucket % HISTOGRAM_PARTS) << shift;
	return first + ((UINT64_C(1) << shift) - 1);
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen && (double)seen >= share * (double)h->count) {
			uint64_t end = bucket_end(i);
			return end < h->max ? end : h->max;
		}
	}
	return 0;
}
