/*
 * Reads the batches of one .log file in order, with bounded memory. One thread at a time for each
 * reader; any number of readers.
 *
 * The reader knows nothing of offsets: whether a valid batch belongs where it stands is for the
 * caller (log_reader.h, weir verify) to judge.
 */
#pragma once

#include "batch_reader.h"

enum {
	SEGMENT_READER_CHUNK = 1 << 20,	      /* bytes of one pread */
	SEGMENT_READER_BATCH_MAX = 256 << 20, /* a larger batch is BATCH_E_TOO_LARGE */
};

struct segment_reader {
	int fd; /* -1: not open */
	uint64_t base_offset;
	uint64_t position;	  /* of the batch that comes next */
	uint32_t batch_max_bytes; /* 0: SEGMENT_READER_BATCH_MAX */
	/* What was read ahead: file bytes [held_at, held_at + held). */
	uint8_t *buf;
	size_t room, held;
	uint64_t held_at;
};

#define SEGMENT_READER_INIT ((struct segment_reader){.fd = -1})

enum segment_read {
	SEGMENT_END = 0,   /* the file ends here, to the byte */
	SEGMENT_BATCH = 1, /* a batch with a right CRC */
	SEGMENT_BAD = 2, /* there are bytes, but no valid batch: error says why. Not moved past. */
};

struct segment_batch {
	struct batch_head head; /* with SEGMENT_BAD, as far as there is one (see has_head) */
	const uint8_t *bytes;	/* the whole batch, until the reader's next call */
	uint64_t position;
	enum batch_error error; /* SEGMENT_BAD */
	bool has_head;		/* SEGMENT_BAD: the head could be read and its length is possible */
};

/* Opens <base>.log in the partition's directory. *reader: SEGMENT_READER_INIT, or closed before,
 * then its memory serves again. -errno. */
int segment_reader_open(struct segment_reader *reader, int dir_fd, uint64_t base_offset);

/* Closes the file, keeps the memory; segment_reader_free() gives that back too. */
void segment_reader_close(struct segment_reader *reader);
void segment_reader_free(struct segment_reader *reader);

/* The batch at reader->position, and moves behind it. enum segment_read, or -errno. */
int segment_reader_next(struct segment_reader *reader, struct segment_batch *batch);

/* Goes on at another place. */
void segment_reader_seek(struct segment_reader *reader, uint64_t position);

/* Throws away what was read ahead: the file may have been written since. */
void segment_reader_forget(struct segment_reader *reader);

/* 1: the open file is still the one under its name; 0: it was renamed, deleted or replaced
 * (retention retires files, and a retired file may be written again under another name); -errno. */
int segment_reader_current(const struct segment_reader *reader, int dir_fd);

/* Size of the file now, or -errno. */
int64_t segment_reader_size(const struct segment_reader *reader);
