/*
 * The leader epochs of a partition and where each began: Kafka's leader-epoch-checkpoint in its
 * directory. The dataplane adds a line there before it writes by a new epoch, which it does when
 * offsets after a crash may stand for other data than before. One thread.
 */
#pragma once

#include "partition.h"

/* Where an epoch ended. */
struct partition_epoch_end {
	int32_t epoch; /* the newest that is not above the one asked for; -1: nothing known */
	int64_t offset;
};

/* By the rule of Kafka's LeaderEpochFileCache.endOffsetFor(). epoch: -1 for none. 0, or -errno: the
 * file cannot be read now, so nothing is known. */
int partition_epoch_end(struct partition *p, const struct partition_view *view, int32_t epoch,
			struct partition_epoch_end *out);

/* The epoch of the record at an offset, or at the end the newest. -1: the file cannot be read now.
 */
int32_t partition_epoch_at(struct partition *p, const struct partition_view *view, uint64_t offset);

/* Reads the file again. *newest: the newest epoch, 0 if there is none. -errno: it cannot be read,
 * and what was known stays; that there is no file is no error. */
int partition_epochs_read(struct partition *p, int32_t *newest);
