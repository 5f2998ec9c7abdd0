/* Counts of values, and their percentiles. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "replay/histogram.h"

Test(histogram, buckets_are_in_order_and_near)
{
	static struct histogram h;
	unsigned before = 0;

	for (uint64_t v = 0; v < 100000; v++) {
		cr_assert_geq(histogram_bucket(v), before);
		before = histogram_bucket(v);
	}
	cr_assert_lt(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS);
	srand(1);
	for (int i = 0; i < 10000; i++) {
		uint64_t v = ((uint64_t)rand() << 32 | (uint64_t)rand()) >> (rand() % 64);

		h = (struct histogram){0};
		histogram_count(&h, v);
		h.max = UINT64_MAX;
		uint64_t end = histogram_percentile(&h, .5);
		cr_assert(end >= v && end - v <= v / 16, "%lu is told as %lu", v, end);
	}
}

Test(histogram, percentiles)
{
	static struct histogram h, other, both;

	cr_assert_eq(histogram_percentile(&h, .5), 0);
	for (uint64_t v = 1; v <= 1000; v++)
		histogram_count(v & 1 ? &h : &other, v);
	histogram_merge(&both, &h);
	histogram_merge(&both, &other);
	cr_assert_eq(both.count, 1000);
	cr_assert_eq(both.max, 1000);
	cr_assert_float_eq((double)histogram_percentile(&both, .5), 500, 32);
	cr_assert_float_eq((double)histogram_percentile(&both, .99), 990, 10);
	cr_assert_eq(histogram_percentile(&both, 1), 1000);
}
