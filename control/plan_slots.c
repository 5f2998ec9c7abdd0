#include "plan_slots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int free_slot(const struct plan_stream *streams, unsigned max)
{
	for (unsigned i = 0; i < max; i++)
		if (!streams[i].known)
			return (int)i;
	return -ENOSPC;
}

static int arrange(const struct plan *plan, const struct state *state, struct plan_stream *streams)
{
	for (unsigned i = 0; i < plan->streams_max; i++) {
		const char *name = state_stream(state, i)->name;
		int from = name[0] ? plan_stream_slot(plan, name) : -1;

		if (from >= 0) {
			streams[i] = plan->streams[from];
		} else if (name[0]) {
			snprintf(streams[i].name, sizeof(streams[i].name), "%s", name);
			streams[i].known = 1;
		}
	}
	for (unsigned i = 0; i < plan->streams_max; i++) {
		const struct plan_stream *s = &plan->streams[i];
		bool placed = !s->known;

		for (unsigned j = 0; j < plan->streams_max && !placed; j++)
			placed = streams[j].known && strcmp(streams[j].name, s->name) == 0;
		if (placed)
			continue;
		int to = free_slot(streams, plan->streams_max);
		if (to < 0)
			return to;
		streams[to] = *s;
	}
	return 0;
}

int plan_slots_follow(struct plan *plan, const struct state *state)
{
	/* Of another shape: the dataplane will not go on with it. */
	if (state->streams_max != plan->streams_max)
		return 0;
	struct plan_stream *streams = calloc(PLAN_STREAMS_MAX, sizeof(*streams));
	if (!streams)
		return -ENOMEM;
	int rc = arrange(plan, state, streams);
	if (rc == 0)
		memcpy(plan->streams, streams, sizeof(plan->streams));
	free(streams);
	return rc;
}
