/* When packets are meant to leave. */
#include <criterion/criterion.h>

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

/* What is due after the end of all days is not due at once. */
Test(replay_pace, later_than_can_be_counted)
{
	struct pace p;

	pace_begin(&p, (struct pace_spec){PACE_CAPTURED, 1e-9}, HZ);
	cr_assert_eq(pace_next(&p, 0, 60), 0);
	cr_assert_eq(pace_next(&p, 1000000000, 60), HZ * 1000000000);
	cr_assert_eq(pace_next(&p, 10000000000, 60), PACE_NEVER);
	cr_assert_eq(pace_next(&p, UINT64_MAX - 1, 60), PACE_NEVER, "nor is their sum");
	cr_assert_eq(pace_end(&p), PACE_NEVER);
	pace_begin(&p, (struct pace_spec){PACE_PACKETS, 1e-9}, HZ);
	cr_assert_eq(pace_next(&p, 0, 60), 0);
	pace_next(&p, 0, 60);
	cr_assert_eq(pace_next(&p, 0, 60), PACE_NEVER);
}

Test(replay_pace, topspeed)
{
	struct pace p;

	pace_begin(&p, (struct pace_spec){PACE_TOPSPEED, 0}, HZ);
	pace_next(&p, 0, 60);
	cr_assert_eq(pace_next(&p, 1000, 60), 0);
	cr_assert_eq(pace_end(&p), 0);
}
