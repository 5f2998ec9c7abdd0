/*
 * How long the gateway's one thread may still wait for the disk in this turn of its loop. A quick
 * disk is read in place, for the way through another thread costs more than it saves. Once the disk
 * has made all clients wait for too long, it is left to the other thread for a while. The gateway's
 * thread's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "limits.h"

struct disk_patience {
	int64_t left_us;
	uint64_t now_ms, slow_until_ms;
};

static inline uint64_t disk_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
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
static inline void disk_patience_spend(struct disk_patience *patience, uint64_t since_us)
{
	if (!patience)
		return;
	patience->left_us -= (int64_t)(disk_now_us() - since_us);
	if (patience->left_us <= 0)
		patience->slow_until_ms = patience->now_ms + LIMIT_DISK_MS;
}
