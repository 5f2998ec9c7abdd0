#include "reporter.h"

#include "now.h"

void reporter_begin(struct reporter *r, uint64_t now_ms)
{
	if (!r->report || reporter_is_busy(r) ||
	    now_ms - r->began_ms < r->spent_us * LIMIT_AGAIN / 1000)
		return;
	r->began_ms = now_ms;
	r->spent_us = 0;
	report_begin(r->report);
	report_groups_begin(&r->at);
	r->phase = REPORTER_GATHERS;
}

/* One that fails leaves the last in its place. */
static void write_some(struct reporter *r, uint64_t until_us)
{
	int more = 1;

	while (more == 1 && now_us() < until_us)
		more = report_publish_more(r->report);
	if (more != 1)
		r->phase = REPORTER_RESTS;
}

void reporter_work(struct reporter *r, uint64_t us)
{
	uint64_t since_us = now_us(), until_us = since_us + us;

	if (r->phase == REPORTER_GATHERS &&
	    report_groups_go_on(&r->at, r->report, r->groups, r->catalog, until_us)) {
		int rc = report_publish_begin(r->report, r->counters, r->address,
					      r->catalog->data_dir);

		r->phase = rc < 0 ? REPORTER_RESTS : REPORTER_WRITES;
	}
	if (r->phase == REPORTER_WRITES)
		write_some(r, until_us);
	r->spent_us += now_us() - since_us;
}

bool reporter_is_busy(const struct reporter *r)
{
	return r->phase != REPORTER_RESTS;
}
