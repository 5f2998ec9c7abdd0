/* Which numbers were seen. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "replay/stamp_set.h"

enum { NUMBERS = 3 * STAMP_CHUNK_BITS + 77 };

static uint64_t left;
static struct stamp_set set;

static void begin(uint64_t bytes)
{
	left = bytes;
	set = (struct stamp_set){.bytes_left = &left};
}

/* Against one byte for each number. */
static void assert_missing(const bool *seen, uint64_t end)
{
	static struct stamp_range ranges[100000];
	unsigned n = stamp_set_missing(&set, end, ranges, 100000), at = 0;

	for (uint64_t i = 0; i < end; i++) {
		if (seen[i])
			continue;
		uint64_t first = i;
		while (i + 1 < end && !seen[i + 1])
			i++;
		cr_assert_lt(at, n);
		cr_assert_eq(ranges[at].first, first);
		cr_assert_eq(ranges[at].last, i);
		at++;
	}
	cr_assert_eq(at, n);
}

Test(stamp_set, random_numbers_as_a_list_of_bytes_has_them)
{
	static bool seen[NUMBERS];
	uint64_t count = 0;

	srand(4);
	begin(1 << 20);
	for (int i = 0; i < 300000; i++) {
		uint64_t number = (uint64_t)rand() % NUMBERS;

		cr_assert_eq(stamp_set_add(&set, number), !seen[number]);
		count += !seen[number];
		seen[number] = true;
	}
	cr_assert_eq(set.count, count);
	assert_missing(seen, NUMBERS);
	assert_missing(seen, 1000);
	stamp_set_free(&set);
	cr_assert_eq(left, 1 << 20, "all memory is given back");
}

Test(stamp_set, what_is_full_takes_no_memory)
{
	/* NUMBERS is odd: the last pair ends one behind it. */
	static bool seen[NUMBERS + 1];
	struct stamp_range range;

	begin(1 << 20);
	/* Of every pair the second first. */
	for (uint64_t i = 0; i < NUMBERS; i++) {
		cr_assert_eq(stamp_set_add(&set, i ^ 1), 1);
		seen[i ^ 1] = true;
		cr_assert_geq(left + 2 * (STAMP_CHUNK_BITS / 8 + 16) + 1024, 1 << 20);
	}
	cr_assert_eq(stamp_set_add(&set, 5), 0, "seen, in a full one");
	assert_missing(seen, NUMBERS - 1);
	cr_assert_eq(stamp_set_missing(&set, NUMBERS + 9, &range, 1), 1);
	cr_assert_eq(range.first, NUMBERS - 1);
	cr_assert_eq(stamp_set_missing(&set, 0, &range, 1), 0);
	stamp_set_free(&set);
}

Test(stamp_set, memory_has_an_end)
{
	begin(100000);
	int rc = 0;
	uint64_t i = 0;
	for (; i < 100 && rc >= 0; i++)
		rc = stamp_set_add(&set, i * STAMP_CHUNK_BITS);
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(i, 7, "six chunks of 16 KiB, and the list");
	cr_assert_eq(stamp_set_add(&set, UINT64_C(1) << 39), -ENOMEM);
	cr_assert_eq(stamp_set_add(&set, 1), 1, "what is there goes on");
	stamp_set_free(&set);
	cr_assert_eq(left, 100000);
}
