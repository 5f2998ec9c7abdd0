/* Which processor does what, on machines that hwloc makes up. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "control/place.h"

static struct placement placed;
static char err[512];
static const char *key;

static int place_on(const char *machine, const struct place_request *request)
{
	setenv("HWLOC_SYNTHETIC", machine, 1);
	setenv("HWLOC_COMPONENTS", "synthetic", 1);
	memset(&placed, 0, sizeof(placed));
	err[0] = 0;
	key = "";
	return place(request, &placed, &key, err, sizeof(err));
}

static unsigned rx_cpu(unsigned lane)
{
	return placed.cores[placed.rx_core[lane]].cpu;
}

static unsigned log_cpu(unsigned lane)
{
	return placed.cores[placed.log_core[lane]].cpu;
}

Test(place, one_core_does_both)
{
	struct place_request r = {.lanes = 1};

	cr_assert_eq(place_on("node:1 core:1 pu:1", &r), 0, "%s", err);
	cr_expect_eq(placed.lanes_count, 1);
	cr_expect_eq(placed.cores_count, 1);
	cr_expect_eq(placed.rx_core[0], placed.log_core[0], "run to completion");
}

Test(place, two_cores_poll_on_the_one_that_is_not_0)
{
	struct place_request r = {.lanes = 1, .queues_hint = 1};

	cr_assert_eq(place_on("node:1 core:2 pu:1", &r), 0, "%s", err);
	cr_expect_eq(rx_cpu(0), 1);
	cr_expect_eq(log_cpu(0), 0);
}

Test(place, two_lanes_on_two_cores_still_get_a_plan)
{
	struct place_request r = {.lanes = 2};

	cr_assert_eq(place_on("node:1 core:2 pu:1", &r), 0, "%s", err);
	cr_expect_eq(placed.lanes_count, 2);
	for (unsigned i = 0; i < 2; i++)
		cr_expect(rx_cpu(i) < 2 && log_cpu(i) < 2);
}

Test(place, whole_cores_and_never_0_while_there_is_another)
{
	struct place_request r = {.lanes = 2};

	/* 8 cores of two processors: 0-1, 2-3, ... on two nodes. */
	cr_assert_eq(place_on("node:2 core:4 pu:2", &r), 0, "%s", err);
	for (unsigned i = 0; i < placed.cores_count; i++) {
		cr_expect_neq(placed.cores[i].cpu / 2, 0, "core 0 is left to the kernel");
		for (unsigned k = 0; k < i; k++)
			cr_expect_neq(placed.cores[i].cpu / 2, placed.cores[k].cpu / 2,
				      "two of ours on one physical core");
	}
}

Test(place, a_lane_stays_on_one_node)
{
	struct place_request r = {.lanes = 3};

	cr_assert_eq(place_on("node:2 core:4 pu:2", &r), 0, "%s", err);
	for (unsigned i = 0; i < 3; i++) {
		const struct plan_core *rx = &placed.cores[placed.rx_core[i]];

		cr_expect_eq(rx->numa, rx->cpu / 8, "memory is local to its core");
	}
}

Test(place, what_the_config_says_is_done)
{
	const uint16_t poll[] = {5, 7}, write[] = {3};
	struct place_request r = {.lanes = 2,
				  .cores = poll,
				  .cores_count = 2,
				  .log_cores = write,
				  .log_cores_count = 1};

	cr_assert_eq(place_on("node:1 core:8 pu:1", &r), 0, "%s", err);
	cr_expect_eq(rx_cpu(0), 5);
	cr_expect_eq(rx_cpu(1), 7);
	cr_expect_eq(log_cpu(0), 3);
	cr_expect_eq(log_cpu(1), 3, "lanes share a log core");
}

Test(place, a_processor_that_is_not_there_is_refused_by_name)
{
	const uint16_t poll[] = {64};
	struct place_request r = {.lanes = 1, .cores = poll, .cores_count = 1};

	cr_assert_lt(place_on("node:1 core:8 pu:1", &r), 0);
	cr_expect(strstr(key, "lanes.cores"), "key: %s", key);
	cr_expect(strstr(err, "64"), "says which: %s", err);
}

Test(place, every_core_says_why)
{
	struct place_request r = {.lanes = 2};

	cr_assert_eq(place_on("node:1 core:8 pu:2", &r), 0, "%s", err);
	for (unsigned i = 0; i < placed.cores_count; i++)
		cr_expect_neq(placed.why[i][0], '\0', "core %u", i);
	cr_expect_neq(placed.why_main[0], '\0');
	cr_expect_neq(placed.why_lanes[0], '\0');
}

Test(place, no_more_lanes_than_queues_unless_told)
{
	struct place_request r = {.queues_hint = 1};

	cr_assert_eq(place_on("node:1 core:16 pu:1", &r), 0, "%s", err);
	cr_expect_eq(placed.lanes_count, 1);
	r.queues_hint = 4;
	cr_assert_eq(place_on("node:1 core:16 pu:1", &r), 0, "%s", err);
	cr_expect_eq(placed.lanes_count, 4);
}
