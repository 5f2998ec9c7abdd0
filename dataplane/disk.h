/*
 * The seam between the log and the machine's storage. The log writer touches files through this
 * table only, so that the very same code runs on
 *   disk_uring   io_uring for writes and syncs, a helper thread for whatever may block long
 *   disk_sink    everything completes at once and writes nothing (what does the rest cost?)
 *   disk_sim     tests: a deterministic disk that fails, reorders and loses power
 *
 * Asynchronous operations: fill a struct disk_op (owned by the caller until it comes back),
 * submit(), get it back from reap() with result set: >= 0 or -errno. Operations may complete in any
 * order. The caller orders what must be ordered: two writes in flight never touch the same block, a
 * rename is submitted after the completion of what it follows.
 *
 * Synchronous operations are for start-up and recovery only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { DISK_PATH_MAX = 640 };

enum disk_op_kind {
	DISK_WRITE,  /* file, buf, buf_index, len, offset; result: bytes written, perhaps fewer than
			len */
	DISK_SYNC,   /* file: fdatasync */
	DISK_CREATE, /* path, offset = size: open or create for writing, set the size; result: 0,
			file set */
	DISK_ZERO,   /* file, offset, len: make these bytes zero and allocated, by writing them */
	DISK_TRUNCATE, /* file, offset = new size; durable when it comes back */
	DISK_RENAME,   /* path to path2, then sync of the directory that holds path2; flags &
			* DISK_RENAME_UNREAD: a reader that holds the file (flock) may still have
			* its bytes on their way, so it is unlinked instead; result: 1 then, else 0 */
	DISK_UNLINK,   /* path */
	DISK_SYNC_DIR, /* path: fsync of that directory */
	DISK_CLOSE,    /* file */
	DISK_PUT,    /* path: replace atomically and durably by buf[0..len): write path.tmp, fsync,
		      * rename,    sync of the directory */
	DISK_APPEND, /* path, buf, len, offset: buffered pwrite into a small file (indexes), created
		      * if missing; flags & DISK_APPEND_FINAL: truncate behind it and fsync */
	DISK_SCRUB,  /* path of a recycled segment, offset of one of its batches: makes old batches
		      * from  there on unfit to be taken for new ones (log_scrub.h). result: the
		      * offset to go  on from, or 0: done and durable */
};

enum { DISK_APPEND_FINAL = 1, DISK_RENAME_UNREAD = 1 };

/* An open file of this disk; 0 is no file. */
typedef uint32_t disk_file;

struct disk_op {
	uint8_t kind; /* enum disk_op_kind */
	uint8_t flags;
	uint16_t buf_index; /* DISK_WRITE: registered buffer, or UINT16_MAX */
	disk_file file;
	const void *buf; /* DISK_WRITE with O_DIRECT: SLAB_BLOCK aligned, as are offset and len */
	uint32_t len;
	int64_t result;
	uint64_t offset;
	uint64_t submitted_ns, completed_ns; /* monotonic; set by the disk */
	void *owner;			     /* the caller's */
	struct disk_op *next;		     /* the disk's while in flight, else the caller's */
	const char *path, *path2;	     /* the caller's memory, valid while in flight */
};

struct disk_stat {
	uint64_t size_bytes;
};

struct disk;

struct disk_ops {
	/* 0, or -EBUSY: full, reap first. */
	int (*submit)(struct disk *, struct disk_op *);
	/* Hands over what submit() gathered: at most one system call. Once a poll round, last. */
	void (*flush)(struct disk *);
	/* Completed operations, linked into ops[]; never blocks. */
	unsigned (*reap)(struct disk *, struct disk_op **ops, unsigned max);
	/* File descriptor to poll for completions, or -1. */
	int (*wait_fd)(struct disk *);

	/* Start-up and recovery. Each -errno on failure. */
	int (*mkdir)(struct disk *, const char *path);
	/* Calls fn for each entry (not . and ..) until it returns non-zero, which is returned. */
	int (*list)(struct disk *, const char *path,
		    int (*fn)(void *arg, const char *name, int is_dir), void *arg);
	int (*open)(struct disk *, const char *path, int direct,
		    disk_file *file); /* read and write */
	ssize_t (*read)(struct disk *, disk_file, void *buf, size_t len, uint64_t offset);
	int (*stat)(struct disk *, const char *path, struct disk_stat *st);
	/* Runs one asynchronous operation to its end. */
	int64_t (*run)(struct disk *, struct disk_op *);
};

struct disk {
	const struct disk_ops *ops;
	uint32_t block; /* alignment of direct writes: SLAB_BLOCK; 1 when writes are buffered */
};

struct disk_uring_config {
	unsigned depth;		     /* writes in flight */
	int direct;		     /* enum plan_direct */
	int async;		     /* 1: IOSQE_ASYNC, for a core that also polls */
	const char *probe_path;	     /* data directory: is O_DIRECT possible there? */
	int helper_cpu;		     /* the helper thread's processor, or -1 */
	const struct iovec *buffers; /* slab memory to register */
	unsigned buffers_count;
};

int disk_uring_create(struct disk **out, const struct disk_uring_config *config, char *err,
		      size_t err_size);
void disk_uring_destroy(struct disk *disk);
int disk_sink_create(struct disk **out);
void disk_sink_destroy(struct disk *disk);
