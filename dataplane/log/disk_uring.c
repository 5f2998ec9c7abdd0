/*
 * The real disk: writes and fdatasyncs by io_uring, everything else by the helper thread.
 */
#include "disk_uring.h"

#include <errno.h>
#include <time.h>

#include "disk_file.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * tmpfs knows no asynchronous writes: io_uring would hand each to a kernel worker, on whatever
 * core, for what is a mere copy. Here it is done where the bytes are in the cache.
 */
static int write_memory(struct disk_uring *u, struct disk_op *op)
{
	op->submitted_ns = now_ns();
	op->result = disk_helper_perform(op, false);
	op->next = NULL;
	*u->written_end = op;
	u->written_end = &op->next;
	return 0;
}

int disk_uring_submit(struct disk *disk, struct disk_op *op)
{
	struct disk_uring *u = disk_uring_of(disk);

	if (op->kind != DISK_WRITE && op->kind != DISK_SYNC) {
		op->submitted_ns = now_ns();
		return disk_helper_submit(u->helper, op);
	}
	if (u->memory)
		return write_memory(u, op);
	struct io_uring_sqe *sqe = u->flying < u->entries ? io_uring_get_sqe(&u->ring) : NULL;
	if (!sqe)
		return -EBUSY;
	int fd = disk_file_fd(op->file);
	if (op->kind == DISK_SYNC)
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	else if (u->registered && op->buf_index != UINT16_MAX)
		io_uring_prep_write_fixed(sqe, fd, op->buf, op->len, op->offset, op->buf_index);
	else
		io_uring_prep_write(sqe, fd, op->buf, op->len, op->offset);
	if (u->async)
		io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	io_uring_sqe_set_data(sqe, op);
	op->submitted_ns = now_ns();
	u->flying++;
	u->gathered++;
	return 0;
}

void disk_uring_flush(struct disk *disk)
{
	struct disk_uring *u = disk_uring_of(disk);

	if (u->gathered == 0)
		return;
	/* Refused for the moment (-EAGAIN, -EBUSY): they stay in the ring until the next round. */
	int n = io_uring_submit(&u->ring);
	if (n > 0)
		u->gathered -= (unsigned)n < u->gathered ? (unsigned)n : u->gathered;
}

unsigned disk_uring_reap(struct disk *disk, struct disk_op **ops, unsigned max)
{
	struct disk_uring *u = disk_uring_of(disk);
	unsigned n = disk_helper_reap(u->helper, ops, max), head, seen = 0;
	struct io_uring_cqe *cqe;

	for (; u->written && n < max; n++) {
		ops[n] = u->written;
		u->written = u->written->next;
	}
	if (!u->written)
		u->written_end = &u->written;
	if (u->flying) {
		io_uring_for_each_cqe(&u->ring, head, cqe)
		{
			if (n == max)
				break;
			struct disk_op *op = io_uring_cqe_get_data(cqe);

			op->result = cqe->res;
			ops[n++] = op;
			seen++;
		}
		io_uring_cq_advance(&u->ring, seen);
		u->flying -= seen;
	}
	if (n) {
		uint64_t now = now_ns();
		for (unsigned i = 0; i < n; i++)
			ops[i]->completed_ns = now;
	}
	return n;
}
