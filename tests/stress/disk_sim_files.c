#include "disk_sim_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t sim_rnd(struct disk_sim *sim, uint64_t below)
{
	uint64_t x = sim->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return below ? (x ^ x >> 31) % below : 0;
}

/* ---- inodes ---- */

struct inode *sim_hold(struct inode *inode)
{
	if (inode)
		inode->links++;
	return inode;
}

void sim_let_go(struct inode *inode)
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

uint64_t sim_moment = 1; /* counts changes of files */

static void mark_dirty(struct inode *inode, uint64_t block)
{
	sim_moment++;
	if (!inode->dirty[block])
		inode->dirty[block] = sim_moment;
}

void sim_put_bytes(struct inode *inode, const void *buf, uint64_t len, uint64_t offset)
{
	make_room(inode, offset + len);
	if (len)
		memcpy(inode->now + offset, buf, len);
	for (uint64_t b = offset / SLAB_BLOCK; len && b <= (offset + len - 1) / SLAB_BLOCK; b++)
		mark_dirty(inode, b);
	if (offset + len > inode->size)
		inode->size = offset + len;
}

void sim_set_size(struct inode *inode, uint64_t size)
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
void sim_sync_until(struct inode *inode, uint64_t until, uint64_t size)
{
	for (uint64_t b = 0; b < inode->room / SLAB_BLOCK; b++)
		if (inode->dirty[b] && inode->dirty[b] <= until) {
			memcpy(inode->durable + b * SLAB_BLOCK, inode->now + b * SLAB_BLOCK,
			       SLAB_BLOCK);
			inode->dirty[b] = 0;
		}
	inode->durable_size = size;
}

void sim_sync_inode(struct inode *inode)
{
	sim_sync_until(inode, UINT64_MAX, inode->size);
}

/* ---- names ---- */

struct name *sim_find(struct name *names, unsigned count, const char *path)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i].path, path) == 0)
			return &names[i];
	return NULL;
}

void sim_set_name(struct name *names, unsigned *count, const char *path, struct inode *inode,
		  bool is_dir)
{
	struct name *n = sim_find(names, *count, path);

	sim_hold(inode);
	if (n) {
		sim_let_go(n->inode);
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

void sim_change(struct disk_sim *sim, const char *path, struct inode *inode, bool is_dir)
{
	if (sim->journal_count == sim->journal_room) {
		sim->journal_room = sim->journal_room ? 2 * sim->journal_room : 256;
		sim->journal = realloc(sim->journal, sim->journal_room * sizeof(*sim->journal));
	}
	struct change *c = &sim->journal[sim->journal_count++];
	*c = (struct change){.inode = sim_hold(inode), .is_dir = is_dir, .group = sim->group};
	snprintf(c->path, sizeof(c->path), "%s", path);
	sim_set_name(sim->names, &sim->names_count, path, inode, is_dir);
}

bool sim_in_directory(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

/* Makes the first n changes of a directory durable; forgets all of them. dir NULL: every one. */
void sim_settle_journal(struct disk_sim *sim, const char *dir, unsigned n)
{
	unsigned kept = 0, group = UINT32_MAX;

	for (unsigned i = 0; i < sim->journal_count; i++) {
		struct change *c = &sim->journal[i];

		if (dir && !sim_in_directory(c->path, dir)) {
			sim->journal[kept++] = *c;
			continue;
		}
		if (n || c->group == group) {
			sim_set_name(sim->durable, &sim->durable_count, c->path, c->inode,
				     c->is_dir);
			group = c->group;
			n -= n ? 1 : 0;
		}
		sim_let_go(c->inode);
	}
	sim->journal_count = kept;
}

struct inode *sim_inode_at(struct disk_sim *sim, const char *path)
{
	struct name *n = sim_find(sim->names, sim->names_count, path);

	return n && !n->is_dir ? n->inode : NULL;
}

struct inode *sim_open_or_make(struct disk_sim *sim, const char *path)
{
	struct inode *inode = sim_inode_at(sim, path);

	if (!inode) {
		inode = calloc(1, sizeof(*inode));
		make_room(inode, 1);
		sim->group++;
		sim_change(sim, path, inode, false);
	}
	return inode;
}

disk_file sim_handle(struct disk_sim *sim, struct inode *inode)
{
	for (unsigned i = 1; i < HANDLES_MAX; i++)
		if (!sim->handles[i]) {
			sim->handles[i] = sim_hold(inode);
			return i;
		}
	abort();
}

void sim_sync_directory(struct disk_sim *sim, const char *dir)
{
	sim_settle_journal(sim, dir, UINT32_MAX);
}

void sim_sync_parent(struct disk_sim *sim, const char *path)
{
	char dir[DISK_PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	sim_sync_directory(sim, dir);
}

void sim_lose_power(struct disk_sim *sim, struct inode *inode)
{
	uint64_t mood = sim_rnd(sim, 4); /* some cuts take nothing, some take all */

	for (uint64_t b = 0; b < inode->room / SLAB_BLOCK; b++)
		if (inode->dirty[b] && (mood == 0 || (mood > 1 && sim_rnd(sim, 2))))
			memcpy(inode->now + b * SLAB_BLOCK, inode->durable + b * SLAB_BLOCK,
			       SLAB_BLOCK);
	if (sim_rnd(sim, 2))
		inode->size = inode->durable_size;
	memset(inode->now + inode->size, 0, inode->room - inode->size);
	sim_sync_inode(inode);
}

void sim_drop_handles(struct disk_sim *sim)
{
	for (unsigned i = 0; i < HANDLES_MAX; i++) {
		sim_let_go(sim->handles[i]);
		sim->handles[i] = NULL;
	}
}
