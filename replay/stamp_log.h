/*
 * Finds the stamps of `weir replay --stamp` in the log: reads partitions side by side, in the order
 * of their batches' times. One thread.
 */
#pragma once

#include "stamp_runs.h"

/* A partition, and where to begin in it. */
struct stamp_log_part {
	const char *stream;
	uint32_t partition;
	uint64_t from;
	uint64_t end; /* what is visible; LOG_READER_NO_LIMIT: all */
};

struct stamp_log_options {
	const char *data_dir;
	const struct stamp_log_part *parts;
	unsigned parts_count;
	/* Now and then; may be NULL. */
	void (*progress)(uint64_t records, void *ctx);
	void *ctx;
};

struct stamp_log {
	struct stamp_runs runs;
	uint64_t records;      /* all that were read */
	uint64_t by_rx_ns;     /* stamped ones whose arrival is known to the nanosecond */
	uint64_t by_timestamp; /* to the millisecond: its end is taken */
	uint64_t removed; /* offsets from which was to be read, but retention was there first */
};

/* Reads. 0, or -errno with the reason (damage, memory); what was found until then is in *out, which
 * is to be freed in any case. */
int stamp_log_read(struct stamp_log *out, const struct stamp_log_options *options, char *err,
		   size_t err_size);
void stamp_log_free(struct stamp_log *log);
