/*
 * One partition as clients see it: where it begins and ends, and where in its files an offset lies.
 * One thread.
 *
 * A partition that a dataplane has opened is "live": start, end and epoch stand in the state block,
 * which stays right after the dataplane's death too. Others are read from their directory: they end
 * where their valid batches end.
 */
#pragma once

#include "api/log_dir.h"
#include "api/state.h"
#include "disk_patience.h"
#include "segment_file.h"
#include "topic_id.h"

struct partition_epoch {
	int32_t epoch;
	uint64_t start; /* offset of its first record */
};

/* Rising. */
struct partition_epochs {
	struct partition_epoch *list;
	unsigned count, room;
};

struct partition {
	char stream[LOG_STREAM_NAME_MAX];
	uint32_t number;
	const struct state_partition *live; /* in the state block; NULL: from the directory */
	uint32_t asked;	  /* the last question that named it; see catalog.questions */
	bool unavailable; /* a dataplane is about to recover it */
	bool has_topic_id;
	uint8_t topic_id[TOPIC_ID_BYTES]; /* as its directory says */
	struct segment_files files;
	/* The segments by base offset, as last listed, and what the state said then. */
	struct log_dir_segment *segments;
	size_t segments_count;
	uint64_t listed_active, listed_start;
	/* Leader epochs as read when epochs_seen was the newest; see partition_epochs.h. */
	struct partition_epochs epochs;
	int32_t epochs_seen; /* -1: not read yet */
	/* Not live: as last scanned without an error. */
	bool scanned;
	uint64_t scanned_start, scanned_end;
	int32_t scanned_epoch;
	uint64_t scanned_size; /* of the newest segment */
};

/* A look at one moment. */
struct partition_view {
	uint64_t log_start; /* first offset that is there */
	uint64_t end;	    /* visible end: the high watermark */
	int32_t epoch;
};

/* NULL: no memory, or no such directory. */
struct partition *partition_create(const char *data_dir, const char *stream, uint32_t number);
void partition_destroy(struct partition *p);

/* Once in a while: opens the directory anew if it was replaced, and looks for the end of a
 * partition that is not live. */
void partition_refresh(struct partition *p, const char *data_dir);

/* False: not now (unavailable, or its files could not be read yet). */
bool partition_look(const struct partition *p, struct partition_view *view);

/* Was it named before in this question? Twice is a client's mistake, and could make us search for
 * ever. */
bool partition_asked_before(struct partition *p, uint32_t question);

/* The end alone, for whoever waits for another one. */
uint64_t partition_end(const struct partition *p);

/* Whole batches in one file. */
struct partition_range {
	struct segment_file *file; /* held: segment_file_put() */
	uint64_t position;
	uint32_t length; /* bytes */
	bool sealed;	 /* a newer segment follows: there is more to be had at once */
};

struct partition_want {
	uint64_t offset, max_bytes;
	bool at_least_one; /* the first batch comes even if it is larger */
	bool whole;	   /* the first batch was just read whole; partition_warm(): read it so */
	/* For heads of batches that are on the disk only; without any left, and for the index
	 * whenever it is not NULL, the answer is -EAGAIN. */
	struct disk_patience *patience;
};

/*
 * From the batch that holds want's offset (view: log_start <= offset < end) on as many whole
 * batches as fit into max_bytes, all below view's end, of one segment. 1; 0: the first batch does
 * not fit; -EBADMSG: no valid batch where one must be; -EAGAIN: see patience; -EIO: it could not be
 * read a while ago (see unreadable.h); -ETIME: the same, and it is time to read it whole; -errno.
 */
int partition_find(struct partition *p, const struct partition_view *view,
		   const struct partition_want *want, struct partition_range *out);
/* Reads what partition_find() needs for it into the page cache. The disk's thread. 0, or -errno. */
int partition_warm(const struct partition *p, const char *data_dir,
		   const struct partition_view *view, const struct partition_want *want);
