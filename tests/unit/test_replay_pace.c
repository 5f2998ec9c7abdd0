/* When packets are meant to leave, and the histogram of how well that was met. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "replay/pace.h"

#define HZ UINT64_C(2600000000)

Test(replay_pace, captured_gaps)
{
	struct pace p;

	pace_begin(&p, (struct pace_spec){PACE_CAPTURED, 1}, HZ);
	cr_assert_eq(pace_next(&p, 0, 60), 0);
	cr_assert_eq(pace_next(&p, 1000000000, 60), HZ);
	cr_assert_eq(pace_next(&p, 500000000, 60), HZ * 3 / 2);
	cr_assert_eq(pace_end(&p), HZ * 9 / 4, "the mean gap of 0.75 s behind the last");
	pace_begin(&p, (struct pace_spec){PACE_CAPTURED, 10}, HZ);
	pace_next(&p, 0, 60);
	cr_assert_eq(pace_next(&p, 1000000000, 60), HZ / 10);
	pace_begin(&p, (struct pace_spec){PACE_CAPTURED, 0.5}, HZ);
	pace_next(&p, 0, 60);
	cr_assert_eq(pace_next(&p, 1000000000, 60), HZ * 2);
	pace_begin(&p, (struct pace_spec){PACE_CAPTURED, 1}, HZ);
	pace_next(&p, 0, 60);
	cr_assert_eq(pace_end(&p), 0, "one packet has no gap");
}

/* What is rounded does not add up: packet n is due at n / rate to within a cycle. */
Test(replay_pace, packets_a_second)
{
	struct pace p;
	double rate = 14880952;

	pace_begin(&p, (struct pace_spec){PACE_PACKETS, rate}, HZ);
	for (uint64_t i = 0; i < 20000000; i++) {
		uint64_t at = pace_next(&p, 12345, 60);
		double want = (double)i * (double)HZ / rate;

		if ((double)at > want + 1 || (double)at < want - 1)
			cr_assert_fail("packet %lu: %lu, not %f", i, at, want);
	}
	cr_assert_eq(p.packets, 20000000);
}

Test(replay_pace, bits_a_second)
{
	struct pace p;

	pace_begin(&p, (struct pace_spec){PACE_BITS, 8000}, HZ);
	cr_assert_eq(pace_next(&p, 0, 1000), 0);
	cr_assert_eq(pace_next(&p, 0, 500), HZ);
	cr_assert_eq(pace_next(&p, 0, 500), HZ * 3 / 2);
	cr_assert_eq(pace_end(&p), HZ * 2);
}

Test(replay_pace, topspeed)
{
	struct pace p;

	pace_begin(&p, (struct pace_spec){PACE_TOPSPEED, 0}, HZ);
	pace_next(&p, 0, 60);
	cr_assert_eq(pace_next(&p, 1000, 60), 0);
	cr_assert_eq(pace_end(&p), 0);
}

Test(replay_pace, buckets_are_in_order_and_near)
{
	static struct pace_histogram h;
	unsigned before = 0;

	for (uint64_t v = 0; v < 100000; v++) {
		cr_assert_geq(pace_bucket(v), before);
		before = pace_bucket(v);
	}
	cr_assert_lt(pace_bucket(UINT64_MAX), PACE_BUCKETS);
	srand(1);
	for (int i = 0; i < 10000; i++) {
		uint64_t v = ((uint64_t)rand() << 32 | (uint64_t)rand()) >> (rand() % 64);

		h = (struct pace_histogram){0};
		pace_count(&h, v);
		h.max = UINT64_MAX;
		uint64_t end = pace_percentile(&h, .5);
		cr_assert(end >= v && end - v <= v / 16, "%lu is told as %lu", v, end);
	}
}

Test(replay_pace, percentiles)
{
	static struct pace_histogram h, other, both;

	cr_assert_eq(pace_percentile(&h, .5), 0);
	for (uint64_t v = 1; v <= 1000; v++)
		pace_count(v & 1 ? &h : &other, v);
	pace_merge(&both, &h);
	pace_merge(&both, &other);
	cr_assert_eq(both.count, 1000);
	cr_assert_eq(both.max, 1000);
	cr_assert_float_eq((double)pace_percentile(&both, .5), 500, 32);
	cr_assert_float_eq((double)pace_percentile(&both, .99), 990, 10);
	cr_assert_eq(pace_percentile(&both, 1), 1000);
}
