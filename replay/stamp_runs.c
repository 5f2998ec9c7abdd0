#include "stamp_runs.h"

#include <errno.h>
#include <stdlib.h>

void stamp_runs_begin(struct stamp_runs *runs, unsigned partitions, uint64_t bytes)
{
	*runs = (struct stamp_runs){.partitions = partitions, .bytes_left = bytes};
}

static void free_run(struct stamp_run *run)
{
	if (!run)
		return;
	stamp_set_free(&run->seen);
	free(run->ends);
	free(run);
}

void stamp_runs_free(struct stamp_runs *runs)
{
	for (unsigned i = 0; i < runs->count; i++)
		free_run(runs->list[i]);
	free(runs->list);
	runs->list = NULL;
	runs->count = 0;
}

static uint32_t order(uint16_t run, uint8_t queue)
{
	return (uint32_t)run << 8 | queue;
}

/* Where it is, or belongs. */
static unsigned find(const struct stamp_runs *runs, const struct stamp *stamp)
{
	unsigned low = 0, high = runs->count;
	uint32_t wanted = order(stamp->run, stamp->queue);

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (order(runs->list[middle]->run, runs->list[middle]->queue) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct stamp_run *new_run(struct stamp_runs *runs, const struct stamp *stamp)
{
	struct stamp_run *run = calloc(1, sizeof(*run));

	if (run)
		run->ends = calloc(runs->partitions, sizeof(run->ends[0]));
	if (!run || !run->ends) {
		free(run);
		return NULL;
	}
	run->run = stamp->run;
	run->queue = stamp->queue;
	run->first_ns = stamp->time_ns;
	run->shortest_ns = INT64_MAX;
	run->seen.bytes_left = &runs->bytes_left;
	return run;
}

static int insert(struct stamp_runs *runs, unsigned at, const struct stamp *stamp)
{
	if (runs->count == STAMP_RUNS_MAX)
		return -E2BIG;
	struct stamp_run **list = reallocarray(runs->list, runs->count + 1, sizeof(list[0]));
	if (!list)
		return -ENOMEM;
	runs->list = list;
	struct stamp_run *run = new_run(runs, stamp);
	if (!run)
		return -ENOMEM;
	for (unsigned i = runs->count++; i > at; i--)
		list[i] = list[i - 1];
	list[at] = run;
	return 0;
}

static void count_latency(struct stamp_run *run, int64_t latency_ns)
{
	run->early += latency_ns < 0;
	if (latency_ns < run->shortest_ns)
		run->shortest_ns = latency_ns;
	histogram_count(&run->latency, latency_ns < 0 ? 0 : (uint64_t)latency_ns);
}

int stamp_runs_add(struct stamp_runs *runs, unsigned partition, const struct stamp *stamp,
		   uint64_t arrival_ns)
{
	unsigned at = find(runs, stamp);
	int rc = 0;

	if (at == runs->count ||
	    order(runs->list[at]->run, runs->list[at]->queue) != order(stamp->run, stamp->queue))
		rc = insert(runs, at, stamp);
	if (rc < 0)
		return rc;
	struct stamp_run *run = runs->list[at];
	rc = stamp_set_add(&run->seen, stamp->number);
	if (rc < 0)
		return rc;
	run->stored++;
	run->duplicates += rc == 0;
	if (stamp->number + 1 < run->ends[partition])
		run->reordered += rc == 1;
	else
		run->ends[partition] = stamp->number + 1;
	if (stamp->number >= run->end)
		run->end = stamp->number + 1;
	if (stamp->time_ns < run->first_ns)
		run->first_ns = stamp->time_ns;
	if (stamp->time_ns > run->last_ns)
		run->last_ns = stamp->time_ns;
	count_latency(run, (int64_t)(arrival_ns - stamp->time_ns));
	return 0;
}
