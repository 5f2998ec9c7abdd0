#include "disk_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/log/log_scrub.h"
#include "dataplane/slab.h"

enum {
	FLYING_MAX = 4096,
	NAMES_MAX = 4096,
	HANDLES_MAX = 4096,
	SECTOR = 512,
	KINDS = DISK_SCRUB + 1,
};

struct inode {
	uint8_t *now, *durable; /* room bytes each, zero behind the sizes */
	uint8_t *dirty;		/* one flag a block: now may differ from durable */
	uint64_t size, durable_size, room;
	unsigned links; /* names, handles, journal entries */
};

struct name {
	char path[DISK_PATH_MAX];
	struct inode *inode; /* NULL: a directory */
	bool is_dir;
};

/* A change of a directory since it was synced: path got this inode (NULL: was unlinked). */
struct change {
	char path[DISK_PATH_MAX];
	struct inode *inode;
	bool is_dir;
	unsigned group; /* both halves of a rename survive together */
};

struct flying {
	struct disk_op *op;
	uint64_t hash, moment, size; /* when it was submitted */
	struct inode *inode;
};

struct disk_sim {
	struct disk disk;
	uint64_t random;
	struct disk_sim_faults faults;
	struct name names[NAMES_MAX], durable[NAMES_MAX];
	unsigned names_count, durable_count;
	struct change *journal;
	unsigned journal_count, journal_room, group;
	struct inode *handles[HANDLES_MAX];
	struct flying flying[FLYING_MAX];
	unsigned flying_count;
	struct disk_op *done, **done_end;
	uint64_t now, counts[KINDS];
};

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

static uint64_t rnd(struct disk_sim *sim, uint64_t below)
{
	uint64_t x = sim->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return below ? (x ^ x >> 31) % below : 0;
}

/* ---- inodes ---- */

static struct inode *hold(struct inode *inode)
{
	if (inode)
		inode->links++;
	return inode;
}

static void let_go(struct inode *inode)
{
	if (!inode || --inode->links)
		return;
	free(inode->now);
	free(inode->durable);
	free(inode->dirty);
	free(inode);
}

static void make_room(struct inode *inode, uint64_t bytes)
{
	if (bytes <= inode->room)
		return;
	uint64_t room = (bytes + 65535) / 65536 * 65536;
	inode->now = realloc(inode->now, room);
	inode->durable = realloc(inode->durable, room);
	inode->dirty = realloc(inode->dirty, room / SLAB_BLOCK * sizeof(uint64_t));
	memset(inode->now + inode->room, 0, room - inode->room);
	memset(inode->durable + inode->room, 0, room - inode->room);
	memset(inode->dirty + inode->room / SLAB_BLOCK, 0,
	       (room - inode->room) / SLAB_BLOCK * sizeof(uint64_t));
	inode->room = room;
}

static uint64_t moment = 1; /* counts changes of files */

static void mark_dirty(struct inode *inode, uint64_t block)
{
	moment++;
	if (!inode->dirty[block])
		inode->dirty[block] = moment;
}

static void put_bytes(struct inode *inode, const void *buf, uint64_t len, uint64_t offset)
{
	make_room(inode, offset + len);
	if (len)
		memcpy(inode->now + offset, buf, len);
	for (uint64_t b = offset / SLAB_BLOCK; len && b <= (offset + len - 1) / SLAB_BLOCK; b++)
		mark_dirty(inode, b);
	if (offset + len > inode->size)
		inode->size = offset + len;
}

static void set_size(struct inode *inode, uint64_t size)
{
	make_room(inode, size);
	if (size < inode->size) {
		memset(inode->now + size, 0, inode->room - size);
		for (uint64_t b = size / SLAB_BLOCK; b < inode->room / SLAB_BLOCK; b++)
			mark_dirty(inode, b);
	}
	inode->size = size;
}

/* What was there at that moment becomes durable; what came later need not. */
static void sync_until(struct inode *inode, uint64_t until, uint64_t size)
{
	for (uint64_t b = 0; b < inode->room / SLAB_BLOCK; b++)
		if (inode->dirty[b] && inode->dirty[b] <= until) {
			memcpy(inode->durable + b * SLAB_BLOCK, inode->now + b * SLAB_BLOCK,
			       SLAB_BLOCK);
			inode->dirty[b] = 0;
		}
	inode->durable_size = size;
}

static void sync_inode(struct inode *inode)
{
	sync_until(inode, UINT64_MAX, inode->size);
}

/* ---- names ---- */

static struct name *find(struct name *names, unsigned count, const char *path)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i].path, path) == 0)
			return &names[i];
	return NULL;
}

static void set_name(struct name *names, unsigned *count, const char *path, struct inode *inode,
		     bool is_dir)
{
	struct name *n = find(names, *count, path);

	hold(inode);
	if (n) {
		let_go(n->inode);
		if (inode || is_dir)
			n->inode = inode;
		else
			*n = names[--*count];
	} else if (inode || is_dir) {
		if (*count == NAMES_MAX)
			abort();
		n = &names[(*count)++];
		*n = (struct name){.inode = inode, .is_dir = is_dir};
		snprintf(n->path, sizeof(n->path), "%s", path);
	}
}

static void change(struct disk_sim *sim, const char *path, struct inode *inode, bool is_dir)
{
	if (sim->journal_count == sim->journal_room) {
		sim->journal_room = sim->journal_room ? 2 * sim->journal_room : 256;
		sim->journal = realloc(sim->journal, sim->journal_room * sizeof(*sim->journal));
	}
	struct change *c = &sim->journal[sim->journal_count++];
	*c = (struct change){.inode = hold(inode), .is_dir = is_dir, .group = sim->group};
	snprintf(c->path, sizeof(c->path), "%s", path);
	set_name(sim->names, &sim->names_count, path, inode, is_dir);
}

static bool in_directory(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

/* Makes the first n changes of a directory durable; forgets all of them. dir NULL: every one. */
static void settle_journal(struct disk_sim *sim, const char *dir, unsigned n)
{
	unsigned kept = 0, group = UINT32_MAX;

	for (unsigned i = 0; i < sim->journal_count; i++) {
		struct change *c = &sim->journal[i];

		if (dir && !in_directory(c->path, dir)) {
			sim->journal[kept++] = *c;
			continue;
		}
		if (n || c->group == group) {
			set_name(sim->durable, &sim->durable_count, c->path, c->inode, c->is_dir);
			group = c->group;
			n -= n ? 1 : 0;
		}
		let_go(c->inode);
	}
	sim->journal_count = kept;
}

static struct inode *inode_at(struct disk_sim *sim, const char *path)
{
	struct name *n = find(sim->names, sim->names_count, path);

	return n && !n->is_dir ? n->inode : NULL;
}

static struct inode *open_or_make(struct disk_sim *sim, const char *path)
{
	struct inode *inode = inode_at(sim, path);

	if (!inode) {
		inode = calloc(1, sizeof(*inode));
		make_room(inode, 1);
		sim->group++;
		change(sim, path, inode, false);
	}
	return inode;
}

static disk_file handle(struct disk_sim *sim, struct inode *inode)
{
	for (unsigned i = 1; i < HANDLES_MAX; i++)
		if (!sim->handles[i]) {
			sim->handles[i] = hold(inode);
			return i;
		}
	abort();
}

static void sync_directory(struct disk_sim *sim, const char *dir)
{
	settle_journal(sim, dir, UINT32_MAX);
}

static void sync_parent(struct disk_sim *sim, const char *path)
{
	char dir[DISK_PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	sync_directory(sim, dir);
}

/* ---- operations ---- */

static int64_t do_write(struct disk_sim *sim, struct disk_op *op)
{
	uint32_t len = op->len;

	if (rnd(sim, 100) < sim->faults.short_writes && len > sim->disk.block)
		len = (uint32_t)(1 + rnd(sim, len / sim->disk.block - 1)) * sim->disk.block;
	put_bytes(sim->handles[op->file], op->buf, len, op->offset);
	return len;
}

static int64_t do_rename(struct disk_sim *sim, const char *from, const char *to)
{
	struct inode *inode = inode_at(sim, from);

	if (!inode)
		return -ENOENT;
	hold(inode);
	sim->group++;
	change(sim, to, inode, false);
	change(sim, from, NULL, false);
	let_go(inode);
	return 0;
}

static int64_t do_put(struct disk_sim *sim, struct disk_op *op)
{
	char tmp[DISK_PATH_MAX];

	snprintf(tmp, sizeof(tmp), "%.600s.tmp", op->path);
	struct inode *inode = open_or_make(sim, tmp);
	set_size(inode, 0);
	put_bytes(inode, op->buf, op->len, 0);
	sync_inode(inode);
	/* The power may go between any two of these. */
	if (rnd(sim, 4) == 0 && sim->faults.error_in == 1)
		return -EIO;
	do_rename(sim, tmp, op->path);
	sync_parent(sim, op->path);
	return 0;
}

static int64_t do_append(struct disk_sim *sim, struct disk_op *op)
{
	struct inode *inode = open_or_make(sim, op->path);

	put_bytes(inode, op->buf, op->len, op->offset);
	if (op->flags & DISK_APPEND_FINAL) {
		set_size(inode, op->offset + op->len);
		sync_inode(inode);
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
	put_bytes(arg, buf, len, offset);
	return 0;
}

static int64_t do_scrub(struct disk_sim *sim, struct disk_op *op)
{
	static const struct log_scrub_io io = {scrub_read, scrub_write};
	struct inode *inode = inode_at(sim, op->path);
	int64_t rc = inode ? log_scrub(&io, inode, op->offset, 16) : -ENOENT;

	if (rc == 0)
		sync_inode(inode);
	return rc;
}

static int64_t perform(struct disk_sim *sim, struct disk_op *op)
{
	static const uint8_t zeros[1 << 20];
	struct inode *inode = sim->handles[op->file];

	switch ((enum disk_op_kind)op->kind) {
	case DISK_WRITE:
		return do_write(sim, op);
	case DISK_SYNC:
		sync_inode(inode);
		return 0;
	case DISK_CREATE:
		inode = open_or_make(sim, op->path);
		set_size(inode, op->offset);
		op->file = handle(sim, inode);
		return 0;
	case DISK_ZERO:
		put_bytes(inode, zeros, op->len, op->offset);
		return 0;
	case DISK_TRUNCATE:
		set_size(inode, op->offset);
		sync_inode(inode);
		return 0;
	case DISK_RENAME: {
		int64_t rc = do_rename(sim, op->path, op->path2);
		sync_parent(sim, op->path2);
		return rc;
	}
	case DISK_UNLINK:
		if (!inode_at(sim, op->path))
			return -ENOENT;
		sim->group++;
		change(sim, op->path, NULL, false);
		return 0;
	case DISK_SYNC_DIR:
		sync_directory(sim, op->path);
		return 0;
	case DISK_CLOSE:
		let_go(inode);
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

static bool takes_space(unsigned kind)
{
	return kind == DISK_WRITE || kind == DISK_CREATE || kind == DISK_PUT ||
	       kind == DISK_APPEND || kind == DISK_ZERO;
}

static uint64_t hash(const struct disk_op *op)
{
	const uint8_t *p = op->buf;
	uint64_t h = 14695981039346656037u;

	for (uint32_t i = 0; op->buf && i < op->len; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
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

	if (sim->flying_count == FLYING_MAX || rnd(sim, 50) == 0)
		return -EBUSY;
	check_op(sim, op);
	op->submitted_ns = sim->now;
	struct inode *inode = op->kind == DISK_CREATE ? NULL : sim->handles[op->file];
	sim->flying[sim->flying_count++] =
		(struct flying){op, hash(op), moment, inode ? inode->size : 0, inode};
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
		f.op->result = (sync_until(f.inode, f.moment, f.size), 0);
	else
		f.op->result = perform(sim, f.op);
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
	if (rnd(sim, 100) < sim->faults.slow)
		return;
	for (uint64_t n = rnd(sim, 4); n && sim->flying_count; n--) {
		unsigned i = (unsigned)rnd(sim, sim->flying_count);

		/* The helper thread leaves these for later. */
		if (sim->flying[i].op->kind != DISK_ZERO || rnd(sim, 20) == 0)
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

	if (find(sim->names, sim->names_count, path))
		return -EEXIST;
	sim->group++;
	change(sim, path, NULL, true);
	return 0;
}

static int sim_list(struct disk *disk, const char *path,
		    int (*fn)(void *arg, const char *name, int is_dir), void *arg)
{
	struct disk_sim *sim = sim_of(disk);
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sim->names_count; i++)
		if (in_directory(sim->names[i].path, path))
			rc = fn(arg, sim->names[i].path + strlen(path) + 1, sim->names[i].is_dir);
	return rc;
}

static int sim_open(struct disk *disk, const char *path, int direct, disk_file *file)
{
	struct disk_sim *sim = sim_of(disk);
	struct inode *inode = inode_at(sim, path);

	if (!inode)
		return -ENOENT;
	*file = handle(sim, inode);
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
	return (ssize_t)len;
}

static int sim_stat(struct disk *disk, const char *path, struct disk_stat *st)
{
	const struct inode *inode = inode_at(sim_of(disk), path);

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
		op->result = op->kind == DISK_CLOSE ? perform(sim, op) : -EIO;
	else
		op->result = perform(sim, op);
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

		if (rnd(sim, 2))
			put_bytes(f->inode, from, n, op->offset + at);
	}
}

static void lose_power(struct disk_sim *sim, struct inode *inode)
{
	uint64_t mood = rnd(sim, 4); /* some cuts take nothing, some take all */

	for (uint64_t b = 0; b < inode->room / SLAB_BLOCK; b++)
		if (inode->dirty[b] && (mood == 0 || (mood > 1 && rnd(sim, 2))))
			memcpy(inode->now + b * SLAB_BLOCK, inode->durable + b * SLAB_BLOCK,
			       SLAB_BLOCK);
	if (rnd(sim, 2))
		inode->size = inode->durable_size;
	memset(inode->now + inode->size, 0, inode->room - inode->size);
	sync_inode(inode);
}

static void drop_handles(struct disk_sim *sim)
{
	for (unsigned i = 0; i < HANDLES_MAX; i++) {
		let_go(sim->handles[i]);
		sim->handles[i] = NULL;
	}
}

void disk_sim_crash(struct disk *disk, bool power)
{
	struct disk_sim *sim = sim_of(disk);

	sim->faults.error_in = sim->faults.run_error_in = 0;
	while (sim->flying_count) {
		unsigned i = (unsigned)rnd(sim, sim->flying_count);

		if (rnd(sim, 2)) {
			complete(sim, i);
		} else {
			if (power || rnd(sim, 2))
				tear(sim, &sim->flying[i]);
			sim->flying[i] = sim->flying[--sim->flying_count];
		}
	}
	sim->done = NULL;
	sim->done_end = &sim->done;
	if (power) {
		settle_journal(sim, NULL, (unsigned)rnd(sim, sim->journal_count + 1));
		while (sim->names_count)
			let_go(sim->names[--sim->names_count].inode);
		for (unsigned i = 0; i < sim->durable_count; i++) {
			const struct name *n = &sim->durable[i];

			if (n->inode)
				lose_power(sim, n->inode);
			set_name(sim->names, &sim->names_count, n->path, n->inode, n->is_dir);
		}
	}
	drop_handles(sim);
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

	drop_handles(sim);
	settle_journal(sim, NULL, 0);
	while (sim->names_count)
		let_go(sim->names[--sim->names_count].inode);
	while (sim->durable_count)
		let_go(sim->durable[--sim->durable_count].inode);
	free(sim->journal);
	free(sim);
}

struct disk_sim_faults *disk_sim_faults(struct disk *disk)
{
	return &sim_of(disk)->faults;
}

const uint8_t *disk_sim_file(struct disk *disk, const char *path, uint64_t *len)
{
	const struct inode *inode = inode_at(sim_of(disk), path);

	if (!inode)
		return NULL;
	*len = inode->size;
	return inode->now;
}

void disk_sim_put(struct disk *disk, const char *path, const void *bytes, uint64_t len)
{
	struct inode *inode = open_or_make(sim_of(disk), path);

	set_size(inode, 0);
	put_bytes(inode, bytes, len, 0);
	sync_inode(inode);
	sync_parent(sim_of(disk), path);
}

uint64_t disk_sim_random(struct disk *disk, uint64_t below)
{
	return rnd(sim_of(disk), below);
}

uint64_t disk_sim_count(struct disk *disk, enum disk_op_kind kind)
{
	return sim_of(disk)->counts[kind];
}
