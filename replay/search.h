/*
 * Looks for the highest value that passes, by halves: a rate, a length of a burst.
 *
 *     search_begin(&s, first_that_failed, 0.01, 1);
 *     while (search_goes_on(&s))
 *             search_tell(&s, passes(search_value(&s)));
 *     // s.low passed, or is 0; s.high failed
 */
#pragma once

#include <stdbool.h>

struct search {
	double low, high; /* the highest that passed, the lowest that failed */
	double precision; /* ends when they are so near, as a share of the higher one */
	double floor;	  /* nothing below this is tried */
};

static inline void search_begin(struct search *s, double failed, double precision, double floor)
{
	*s = (struct search){.high = failed, .precision = precision, .floor = floor};
}

static inline double search_value(const struct search *s)
{
	double middle = (s->low + s->high) / 2;

	return middle < s->floor ? s->floor : middle;
}

static inline bool search_goes_on(const struct search *s)
{
	return s->high > s->floor && s->high - s->low > s->precision * s->high &&
	       s->high - s->low > 1;
}

static inline void search_tell(struct search *s, bool passed)
{
	*(passed ? &s->low : &s->high) = search_value(s);
}
