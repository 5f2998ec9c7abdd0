#include "data_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "api/log_format.h"

/* A shared lock, for a moment, tells whether somebody holds the exclusive one. */
static bool is_locked(const char *data_dir)
{
	char path[PLAN_PATH_MAX + sizeof(LOG_NAME_LOCK) + 2];
	bool locked;

	snprintf(path, sizeof(path), "%.*s/%s", PLAN_PATH_MAX, data_dir, LOG_NAME_LOCK);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

void data_owner_find(struct data_owner *owner, const char *data_dir)
{
	owner->running = is_locked(data_dir);
	owner->state = NULL;
	if (!owner->running)
		return;
	const struct state *state = state_find(data_dir);
	/* A block that its dataplane has finished with says nothing about the one that runs now. */
	if (state &&
	    atomic_load_explicit(&state->run_state, memory_order_acquire) <= STATE_DRAINING)
		owner->state = state;
	else
		state_close(state);
}

void data_owner_release(struct data_owner *owner)
{
	state_close(owner->state);
	owner->state = NULL;
}

bool data_owner_visible(const struct data_owner *owner, const char *stream, uint32_t partition,
			uint64_t *visible_end)
{
	const struct state *state = owner->state;

	if (!state || partition >= state_partition_rows(state))
		return false;
	for (unsigned slot = 0; slot < state->streams_max; slot++) {
		if (strncmp(state_stream(state, slot)->name, stream, PLAN_NAME_MAX) != 0)
			continue;
		struct state_partition *p = state_partition(state, partition, slot);
		if (!atomic_load_explicit(&p->open, memory_order_acquire))
			return false;
		*visible_end = atomic_load_explicit(&p->visible_end, memory_order_acquire);
		return true;
	}
	return false;
}
