/*
 * Why a recycled file must be scrubbed before it is written over.
 *
 * A batch's CRC does not cover its first 21 bytes: base offset, length, epoch, magic, CRC itself.
 * Where a sector ends within these, a power cut may keep the new batch's first bytes (the offset
 * that recovery wants to see) and leave the old bytes behind: if an old batch began at the very
 * same position, as batches of one size do, its CRC and its records are whole, and recovery would
 * take old records under a new offset. (Found by tests/stress/log_sim.c.)
 *
 * So each old batch whose first 21 bytes lie across the end of a sector gets one byte behind them
 * flipped, durably, before anything new is written. Its CRC is wrong from then on. Everywhere else
 * the CRC decides: it is in one sector with the offset.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct log_scrub_io {
	ssize_t (*read)(void *arg, void *buf, size_t len, uint64_t offset); /* or -errno */
	int (*write)(void *arg, const void *buf, size_t len, uint64_t offset);
	/* These bytes will probably be read soon. NULL: reading is cheap. */
	void (*prefetch)(void *arg, size_t len, uint64_t offset);
};

/* The next head is known only when the one before it was read: a random read each, one after the
 * other, which for a segment of large batches takes longer than to fill one. But batches are much
 * of one size, so that where heads will be can be guessed that many batches ahead. */
enum { LOG_SCRUB_AHEAD = 32 };

/* Looks at up to heads batches from offset on. Returns the offset to go on from, 0 when there are
 * no more (the caller then makes it durable), or -errno. */
int64_t log_scrub(const struct log_scrub_io *io, void *arg, uint64_t offset, unsigned heads);
