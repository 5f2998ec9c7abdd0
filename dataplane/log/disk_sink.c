/*
 * A disk that completes everything at once and keeps nothing: what does the rest of the log cost?
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "disk.h"
#include "slab.h"
#include "touch.h"

struct disk_sink {
	struct disk disk;
	struct disk_op *done, **done_end;
	_Atomic uint32_t files; /* the main thread opens partitions while the log core runs */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void perform(struct disk_sink *sink, struct disk_op *op)
{
	op->result = op->kind == DISK_WRITE ? (int64_t)op->len : 0;
	if (op->kind == DISK_CREATE)
		op->file = ++sink->files;
}

static int sink_submit(struct disk *disk, struct disk_op *op)
{
	struct disk_sink *sink = (struct disk_sink *)disk;

	perform(sink, op);
	op->submitted_ns = op->completed_ns = 0;
	op->next = NULL;
	*sink->done_end = op;
	sink->done_end = &op->next;
	return 0;
}

static void sink_flush(struct disk *disk) {}

static unsigned sink_reap(struct disk *disk, struct disk_op **ops, unsigned max)
{
	struct disk_sink *sink = (struct disk_sink *)disk;
	unsigned n = 0;

	if (!sink->done)
		return 0;
	uint64_t now = now_ns();
	for (; sink->done && n < max; n++) {
		struct disk_op *op = sink->done;

		sink->done = op->next;
		op->submitted_ns = op->completed_ns = now;
		ops[n] = op;
	}
	if (!sink->done)
		sink->done_end = &sink->done;
	return n;
}

static int sink_wait_fd(struct disk *disk)
{
	return -1;
}

static int sink_mkdir(struct disk *disk, const char *path)
{
	return 0;
}

static int sink_list(struct disk *disk, const char *path,
		     int (*fn)(void *arg, const char *name, int is_dir), void *arg)
{
	return 0;
}

static int sink_open(struct disk *disk, const char *path, int direct, disk_file *file)
{
	return -ENOENT;
}

static ssize_t sink_read(struct disk *disk, disk_file file, void *buf, size_t len, uint64_t offset)
{
	return 0;
}

static int sink_stat(struct disk *disk, const char *path, struct disk_stat *st)
{
	return -ENOENT;
}

static int64_t sink_run(struct disk *disk, struct disk_op *op)
{
	perform((struct disk_sink *)disk, op);
	return op->result;
}

static const struct disk_ops sink_ops = {
	.submit = sink_submit,
	.flush = sink_flush,
	.reap = sink_reap,
	.wait_fd = sink_wait_fd,
	.mkdir = sink_mkdir,
	.list = sink_list,
	.open = sink_open,
	.read = sink_read,
	.stat = sink_stat,
	.run = sink_run,
};

int disk_sink_create(struct disk **out)
{
	struct disk_sink *sink = touch_alloc(64, sizeof(*sink));

	if (!sink)
		return -ENOMEM;
	sink->disk.ops = &sink_ops;
	sink->disk.block = SLAB_BLOCK;
	sink->done_end = &sink->done;
	*out = &sink->disk;
	return 0;
}

void disk_sink_destroy(struct disk *disk)
{
	free(disk);
}
