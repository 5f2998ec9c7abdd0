/*
 * Finds whole batches in one segment, by its index and the heads of its batches: no batch is read.
 * One thread.
 *
 * An index is a hint, and a file that is used again holds old batches behind its valid ones; so a
 * head counts only if its offsets are those that must stand there. Of a large range the heads in
 * the middle are not looked at: the index leads to a head that counts, and the log is gapless up to
 * there. What has rotted in between is for the reader's CRC to find.
 */
#pragma once

#include "partition.h"

struct segment_scan {
	struct partition *partition;
	const struct partition_view *view;
	size_t segment; /* in the partition's list */
	const struct partition_want *want;
};

/* See partition_find(). -ENOENT: the file is gone. Goes on in the segments that follow if offset
 * lies in a gap in front of them. */
int segment_scan(const struct segment_scan *scan, struct partition_range *out);
