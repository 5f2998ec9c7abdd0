/*
 * What lies in a data directory: partitions, and the segments of a partition. Any thread; nothing
 * is kept between calls. Lists are allocated for the caller, who frees them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOG_STREAM_NAME_MAX = 250, /* a Kafka topic name, with the NUL */
	LOG_DIR_NAME_MAX = LOG_STREAM_NAME_MAX + 11,
};

struct log_dir_partition {
	char stream[LOG_STREAM_NAME_MAX];
	uint32_t partition;
};

struct log_dir_segment {
	uint64_t base_offset;
	uint64_t size_bytes; /* of the .log */
};

/* "syslog-0" to stream and partition; false: not the name of a partition's directory. */
bool log_dir_parse(const char *name, struct log_dir_partition *out);

/* And back. */
void log_dir_format(char name[LOG_DIR_NAME_MAX], const char *stream, uint32_t partition);

/* The partitions of a data directory, by stream name and number. -errno: the directory cannot be
 * read. Other entries are left out. */
int log_dir_partitions(const char *data_dir, struct log_dir_partition **out, size_t *count);

/* The segments of an open partition directory, by base offset. -errno. */
int log_dir_segments(int dir_fd, struct log_dir_segment **out, size_t *count);

/* The directory of a partition, open for reading, or -errno. */
int log_dir_open(const char *data_dir, const char *stream, uint32_t partition);
