/*
 * How long the gateway's one thread may still wait for the disk in this turn of its loop. A quick
 * disk is read in place, for the way through another thread costs more than it saves. Once the disk
 * has made all clients wait for too long, it is left to the other thread for a while. The gateway's
 * thread's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "limits.h"
#include "now.h"

struct disk_patience {
	int64_t left_us;
	uint64_t now_ms, slow_until_ms;
};

/* Where a thread stands before it may wait for the disk. */
struct disk_wait {
	uint64_t at_us, computed_us;
	long waits; /* how often it has let go of its core to wait */
};

static inline struct disk_wait disk_wait_begin(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_THREAD, &usage);
	return (struct disk_wait){
		.at_us = now_us(),
		.computed_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
			       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
		.waits = usage.ru_nvcsw};
}

/* So long it has waited since then. What it computed is not the disk's time; nor is what others
 * took of its core, where it never waited. */
static inline uint64_t disk_wait_us(const struct disk_wait *since)
{
	struct disk_wait now = disk_wait_begin();
	uint64_t took_us = now.at_us - since->at_us;
	uint64_t computed_us = now.computed_us - since->computed_us;

	return now.waits == since->waits || took_us < computed_us ? 0 : took_us - computed_us;
}

/* A turn begins. */
static inline void disk_patience_renew(struct disk_patience *patience, uint64_t now_ms)
{
	patience->now_ms = now_ms;
	patience->left_us = now_ms >= patience->slow_until_ms ? LIMIT_DISK_US : 0;
}

/* The disk took so long: for something that another thread read. */
static inline void disk_patience_judge(struct disk_patience *patience, uint64_t took_us)
{
	if (took_us < LIMIT_DISK_US)
		return;
	patience->left_us = 0;
	patience->slow_until_ms = patience->now_ms + LIMIT_DISK_MS;
}

/* NULL, here and below: whoever asks may wait as long as it takes. */
static inline bool disk_patience_is_left(const struct disk_patience *patience)
{
	return !patience || patience->left_us > 0;
}

/* All waited for the disk since then. */
static inline void disk_patience_spend(struct disk_patience *patience,
				       const struct disk_wait *since)
{
	if (!patience)
		return;
	patience->left_us -= (int64_t)disk_wait_us(since);
	if (patience->left_us <= 0)
		patience->slow_until_ms = patience->now_ms + LIMIT_DISK_MS;
}
