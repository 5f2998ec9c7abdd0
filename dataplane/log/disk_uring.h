/* The real disk's inside. */
#pragma once

#include <liburing.h>
#include <stdbool.h>

#include "disk.h"
#include "disk_helper.h"

struct disk_uring {
	struct disk disk;
	struct io_uring ring;
	struct disk_helper *helper;
	unsigned entries, flying, gathered;
	bool ring_up, registered, async;
	bool memory; /* a file system in memory: written to at once, see disk_uring_submit() */
	struct disk_op *written, **written_end; /* at once */
	int epoll_fd, helper_fd;
};

static inline struct disk_uring *disk_uring_of(struct disk *disk)
{
	return (struct disk_uring *)disk;
}

static inline bool disk_uring_direct(const struct disk_uring *u)
{
	return u->disk.block > 1;
}

/* disk_uring.c: the asynchronous part, without memory, locks or text. */
int disk_uring_submit(struct disk *disk, struct disk_op *op);
void disk_uring_flush(struct disk *disk);
unsigned disk_uring_reap(struct disk *disk, struct disk_op **ops, unsigned max);
