#include "pace.h"

void pace_begin(struct pace *p, struct pace_spec spec, uint64_t cycles_per_second)
{
	double per_second = (double)cycles_per_second;

	*p = (struct pace){.spec = spec};
	if (spec.kind == PACE_CAPTURED)
		p->cycles_per_unit = per_second / 1e9 / spec.value;
	else if (spec.kind != PACE_TOPSPEED)
		p->cycles_per_unit = per_second / spec.value;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t both;

	return __builtin_add_overflow(a, b, &both) ? UINT64_MAX : both;
}

/* From the sum each time: what is rounded does not add up. */
static uint64_t cycles_of(const struct pace *p, uint64_t units)
{
	double cycles = (double)units * p->cycles_per_unit;

	return cycles < (double)PACE_NEVER ? (uint64_t)cycles : PACE_NEVER;
}

uint64_t pace_next(struct pace *p, uint64_t gap_ns, uint32_t len)
{
	uint64_t at;

	p->packets++;
	if (p->spec.kind == PACE_CAPTURED) {
		p->units = sum(p->units, gap_ns);
		return cycles_of(p, p->units);
	}
	at = cycles_of(p, p->units);
	p->units += p->spec.kind == PACE_BITS ? UINT64_C(8) * len : 1;
	return at;
}

uint64_t pace_end(const struct pace *p)
{
	if (p->spec.kind == PACE_CAPTURED && p->packets > 1)
		return cycles_of(p, sum(p->units, p->units / (p->packets - 1)));
	return cycles_of(p, p->units);
}
