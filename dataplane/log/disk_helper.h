/*
 * The thread that does what may block long: create, zero, truncate, rename, unlink, small files.
 *
 * One submitter (the log core), which never blocks: two single-producer rings, and an eventfd
 * written only when the helper sleeps. Zeroing, scrubbing and unlinking wait for everything else.
 */
#pragma once

#include <stdbool.h>

#include "disk.h"

struct disk_helper;

/* wake_fd: an eventfd that is written when an operation completes. cpu: -1 for any. */
int disk_helper_create(struct disk_helper **out, bool direct, int cpu, int wake_fd);
/* Finishes what was submitted, then ends the thread. */
void disk_helper_destroy(struct disk_helper *helper);

int disk_helper_submit(struct disk_helper *helper, struct disk_op *op); /* 0 or -EBUSY */
unsigned disk_helper_reap(struct disk_helper *helper, struct disk_op **ops, unsigned max);

/* Any operation, at once, in the caller's thread. */
int64_t disk_helper_perform(struct disk_op *op, bool direct);
