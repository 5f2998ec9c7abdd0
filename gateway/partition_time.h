/*
 * Look-ups by time in a partition: records are read, so these take longer than the others. Any
 * thread: of the partition they need no more than its name and number.
 */
#pragma once

#include "partition.h"

struct partition_found {
	int64_t offset, timestamp_ms;
};

/* The first record whose timestamp is not below. 1, 0: there is none, -errno. */
int partition_find_time(const struct partition *p, const char *data_dir,
			const struct partition_view *view, int64_t timestamp_ms,
			struct partition_found *found);

/* The first of those with the largest timestamp. 1, 0: the partition is empty, -errno. */
int partition_find_newest(const struct partition *p, const char *data_dir,
			  const struct partition_view *view, struct partition_found *found);
