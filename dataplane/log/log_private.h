/*
 * The log's inside. One struct log per log core; everything here is touched by that core's thread
 * alone, but for the fields marked "main" and the two atomic mailboxes.
 *
 *     log_submit -> queue of the partition -> log_seal -> log_place -> writes in flight -> log_sync
 *                                                            |                               |
 *                                                       log_segment (roll, chores)      log_publish
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/log_format.h"
#include "api/plan.h"
#include "api/state.h"
#include "disk.h"
#include "log.h"
#include "log_index.h"
#include "slab.h"

enum {
	LOG_PATH_MAX = DISK_PATH_MAX,
	LOG_SPARES_MAX = 2,	  /* recycled files kept for each partition */
	LOG_COMMITS = 64,	  /* batches whose time to durable is watched, for each partition */
	LOG_REAP = 64,		  /* completions taken at once */
	LOG_ZERO_CHUNK = 1 << 20, /* zeroed ahead in one operation */
	LOG_CHECKPOINT_BYTES = 512,
};
#define LOG_RETRY_NS   UINT64_C(100000000)  /* no space: try again this much later */
#define LOG_GIVE_UP_NS UINT64_C(3000000000) /* no space at a stop: fail after this long */

/* An operation of ours; disk_op.owner points back to it. done() is called on success only
 * (DISK_ZERO: always); no space is retried and all other errors stop the log before it comes to
 * that. */
struct log_op {
	struct disk_op op;
	void (*done)(struct log *log, struct log_op *lop);
	struct log_partition *p;
	struct log_segment *seg;
	struct log_op *next; /* in the backlog or the retry list */
	bool busy;
	bool stuck; /* came back with no space; cleared when it succeeds */
};

/* One index file being written. */
struct log_index_file {
	struct log_op lop;
	uint8_t *ring;		 /* LOG_INDEX_RING entries */
	uint32_t entry;		 /* bytes of one */
	uint64_t added, written; /* entries; those between are in the ring */
	uint32_t flying;	 /* entries of the append under way */
	bool closing;		 /* nothing more comes: the next append is the last ... */
	bool last_sent;		 /* ... and is under way ... */
	bool closed;		 /* ... and done */
	char path[LOG_PATH_MAX];
};

struct log_index {
	struct log_index_rule rule;
	struct log_index_file offsets, times;
};

/* One segment write. */
struct log_write {
	struct log_op lop;
	struct log_write *next; /* in the segment's order, or in the free list */
	struct slab *slab;	/* goes back when the write is done; NULL: a tail block */
	uint64_t end_pos;	/* the last batch boundary that this write completes ... */
	uint64_t end_offset;	/* ... and the offset after it */
	bool padded;		/* its last block holds a batch's tail and zeros: the next write
				 * begins in that same block and must wait */
	bool done;
};

enum log_segment_step {
	SEGMENT_NONE,	/* no segment here */
	SEGMENT_ACTIVE, /* batches go here */
	SEGMENT_DRAIN,	/* no more batches; what is underway is written and synced */
	SEGMENT_TRIM,	/* being cut to its last batch; indexes being finished */
	SEGMENT_RECORD, /* the checkpoint is being moved past it */
	SEGMENT_CLOSE,	/* its file is being closed */
	SEGMENT_CLOSED, /* clean stop only: nothing left to do */
};

struct log_segment {
	enum log_segment_step step;
	uint64_t base;
	disk_file file;
	bool named; /* %020d.log is its name for good; before that nothing in it is published */
	bool last;  /* clean stop: no successor */
	bool trimmed;
	bool recycled;	 /* its blocks were written before: no zeroing */
	uint64_t size;	 /* set at creation; the write position may pass it */
	uint64_t zeroed; /* bytes zeroed ahead, or before that the position zeroing skips to */
	uint64_t pos;	 /* end of the last batch placed */
	uint64_t end_offset;
	uint64_t flushed; /* end of what was handed to the disk; < pos: the tail block waits */
	uint64_t written_pos, written_offset; /* all batches up to here are in the file */
	uint64_t synced_pos, synced_offset;   /* ... and survive a power cut */
	int64_t first_max_ts; /* of the first batch: the segment's age counts from it */
	uint8_t *tail;	      /* block: the last bytes before pos that fill no whole block */
	bool pad_flying;      /* a padded write is in flight */
	struct log_write *writes, **writes_end; /* in flight, in order */
	struct log_index index;
	struct log_op chore; /* trim, then close */
	char path[LOG_PATH_MAX];
};

enum log_next_state { NEXT_NONE, NEXT_RENAMING, NEXT_SCRUBBING, NEXT_CREATING, NEXT_READY };

/* The file that the next roll goes on in. */
struct log_next {
	enum log_next_state state;
	disk_file file;
	uint64_t size, zeroed;
	bool recycled;
	struct log_op lop;
	char path[LOG_PATH_MAX], from[LOG_PATH_MAX];
};

struct log_retired {
	uint64_t base, bytes;
};

/* A request for retention: filled in by main, carried out by the log core. */
struct log_retire {
	_Atomic int asked; /* 1 by main, 0 by the log core when all is done */
	uint64_t log_start;
	struct log_retired *segments; /* main's memory, untouched while asked */
	unsigned count, at;
	enum {
		RETIRE_IDLE,
		RETIRE_RECORD,
		RETIRE_RECORDING,
		RETIRE_LOG,
		RETIRE_INDEX,
		RETIRE_TIMEINDEX
	} step;
	struct log_op lop;
	char path[LOG_PATH_MAX], path2[LOG_PATH_MAX];
};

/* When the first event of a batch came, until the batch is durable. */
struct log_commit {
	uint64_t end_offset, opened_ns, batches;
};

struct log_partition {
	struct log *log;
	struct state_partition *st;
	uint16_t partition, slot;
	uint32_t epoch;
	char dir[LOG_PATH_MAX];

	/* Slabs in order; the first queued_sealed of them have their offsets and checksums. */
	struct slab *queue, **queue_end;
	unsigned queued, queued_sealed;
	uint64_t next_offset;
	uint64_t given_bytes; /* raw sizes of all batches placed: what the polling core predicts by
			       */
	uint64_t packets;     /* cumulative, for state_recent */

	struct log_segment segments[2];
	struct log_segment *active, *closing; /* closing: NULL when none */
	struct log_next next;
	struct log_op zero;
	uint64_t sealed_bytes, sealed_count;	      /* of segments other than the active one */
	uint64_t sealed_last_base, sealed_last_bytes; /* of them the one sealed last in this life */
	uint64_t spares[LOG_SPARES_MAX];
	unsigned spares_count;
	uint64_t log_start;
	unsigned writes_stuck; /* writes that wait for space */
	unsigned ops_stuck;    /* operations of all kinds that do */
	bool segment_wait;     /* a batch waits for a file to roll into */

	bool unclean;	     /* the checkpoint on disk no longer says "clean" ... */
	uint64_t opened_pos; /* ... which it may until a batch comes behind this */
	struct log_op put;   /* checkpoint */
	void (*put_done)(struct log *log, struct log_partition *p);
	char put_path[LOG_PATH_MAX], put_text[LOG_CHECKPOINT_BYTES];

	struct log_op rename; /* the roll's */
	struct log_retire retire;

	/* Batches not settled: not durable, or with sync off not written. */
	uint64_t dirty_since;
	bool tail_sent;					/* since the last sync began, up to ... */
	uint64_t tail_pos;				/* ... here in the active segment */
	struct log_partition *dirty_next, **dirty_link; /* dirty_link NULL: not in the list */
	struct log_commit commits[LOG_COMMITS];
	unsigned commits_first, commits_count;
	uint64_t index_flush_ns;

	struct log_partition *ready_next, *attention_next, *all_next, *inbox_next;
	bool ready, attention;
	bool closed;
	struct state_partition dummy_state[]; /* one, when the log has no state block */
};

struct log_codec; /* log_codec.h */

struct log {
	struct log_config config;
	struct disk *disk;
	const struct plan *plan; /* the running one: that of the last poll */
	/* What no reload changes; the plan it came with may be gone. */
	uint16_t streams_max;
	bool visible_written;
	uint32_t prepare_bytes;
	char storage_path[PLAN_PATH_MAX];
	struct state_core *core;
	struct state_core own_core; /* when there is no state block */
	uint64_t now;

	/* By partition and slot: main's as soon as opened, the log core's when picked up. */
	struct log_partition **opened, **table;
	_Atomic(struct log_partition *) inbox;
	_Atomic unsigned retains_asked;
	unsigned retains_seen;

	struct log_partition *all;
	struct log_partition *ready, **ready_end; /* slabs to place */
	struct log_partition *attention,
		**attention_end;		  /* something changed: publish, do chores */
	struct log_partition *dirty, **dirty_end; /* oldest first */

	struct log_write *writes, *writes_free;
	unsigned write_depth, writes_flying;
	struct log_op *backlog, **backlog_end; /* the disk was full */
	struct log_op *stuck, **stuck_end;     /* no space: again at retry_ns */
	uint64_t retry_ns;
	uint64_t give_up_ns; /* closing without space: then no more; 0: not in that case */
	unsigned ops_flying;

	/* The one fsync in flight. */
	struct log_op sync;
	uint64_t sync_pos, sync_offset;

	struct slab *free, **free_end;
	struct log_codec *codec;
	unsigned submitted_held; /* slabs between log_submit() and log_take_free() */
	bool closing;
	int failed; /* -errno */
	char failed_text[STATE_TEXT_MAX];
};

/* log_core.c */
void log_op_start(struct log *log, struct log_op *lop);
void log_ready(struct log *log, struct log_partition *p);
void log_attend(struct log *log, struct log_partition *p);
void log_slab_free(struct log *log, struct slab *slab);

/* log_fail.c: cold. Keeps the first failure. */
void log_fail(struct log *log, int error, const char *what, const char *path);
const char *log_op_name(unsigned kind);
void log_warn(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* log_codec.c: cold. */
int log_codec_create(struct log *log);
void log_codec_destroy(struct log *log);

/* log_seal.c */
bool log_codec_owns(const struct log *log, const struct slab *slab);
void log_codec_give(struct log *log, struct slab *slab);
/* Writes the head of the batch in slab: offsets from p->next_offset, lengths, CRC. */
void log_seal_head(const struct log_partition *p, struct slab *slab, unsigned codec);
/* Seals the first unsealed slab of the queue. False: no room to compress into, try later. */
bool log_seal_next(struct log *log, struct log_partition *p);

/* log_place.c: as many slabs of the queue as can go now; their number. */
unsigned log_place(struct log *log, struct log_partition *p);
/* The tail block of seg alone, padded. False: not now. */
bool log_place_tail(struct log *log, struct log_partition *p, struct log_segment *seg);
/* Batches should reach the file at once: nobody's sync will send their tails. */
bool log_place_eager(const struct log *log);

/* log_sync.c */
void log_dirty(struct log *log, struct log_partition *p, const struct slab *slab,
	       uint64_t end_offset);
unsigned log_sync(struct log *log);
/* True: all of a segment that gets no more batches is synced. Else starts that when it can. */
bool log_sync_segment(struct log *log, struct log_partition *p, struct log_segment *seg);
void log_publish(struct log *log, struct log_partition *p);
uint64_t log_sync_deadline(const struct log *log);

/* log_segment.c */
bool log_segment_full(const struct log *log, const struct log_partition *p,
		      const struct slab *slab);
bool log_segment_roll(struct log *log, struct log_partition *p, uint64_t base);
/* Every cold duty that became possible. True: come again next round although nothing completes. */
bool log_segment_chores(struct log *log, struct log_partition *p);
void log_path(char path[LOG_PATH_MAX], const char *dir, const char *name);
void log_segment_path(char path[LOG_PATH_MAX], const char *dir, uint64_t base, const char *suffix);

/* log_index.c */
void log_index_start(struct log_segment *seg, const char *dir, const struct log_index_rule *rule);
bool log_index_room(const struct log_segment *seg);
void log_index_add(struct log_segment *seg, uint64_t last_offset, uint64_t pos, uint32_t len,
		   int64_t max_ts);
/* Writes out what is there if it is at least so many entries, or the file is closing. */
void log_index_flush(struct log *log, struct log_partition *p, struct log_segment *seg,
		     unsigned entries);
void log_index_close(struct log_segment *seg);
bool log_index_closed(const struct log_segment *seg);

/* What weir.checkpoint says: text, one "key value" a line, the last line a CRC-32C of those before.
 */
struct log_checkpoint {
	uint64_t recover_from; /* base of the oldest segment that may not be whole on disk */
	uint64_t log_start;
	/* After a clean stop: where recover_from, then the newest segment, ended, and the state of
	 * its indexes. Holds only while the file has exactly end_bytes: a running dataplane extends
	 * it. */
	uint64_t clean, end_offset, end_bytes;
	uint64_t index_entries, time_entries, index_gap, max_ts_offset;
	uint64_t max_ts, last_time_ts, first_max_ts; /* int64 */
};

/* log_checkpoint.c */
size_t log_checkpoint_format(char text[LOG_CHECKPOINT_BYTES], const struct log_checkpoint *cp);
bool log_checkpoint_parse(const char *text, size_t len, struct log_checkpoint *cp);
/* False: one is under way, try later. */
bool log_checkpoint_put(struct log *log, struct log_partition *p,
			void (*done)(struct log *log, struct log_partition *p));

/* log_retire.c */
void log_retain_poll(struct log *log);
void log_retain_step(struct log *log, struct log_partition *p);
void log_spare_path(char path[LOG_PATH_MAX], const char *dir, uint64_t base);

/* log_recover.c: cold. A segment file as far as it is valid. */
struct log_scan {
	uint64_t base, next_offset;
	uint64_t bytes, file_bytes; /* valid; of the file */
	uint64_t batches;
	int64_t first_max_ts;
	const char *stop; /* why it ends before the file does; NULL: it does not */
	bool foreign;	  /* and what stands at its very start is none of ours */
	struct log_index_rule rule;
	uint8_t *index, *times; /* as they belong into the files, without the final entry */
	size_t index_room, times_room;
};
int log_scan_segment(struct disk *disk, const char *path, uint64_t base, struct log_scan *scan);
void log_scan_free(struct log_scan *scan);
/* Writes both index files of a scanned segment; closed: with the final time entry. */
int log_scan_write_indexes(struct disk *disk, const char *dir, const struct log_scan *scan,
			   bool closed);

/* log_open.c: cold. */
void log_partition_free(struct log_partition *p);

/* log_meta.c: cold. */
int log_read_text(struct disk *disk, const char *path, char *text, size_t size); /* bytes, -errno */
int log_put_text(struct disk *disk, const char *path, const char *text, size_t len);
int log_epochs_open(struct log_partition *p, uint64_t log_start, uint64_t log_end, bool raise,
		    char *err, size_t err_size);
int log_metadata_open(struct log_partition *p, const char *stream, char *err, size_t err_size);
