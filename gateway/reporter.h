/*
 * When the gateway's report is made, and how long that may take: begun about once a second, and
 * done between other things, 1 ms at a time; after one that took long the next one waits, that it
 * is never more than a small part of all work. The gateway's thread.
 */
#pragma once

#include "report_groups.h"

enum reporter_phase { REPORTER_RESTS, REPORTER_GATHERS, REPORTER_WRITES };

struct reporter {
	struct report *report; /* NULL: none */
	struct groups *groups;
	struct catalog *catalog;
	const struct report_counters *counters;
	const char *address;
	enum reporter_phase phase;
	struct report_groups at;
	uint64_t began_ms, spent_us; /* the report at hand, or the last */
};

/* Begins one, if it is time for it. */
void reporter_begin(struct reporter *r, uint64_t now_ms);
/* Goes on for so long. */
void reporter_work(struct reporter *r, uint64_t us);
/* Is there more to do? */
bool reporter_is_busy(const struct reporter *r);
