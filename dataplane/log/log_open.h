/* A partition being opened: what log_open.c finds and log_open_segments.c decides. */
#pragma once

#include "log_private.h"

struct log_found {
	uint64_t *bases; /* rising */
	size_t count, room;
};

struct log_opening {
	struct disk *disk;
	struct log_partition *p;
	const struct plan_stream *stream;
	char *err;
	size_t err_size;
	struct log_found segments, indexes, timeindexes, spares;
	bool prepared; /* next.prepared is there */
	unsigned foreign;
	char foreign_name[64];
	bool has_checkpoint;
	struct log_checkpoint checkpoint;
	bool fresh;		/* nothing was there */
	bool clean;		/* the last stop was, and nothing was written since */
	struct log_scan active; /* the segment that appending goes on in */
};

/* Returns rc, with the text in o->err. */
int log_open_error(struct log_opening *o, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int log_open_run(struct log_opening *o, struct disk_op op, disk_file *file);
bool log_found_has(const struct log_found *list, uint64_t base);

int log_open_segments(struct log_opening *o);
