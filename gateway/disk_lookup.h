/*
 * What one request needs of the disk: a ListOffsets, which offset belongs to a time; a Fetch, where
 * batches lie that are on the disk only. The disk's thread looks, one partition at a time, that
 * others come between. All calls are the gateway's thread's.
 */
#pragma once

#include "catalog.h"
#include "disk_thread.h"
#include "partition_time.h"

enum disk_question_kind { DISK_TIME, DISK_BATCHES };

struct disk_question {
	enum disk_question_kind kind;
	uint32_t nth; /* of the partitions that the request names */
	const struct partition *partition;
	struct partition_view view;
	struct partition_want want; /* DISK_BATCHES: see partition_warm() */
	int64_t timestamp_ms;	    /* DISK_TIME. TIME_LARGEST: the record with the largest one */
	int rc;			    /* as partition_find_time() gives it */
	struct partition_found found;
};

#define TIME_LARGEST INT64_C(-3)

struct disk_lookup {
	struct disk_job job;
	struct disk_thread *disk;
	struct catalog *catalog;
	char data_dir[PLAN_PATH_MAX];
	struct disk_question *questions;
	unsigned count, room;
	unsigned answered;
	bool asked;	/* it is with the disk's thread, or was */
	bool abandoned; /* nobody wants to know any more */
	uint64_t done;	/* 1: all of them are answered */
};

/* One more question, of a larger nth; *lookup: NULL at first. False: too many, or no memory. */
bool disk_lookup_add(struct disk_lookup **lookup, struct catalog *catalog,
		     const struct disk_question *question);
void disk_lookup_ask(struct disk_lookup *lookup, struct disk_thread *disk);
/* NULL: not asked about, or not done yet. */
const struct disk_question *disk_lookup_result(const struct disk_lookup *lookup, uint32_t nth);
/* The asker's last call. NULL is nothing. */
void disk_lookup_put(struct disk_lookup *lookup);
