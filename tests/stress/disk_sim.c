#include "disk_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/fnv.h"
#include "disk_sim_files.h"

static struct disk_sim *sim_of(struct disk *disk)
{
	return (struct disk_sim *)disk;
}

static void stop(const char *what, const struct disk_op *op)
{
	fprintf(stderr, "disk_sim: %s: kind %u, file %u, offset %llu, len %u, path %s\n", what,
		op->kind, op->file, (unsigned long long)op->offset, op->len,
		op->path ? op->path : "-");
	abort();
}

static bool takes_space(unsigned kind)
{
	return kind == DISK_WRITE || kind == DISK_CREATE || kind == DISK_PUT ||
	       kind == DISK_APPEND || kind == DISK_ZERO;
}

static uint64_t hash(const struct disk_op *op)
{
	return fnv_bytes(FNV_START, op->buf, op->buf ? op->len : 0);
}

/* The bytes of the file that the operation changes. False: none. */
static bool touched(const struct disk_sim *sim, const struct disk_op *op, uint64_t *from,
		    uint64_t *to)
{
	uint64_t block = sim->disk.block;

	*from = op->offset / block * block;
	*to = (op->offset + op->len + block - 1) / block * block;
	if (op->kind == DISK_TRUNCATE)
		*to = UINT64_MAX;
	return op->kind == DISK_WRITE || op->kind == DISK_ZERO || op->kind == DISK_TRUNCATE;
}

static void check_op(struct disk_sim *sim, const struct disk_op *op)
{
	uint64_t from, to, other_from, other_to;

	if (op->kind == DISK_WRITE &&
	    ((uintptr_t)op->buf % sim->disk.block || op->offset % sim->disk.block ||
	     op->len % sim->disk.block || op->len == 0))
		stop("unaligned write", op);
	if (!touched(sim, op, &from, &to))
		return;
	if (!sim->handles[op->file])
		stop("no such file", op);
	for (unsigned i = 0; i < sim->flying_count; i++) {
		const struct flying *f = &sim->flying[i];

		if (f->inode == sim->handles[op->file] &&
		    touched(sim, f->op, &other_from, &other_to) && from < other_to &&
		    other_from < to)
			stop("two operations in flight touch the same block", op);
	}
}

static int sim_submit(struct disk *disk, struct disk_op *op)
{
	struct disk_sim *sim = sim_of(disk);

	if (sim->flying_count == FLYING_MAX || sim_rnd(sim, 50) == 0)
		return -EBUSY;
	check_op(sim, op);
	op->submitted_ns = sim->now;
	struct inode *inode = op->kind == DISK_CREATE ? NULL : sim->handles[op->file];
	sim->flying[sim->flying_count++] =
		(struct flying){op, hash(op), sim_moment, inode ? inode->size : 0, inode};
	return 0;
}

static void complete(struct disk_sim *sim, unsigned i)
{
	struct flying f = sim->flying[i];

	sim->flying[i] = sim->flying[--sim->flying_count];
	if (hash(f.op) != f.hash)
		stop("the bytes of a write changed under way", f.op);
	if (sim->faults.error_in && --sim->faults.error_in == 0 && f.op->kind != DISK_ZERO)
		f.op->result = -EIO;
	else if (sim->faults.full && takes_space(f.op->kind))
		f.op->result = -ENOSPC;
	else if (f.op->kind == DISK_SYNC)
		f.op->result = (sim_sync_until(f.inode, f.moment, f.size), 0);
	else
		f.op->result = sim_perform(sim, f.op);
	if (f.op->result >= 0)
		sim->counts[f.op->kind]++;
	f.op->completed_ns = ++sim->now;
	f.op->next = NULL;
	*sim->done_end = f.op;
	sim->done_end = &f.op->next;
}

void disk_sim_step(struct disk *disk)
{
	struct disk_sim *sim = sim_of(disk);

	sim->now += 1000;
	if (sim_rnd(sim, 100) < sim->faults.slow)
		return;
	for (uint64_t n = sim_rnd(sim, 4); n && sim->flying_count; n--) {
		unsigned i = (unsigned)sim_rnd(sim, sim->flying_count);

		/* The helper thread leaves these for later. */
		if (sim->flying[i].op->kind != DISK_ZERO || sim_rnd(sim, 20) == 0)
			complete(sim, i);
	}
}

static unsigned sim_reap(struct disk *disk, struct disk_op **ops, unsigned max)
{
	struct disk_sim *sim = sim_of(disk);
	unsigned n = 0;

	for (; sim->done && n < max; n++) {
		ops[n] = sim->done;
		sim->done = sim->done->next;
	}
	if (!sim->done)
		sim->done_end = &sim->done;
	return n;
}

static void sim_flush(struct disk *disk) {}

static int sim_wait_fd(struct disk *disk)
{
	return -1;
}

static int sim_mkdir(struct disk *disk, const char *path)
{
	struct disk_sim *sim = sim_of(disk);

	if (sim_find(sim->names, sim->names_count, path))
		return -EEXIST;
	sim->group++;
	sim_change(sim, path, NULL, true);
	return 0;
}

static int sim_list(struct disk *disk, const char *path,
		    int (*fn)(void *arg, const char *name, int is_dir), void *arg)
{
	struct disk_sim *sim = sim_of(disk);
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sim->names_count; i++)
		if (sim_in_directory(sim->names[i].path, path))
			rc = fn(arg, sim->names[i].path + strlen(path) + 1, sim->names[i].is_dir);
	return rc;
}

static int sim_open(struct disk *disk, const char *path, int direct, disk_file *file)
{
	struct disk_sim *sim = sim_of(disk);
	struct inode *inode = sim_inode_at(sim, path);

	if (!inode)
		return -ENOENT;
	*file = sim_handle(sim, inode);
	return 0;
}

static ssize_t sim_read(struct disk *disk, disk_file file, void *buf, size_t len, uint64_t offset)
{
	const struct inode *inode = sim_of(disk)->handles[file];

	if (offset >= inode->size)
		return 0;
	if (len > inode->size - offset)
		len = inode->size - offset;
	if (len > 5000) /* short reads are allowed */
		len -= len / 7;
	memcpy(buf, inode->now + offset, len);
	sim_of(disk)->read_bytes += len;
	return (ssize_t)len;
}

static int sim_stat(struct disk *disk, const char *path, struct disk_stat *st)
{
	const struct inode *inode = sim_inode_at(sim_of(disk), path);

	sim_of(disk)->stats++;
	if (!inode)
		return -ENOENT;
	st->size_bytes = inode->size;
	return 0;
}

static int64_t sim_run(struct disk *disk, struct disk_op *op)
{
	struct disk_sim *sim = sim_of(disk);

	/* From the chosen one on nothing works any more: the process is as good as dead. */
	if (sim->faults.run_error_in &&
	    (sim->faults.run_error_in == 1 || !--sim->faults.run_error_in))
		op->result = op->kind == DISK_CLOSE ? sim_perform(sim, op) : -EIO;
	else
		op->result = sim_perform(sim, op);
	return op->result;
}

/* ---- crashes ---- */

/* A write in flight when the power went: any of its sectors. */
static void tear(struct disk_sim *sim, const struct flying *f)
{
	const struct disk_op *op = f->op;
	static const uint8_t zeros[SECTOR];

	if (op->kind != DISK_WRITE && op->kind != DISK_ZERO)
		return;
	for (uint32_t at = 0; at < op->len; at += SECTOR) {
		uint32_t n = op->len - at < SECTOR ? op->len - at : SECTOR;
		const uint8_t *from =
			op->kind == DISK_WRITE ? (const uint8_t *)op->buf + at : zeros;

		if (sim_rnd(sim, 2))
			sim_put_bytes(f->inode, from, n, op->offset + at);
	}
}

void disk_sim_crash(struct disk *disk, bool power)
{
	struct disk_sim *sim = sim_of(disk);

	sim->faults.error_in = sim->faults.run_error_in = 0;
	while (sim->flying_count) {
		unsigned i = (unsigned)sim_rnd(sim, sim->flying_count);

		if (sim_rnd(sim, 2)) {
			complete(sim, i);
		} else {
			if (power || sim_rnd(sim, 2))
				tear(sim, &sim->flying[i]);
			sim->flying[i] = sim->flying[--sim->flying_count];
		}
	}
	sim->done = NULL;
	sim->done_end = &sim->done;
	if (power) {
		sim_settle_journal(sim, NULL, (unsigned)sim_rnd(sim, sim->journal_count + 1));
		while (sim->names_count)
			sim_let_go(sim->names[--sim->names_count].inode);
		for (unsigned i = 0; i < sim->durable_count; i++) {
			const struct name *n = &sim->durable[i];

			if (n->inode)
				sim_lose_power(sim, n->inode);
			sim_set_name(sim->names, &sim->names_count, n->path, n->inode, n->is_dir);
		}
	}
	sim_drop_handles(sim);
}

/* ---- for tests ---- */

static const struct disk_ops sim_ops = {
	.submit = sim_submit,
	.flush = sim_flush,
	.reap = sim_reap,
	.wait_fd = sim_wait_fd,
	.mkdir = sim_mkdir,
	.list = sim_list,
	.open = sim_open,
	.read = sim_read,
	.stat = sim_stat,
	.run = sim_run,
};

struct disk *disk_sim_create(uint64_t seed, uint32_t block)
{
	struct disk_sim *sim = calloc(1, sizeof(*sim));

	sim->disk.ops = &sim_ops;
	sim->disk.block = block;
	sim->random = seed;
	sim->done_end = &sim->done;
	return &sim->disk;
}

void disk_sim_destroy(struct disk *disk)
{
	struct disk_sim *sim = sim_of(disk);

	sim_drop_handles(sim);
	sim_settle_journal(sim, NULL, 0);
	while (sim->names_count)
		sim_let_go(sim->names[--sim->names_count].inode);
	while (sim->durable_count)
		sim_let_go(sim->durable[--sim->durable_count].inode);
	free(sim->journal);
	free(sim);
}

struct disk_sim_faults *disk_sim_faults(struct disk *disk)
{
	return &sim_of(disk)->faults;
}

const uint8_t *disk_sim_file(struct disk *disk, const char *path, uint64_t *len)
{
	const struct inode *inode = sim_inode_at(sim_of(disk), path);

	if (!inode)
		return NULL;
	*len = inode->size;
	return inode->now;
}

void disk_sim_put(struct disk *disk, const char *path, const void *bytes, uint64_t len)
{
	struct inode *inode = sim_open_or_make(sim_of(disk), path);

	sim_set_size(inode, 0);
	sim_put_bytes(inode, bytes, len, 0);
	sim_sync_inode(inode);
	sim_sync_parent(sim_of(disk), path);
}

uint64_t disk_sim_random(struct disk *disk, uint64_t below)
{
	return sim_rnd(sim_of(disk), below);
}

uint64_t disk_sim_count(struct disk *disk, enum disk_op_kind kind)
{
	return sim_of(disk)->counts[kind];
}

uint64_t disk_sim_read_bytes(struct disk *disk)
{
	return sim_of(disk)->read_bytes;
}

uint64_t disk_sim_stats(struct disk *disk)
{
	return sim_of(disk)->stats;
}
