/*
 * How far the first stream of a running Weir is at each of its ends, every millisecond, and where
 * its log went on in a new segment:
 *
 *     roll_watch RUN_DIR SECONDS
 *
 * Prints one line for each look after the first: what happened since the look before. Columns:
 * nanoseconds; events that the polling core stored (copied into a slab), that were appended (sealed
 * and given offsets), that became visible, that became durable; segments begun; rolls that had no
 * file ready and began to wait for one; 1 where the newest segment that readers are told of
 * changed. A look that came late is followed by one in time, so whoever reads this knows by the
 * nanoseconds which lines are not of a millisecond.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "bench_tool.h"
#include "state.h"

enum { LOOKS_MAX = 1 << 20, MS = 1000000 };

struct look {
	uint64_t ns;
	uint64_t stored, appended, visible, durable;
	uint64_t rolls, waits, active_base;
};

static struct look looks[LOOKS_MAX];

static void sleep_until(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / UINT64_C(1000000000)),
			     .tv_nsec = (long)(ns % UINT64_C(1000000000))};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void take_look(const struct state *s, struct look *look)
{
	const struct state_partition *p = state_partition(s, 0, 0);

	look->ns = now_ns();
	look->stored = state_load(&p->events[EVENT_stored]);
	for (unsigned core = 0; core < s->cores; core++) {
		look->rolls += state_load(&state_core(s, core)->rolls);
		look->waits += state_load(&state_core(s, core)->segment_waits);
	}
	look->appended = state_load(&p->log_end);
	look->durable = state_load(&p->durable_end);
	look->visible = state_load(&p->visible_end);
	look->active_base = state_load(&p->active_base);
}

static void watch(const struct state *s, uint64_t looks_count)
{
	uint64_t due = now_ns();

	for (size_t i = 0; i < looks_count; i++) {
		sleep_until(due);
		take_look(s, &looks[i]);
		/* The next whole millisecond that is still to come. */
		due += (looks[i].ns - due) / MS * MS + MS;
	}
}

static void print_difference(const struct look *was, const struct look *is)
{
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %d\n",
	       is->ns - was->ns, is->stored - was->stored, is->appended - was->appended,
	       is->visible - was->visible, is->durable - was->durable, is->rolls - was->rolls,
	       is->waits - was->waits, is->active_base != was->active_base);
}

int main(int argc, char **argv)
{
	const struct sched_param first = {.sched_priority = 1};
	const struct state *s = argc == 3 ? state_open(argv[1]) : NULL;
	uint64_t looks_count = argc == 3 ? (uint64_t)(atof(argv[2]) * 1000) + 1 : 0;

	if (!s)
		die("%s", argc == 3 ? "no state block" : "usage: RUN_DIR SECONDS");
	if (looks_count < 2 || looks_count > LOOKS_MAX)
		die("too few seconds, or too many");
	/* On a core that Weir spins on: a look takes less than a microsecond, but must not wait for
	 * its turn. Without the right to that, more looks come late. */
	sched_setscheduler(0, SCHED_FIFO, &first);
	prctl(PR_SET_TIMERSLACK, 1UL);
	memset(looks, 0, looks_count * sizeof(*looks)); /* first touch now */
	watch(s, looks_count);
	for (size_t i = 1; i < looks_count; i++)
		print_difference(&looks[i - 1], &looks[i]);
	state_close(s);
	return 0;
}
