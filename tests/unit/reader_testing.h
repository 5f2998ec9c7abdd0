/* Partitions made for the tests of log_reader, and what reads them. */
#pragma once

#include <criterion/criterion.h>
#include <errno.h>

#include "dataplane/api/index_reader.h"
#include "dataplane/api/log_dir.h"
#include "dataplane/api/log_reader.h"
#include "log_build.h"

static struct build b;
static char dir[64];
static struct log_reader *reader;
static struct log_batch batch;

static inline void setup(void)
{
	build_dir(dir);
}

static inline void teardown(void)
{
	log_reader_close(reader);
	build_remove(dir);
}

static inline void open_reader(void)
{
	char err[256];

	cr_assert_eq(log_reader_open(&reader, dir, "s", 0, err, sizeof(err)), 0, "%s", err);
}

/* Three segments of ten batches of four records; timestamps 1000 * first offset of the batch. */
static inline void three_segments(void)
{
	for (uint64_t segment = 0; segment < 3; segment++) {
		uint8_t index[LOG_INDEX_ENTRY], time[LOG_TIMEINDEX_ENTRY];
		char name[LOG_NAME_MAX];
		uint64_t base = segment * 40;
		size_t sixth = 0;

		b.len = 0;
		for (uint64_t i = 0; i < 10; i++) {
			if (i == 6)
				sixth = b.len;
			build_batch(&b, base + i * 4, 4, (int64_t)(base + i * 4) * 1000);
		}
		build_segment(dir, "s-0", base, &b);
		/* One entry for the sixth batch, as if the interval had been over, and the last
		 * time. */
		log_put32(index, 27);
		log_put32(index + 4, (uint32_t)sixth);
		log_format_name(name, base, LOG_SUFFIX_INDEX);
		build_file(dir, "s-0", name, index, sizeof(index), 0);
		log_put64(time, (base + 24) * 1000 + 3);
		log_put32(time + 8, 27);
		log_format_name(name, base, LOG_SUFFIX_TIMEINDEX);
		build_file(dir, "s-0", name, time, sizeof(time), 0);
		log_put64(time, (base + 36) * 1000 + 3);
		log_put32(time + 8, 39);
		build_file(dir, "s-0", name, time, sizeof(time), 1);
	}
}

/* Reads batches until the end; the offset after the last. */
static inline uint64_t read_all(unsigned *batches)
{
	uint64_t next = 0;
	int result;

	*batches = 0;
	while ((result = log_reader_next(reader, &batch)) == LOG_READ_BATCH) {
		next = (uint64_t)batch.head.last_offset + 1;
		++*batches;
	}
	cr_assert_eq(result, LOG_READ_END);
	return next;
}
