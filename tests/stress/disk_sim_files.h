/* The simulated disk's files: what is in them, what of it is durable, what they are called. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/disk.h"
#include "dataplane/slab.h"
#include "disk_sim.h"

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
	uint64_t now, counts[KINDS], read_bytes, stats;
};

extern uint64_t sim_moment; /* counts changes of files */

uint64_t sim_rnd(struct disk_sim *sim, uint64_t below);
struct inode *sim_hold(struct inode *inode);
void sim_let_go(struct inode *inode);
void sim_put_bytes(struct inode *inode, const void *buf, uint64_t len, uint64_t offset);
void sim_set_size(struct inode *inode, uint64_t size);
void sim_sync_until(struct inode *inode, uint64_t until, uint64_t size);
void sim_sync_inode(struct inode *inode);
struct name *sim_find(struct name *names, unsigned count, const char *path);
void sim_set_name(struct name *names, unsigned *count, const char *path, struct inode *inode,
		  bool is_dir);
void sim_change(struct disk_sim *sim, const char *path, struct inode *inode, bool is_dir);
bool sim_in_directory(const char *path, const char *dir);
void sim_settle_journal(struct disk_sim *sim, const char *dir, unsigned n);
struct inode *sim_inode_at(struct disk_sim *sim, const char *path);
struct inode *sim_open_or_make(struct disk_sim *sim, const char *path);
disk_file sim_handle(struct disk_sim *sim, struct inode *inode);
void sim_sync_directory(struct disk_sim *sim, const char *dir);
void sim_sync_parent(struct disk_sim *sim, const char *path);
void sim_lose_power(struct disk_sim *sim, struct inode *inode);
void sim_drop_handles(struct disk_sim *sim);

/* What the operation comes to: its result (disk_sim_ops.c). */
int64_t sim_perform(struct disk_sim *sim, struct disk_op *op);
