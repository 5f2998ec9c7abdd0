/* The simulated disk's operations, each done as a whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/log/log_scrub.h"
#include "disk_sim_files.h"

static int64_t do_write(struct disk_sim *sim, struct disk_op *op)
{
	uint32_t len = op->len;

	if (sim_rnd(sim, 100) < sim->faults.short_writes && len > sim->disk.block)
		len = (uint32_t)(1 + sim_rnd(sim, len / sim->disk.block - 1)) * sim->disk.block;
	sim_put_bytes(sim->handles[op->file], op->buf, len, op->offset);
	return len;
}

static int64_t do_rename(struct disk_sim *sim, const char *from, const char *to)
{
	struct inode *inode = sim_inode_at(sim, from);

	if (!inode)
		return -ENOENT;
	sim_hold(inode);
	sim->group++;
	sim_change(sim, to, inode, false);
	sim_change(sim, from, NULL, false);
	sim_let_go(inode);
	return 0;
}

static int64_t do_put(struct disk_sim *sim, struct disk_op *op)
{
	char tmp[DISK_PATH_MAX];

	snprintf(tmp, sizeof(tmp), "%.600s.tmp", op->path);
	struct inode *inode = sim_open_or_make(sim, tmp);
	sim_set_size(inode, 0);
	sim_put_bytes(inode, op->buf, op->len, 0);
	sim_sync_inode(inode);
	/* The power may go between any two of these. */
	if (sim_rnd(sim, 4) == 0 && sim->faults.error_in == 1)
		return -EIO;
	do_rename(sim, tmp, op->path);
	sim_sync_parent(sim, op->path);
	return 0;
}

static int64_t do_append(struct disk_sim *sim, struct disk_op *op)
{
	struct inode *inode = sim_open_or_make(sim, op->path);

	sim_put_bytes(inode, op->buf, op->len, op->offset);
	if (op->flags & DISK_APPEND_FINAL) {
		sim_set_size(inode, op->offset + op->len);
		sim_sync_inode(inode);
	}
	return 0;
}

static ssize_t scrub_read(void *arg, void *buf, size_t len, uint64_t offset)
{
	const struct inode *inode = arg;

	if (offset + len > inode->size)
		return 0;
	memcpy(buf, inode->now + offset, len);
	return (ssize_t)len;
}

static int scrub_write(void *arg, const void *buf, size_t len, uint64_t offset)
{
	sim_put_bytes(arg, buf, len, offset);
	return 0;
}

static int64_t do_scrub(struct disk_sim *sim, struct disk_op *op)
{
	static const struct log_scrub_io io = {scrub_read, scrub_write, NULL};
	struct inode *inode = sim_inode_at(sim, op->path);
	int64_t rc = inode ? log_scrub(&io, inode, op->offset, 16) : -ENOENT;

	if (rc == 0)
		sim_sync_inode(inode);
	return rc;
}

int64_t sim_perform(struct disk_sim *sim, struct disk_op *op)
{
	static const uint8_t zeros[1 << 20];
	struct inode *inode = sim->handles[op->file];

	switch ((enum disk_op_kind)op->kind) {
	case DISK_WRITE:
		return do_write(sim, op);
	case DISK_SYNC:
		sim_sync_inode(inode);
		return 0;
	case DISK_CREATE:
		inode = sim_open_or_make(sim, op->path);
		sim_set_size(inode, op->offset);
		op->file = sim_handle(sim, inode);
		return 0;
	case DISK_ZERO:
		sim_put_bytes(inode, zeros, op->len, op->offset);
		return 0;
	case DISK_TRUNCATE:
		sim_set_size(inode, op->offset);
		sim_sync_inode(inode);
		return 0;
	case DISK_RENAME: {
		int64_t rc = do_rename(sim, op->path, op->path2);
		sim_sync_parent(sim, op->path2);
		return rc;
	}
	case DISK_UNLINK:
		if (!sim_inode_at(sim, op->path))
			return -ENOENT;
		sim->group++;
		sim_change(sim, op->path, NULL, false);
		return 0;
	case DISK_SYNC_DIR:
		sim_sync_directory(sim, op->path);
		return 0;
	case DISK_CLOSE:
		sim_let_go(inode);
		sim->handles[op->file] = NULL;
		return 0;
	case DISK_PUT:
		return do_put(sim, op);
	case DISK_APPEND:
		return do_append(sim, op);
	case DISK_SCRUB:
		return do_scrub(sim, op);
	}
	return -ENOSYS;
}
