/* The search by halves, against things whose answer is known. */
#include <criterion/criterion.h>

#include "replay/search.h"

/* How many trials it takes. */
static unsigned search_for(struct search *s, double capacity)
{
	unsigned trials = 0;

	for (; search_goes_on(s); trials++) {
		double value = search_value(s);

		cr_assert(value > s->low && value < s->high, "%g of %g..%g", value, s->low,
			  s->high);
		search_tell(s, value <= capacity);
		cr_assert_lt(trials, 100, "%g: it does not end", capacity);
	}
	return trials;
}

Test(search, finds_what_passes)
{
	for (double capacity = 1000; capacity < 999999; capacity *= 1.37) {
		struct search s;

		search_begin(&s, 1e6, 0.01, 1);
		unsigned trials = search_for(&s, capacity);
		cr_assert(s.low <= capacity && s.high >= capacity, "%g: %g..%g", capacity, s.low,
			  s.high);
		cr_assert_leq(s.high - s.low, 0.01 * s.high, "%g: %g..%g", capacity, s.low, s.high);
		cr_assert_leq(trials, 17, "%g took %u trials", capacity, trials);
	}
}

/* Whole packets: no trial of a value that was tried. */
Test(search, small_numbers_end)
{
	struct search s;

	search_begin(&s, 10, 0.0001, 1);
	search_for(&s, 4);
	cr_assert(s.low <= 4 && s.low > 3, "%g", s.low);
	search_begin(&s, 1, 0.01, 1);
	cr_assert_not(search_goes_on(&s), "nothing is below one packet");
	cr_assert_eq(s.low, 0);
}

Test(search, nothing_passes)
{
	struct search s;

	search_begin(&s, 1024000, 0.01, 1000);
	cr_assert_leq(search_for(&s, 0), 11);
	cr_assert_eq(s.low, 0);
	cr_assert_eq(s.high, 1000, "nothing below the floor was tried");
}

/* The value tried last may be neither here nor there; what it is told counts. */
Test(search, a_trial_that_passes_raises_the_low_end)
{
	struct search s;

	search_begin(&s, 100, 0.01, 1);
	cr_assert_eq(search_value(&s), 50);
	search_tell(&s, true);
	cr_assert_eq(s.low, 50);
	cr_assert_eq(search_value(&s), 75);
	search_tell(&s, false);
	cr_assert(s.low == 50 && s.high == 75);
}
