#include "topology_partitions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "touch.h"

static int make_disk(struct core *core, const struct plan *plan, char *err, size_t err_size)
{
	struct topology *t = core->topology;
	struct iovec buffers[PLAN_LANES_MAX];

	core->sink = plan->sink;
	if (plan->sink)
		return disk_sink_create(&core->disk);
	for (unsigned i = 0; i < core->log_count; i++) {
		unsigned lane = core->log_lanes[i]->index;

		buffers[i].iov_base = t->slab_memory[lane];
		buffers[i].iov_len = t->slab_memory_bytes[lane];
		for (unsigned k = 0; k < core->log_lanes[i]->slabs_count; k++)
			t->slabs[lane][k].buf_index = (uint16_t)i;
	}
	struct disk_uring_config config = {
		.depth = plan->write_depth,
		.direct = plan->direct,
		.async = core->rx_count > 0, /* run to completion: submitting must not block */
		.probe_path = plan->storage_path,
		.helper_cpu = plan->main_cpu == PLAN_CPU_ANY ? -1 : plan->main_cpu,
		.buffers = buffers,
		.buffers_count = core->log_count,
	};
	return disk_uring_create(&core->disk, &config, err, err_size);
}

int topology_make_logs(struct topology *t, const struct plan *plan, char *err, size_t err_size)
{
	/* Logs live longer than the plan that they were made by. */
	t->fixed = malloc(sizeof(*t->fixed));
	if (!t->fixed) {
		snprintf(err, err_size, "no memory for a copy of the plan");
		return -ENOMEM;
	}
	*t->fixed = *plan;
	for (unsigned i = 0; i < t->cores_count; i++) {
		struct core *core = &t->cores[i];

		if (core->log_count == 0)
			continue;
		int rc = make_disk(core, plan, err, err_size);
		if (rc < 0)
			return rc;
		struct log_config config = {
			.disk = core->disk,
			.plan = t->fixed,
			.state = t->state,
			.core = core->index,
		};
		rc = log_create(&core->log, &config);
		if (rc < 0) {
			snprintf(err, err_size, "log of core %u: %s", i, strerror(-rc));
			return rc;
		}
		if (core->disk->block > 1)
			atomic_store(&t->state->direct, 1);
	}
	return 0;
}

/* The log that owns a partition. */
static struct log *log_of(struct topology *t, unsigned partition)
{
	/* Partitions of lanes that are no more go to the first lane's log. */
	unsigned lane = partition < t->lanes_count ? partition : 0;

	return t->lanes[lane]->log_core->log;
}

static bool left_behind(const struct plan *plan, unsigned partition, unsigned slot)
{
	char path[PLAN_PATH_MAX + PLAN_NAME_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s-%u", plan->storage_path, plan->streams[slot].name,
		 partition);
	return access(path, F_OK) == 0;
}

static int open_partition(struct topology *t, const struct plan *plan, unsigned partition,
			  unsigned slot, char *err, size_t err_size)
{
	struct state_partition *state = state_partition(t->state, partition, slot);
	struct log *log = log_of(t, partition);
	struct log_partition *p;
	bool seen = atomic_load(&state->open);

	touch_pages(state, sizeof(*state));
	int rc = log_partition_open(&p, log, (uint16_t)partition, (uint16_t)slot,
				    &plan->streams[slot], err, err_size);
	if (rc < 0)
		return rc;
	if (!seen || state_load(&state->log_end) < state_load(&state->block_offset))
		state_store(&state->block_offset, state_load(&state->log_end));
	log_add(log, p);
	return 0;
}

/* What is not open yet of one stream: each lane's, and those left behind. */
static int open_stream(struct topology *t, const struct plan *plan, unsigned slot, char *err,
		       size_t err_size)
{
	if (!plan->streams[slot].used && !left_behind(plan, 0, slot))
		return 0;
	/* A plan that was refused may have left partitions open. */
	if (t->opened[slot] && strcmp(t->opened_name[slot], plan->streams[slot].name) != 0) {
		snprintf(err, err_size,
			 "stream %s: its slot holds partitions of %s since a reload that was "
			 "refused; "
			 "needs a restart",
			 plan->streams[slot].name, t->opened_name[slot]);
		return -EBUSY;
	}
	snprintf(t->opened_name[slot], sizeof(t->opened_name[slot]), "%s",
		 plan->streams[slot].name);
	for (unsigned i = 0; i < PLAN_LANES_MAX; i++) {
		if (t->opened[slot] & UINT32_C(1) << i)
			continue;
		if (i >= t->lanes_count && !left_behind(plan, i, slot))
			continue;
		int rc = open_partition(t, plan, i, slot, err, err_size);
		if (rc < 0)
			return rc;
		t->opened[slot] |= UINT32_C(1) << i;
	}
	return 0;
}

static void name_stream(struct topology *t, const struct plan_stream *stream, unsigned slot)
{
	struct state_stream *named = state_stream(t->state, slot);

	snprintf(named->name, sizeof(named->name), "%s", stream->name);
	atomic_store(&named->decoder, stream->decoder);
	atomic_store(&named->used, stream->used);
}

int topology_open_partitions(struct topology *t, const struct plan *plan, char *err,
			     size_t err_size)
{
	for (unsigned slot = 0; slot < plan->streams_max; slot++)
		if (plan->streams[slot].known) {
			int rc = open_stream(t, plan, slot, err, err_size);
			if (rc < 0)
				return rc;
		}
	/* Only now, so that a plan that is refused leaves no name. */
	for (unsigned slot = 0; slot < plan->streams_max; slot++)
		if (plan->streams[slot].known)
			name_stream(t, &plan->streams[slot], slot);
	return 0;
}

void topology_free_logs(struct topology *t)
{
	for (unsigned i = 0; i < t->cores_count; i++) {
		struct core *core = &t->cores[i];

		/* The disk first: its helper runs its queue to the end, and what stands there is
		 * the log's. */
		if (core->disk && core->sink)
			disk_sink_destroy(core->disk);
		else if (core->disk)
			disk_uring_destroy(core->disk);
		core->disk = NULL;
		if (core->log)
			log_destroy(core->log);
		core->log = NULL;
	}
	free(t->fixed);
	t->fixed = NULL;
}

int topology_retain(struct topology *t, uint16_t slot, uint16_t partition, uint64_t log_start)
{
	const struct state_partition *state = state_partition(t->state, partition, slot);
	const struct timespec step = {.tv_nsec = 1000 * 1000};
	uint64_t before = state_load(&state->log_start);
	struct log *log = log_of(t, partition);

	if (!atomic_load(&((struct state_partition *)(uintptr_t)state)->open))
		return -ENOENT;
	int rc = log_retain(log, partition, slot, log_start);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < t->cores_count; i++)
		if (t->cores[i].log == log)
			core_wake(&t->cores[i]);
	for (unsigned ms = 0; ms < 1000 && state_load(&state->log_start) == before; ms++)
		nanosleep(&step, NULL);
	return 0;
}
