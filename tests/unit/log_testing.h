/*
 * What the log's tests share: a log over any disk, slabs filled as the polling core fills them, and
 * a reader that knows the format from its description only, not from the code under test.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/disk.h"
#include "dataplane/log.h"

enum { TESTING_SLAB_BYTES = 64 * 1024 };

struct log_testing {
	struct plan *plan;
	struct state_partition *st; /* of partition 0, slot 0 */
	struct state *state;
	struct disk *disk;
	struct log *log;
	struct log_partition *p;
	struct slab *slabs, *free;
	unsigned slabs_count, slabs_out;
	uint8_t *memory;
	uint64_t given_bytes; /* as the polling core counts */
	uint64_t next_given;  /* the test's: offset after the last batch submitted */
	uint64_t now;
	bool real_time;
	char err[512], warned[2048];
};

/* A plan with one lane and one stream "s" of the given segment size, direct by default. */
struct plan *testing_plan(const char *storage_path, uint64_t segment_bytes);
/* A state block in plain memory. */
struct state *testing_state(const struct plan *plan);

/* Opens partition 0 of stream 0 on t->disk, by t->plan and t->state. 0 or -errno with t->err. */
int testing_open(struct log_testing *t);
/* Polls until log_closed() or log_failed(); then frees the log. Returns log_failed(). */
int testing_close(struct log_testing *t);
/* Frees the log as a crash would leave it: nothing more reaches the disk. */
void testing_drop(struct log_testing *t);

/*
 * A batch of records values; value i is bytes [0, value_bytes) of a pattern that depends on
 * seed + i. False: no free slab. testing_value() tells byte k of the value of seed.
 */
bool testing_submit(struct log_testing *t, uint64_t seed, unsigned records, unsigned value_bytes,
		    int64_t ts_ms);
uint8_t testing_value(uint64_t seed, unsigned k);
/* Rounds of log_poll(); takes free slabs back. Returns the work done. */
unsigned testing_poll(struct log_testing *t, unsigned rounds);
/* Polls (and waits) until log_quiet(), a second at most of real time. */
bool testing_settle(struct log_testing *t);

/* A decoded record. */
struct testing_record {
	uint64_t offset;
	int64_t ts_ms;
	const uint8_t *value;
	unsigned value_bytes;
};

/*
 * Walks the batches of a .log file's bytes: magic, CRC, lengths, codec, records. Calls fn for each
 * record. Returns the number of bytes that are whole valid batches with consecutive offsets from
 * *offset on; *offset becomes the next one. *why: what stopped it, NULL at the end.
 */
uint64_t testing_walk(const uint8_t *bytes, uint64_t len, uint64_t *offset, const char **why,
		      void (*fn)(void *arg, const struct testing_record *r), void *arg);

/* Both index files of a .log, by the rules of Kafka's LogSegment, closed. Caller frees. */
struct testing_index {
	uint8_t *index, *times;
	uint64_t index_bytes, times_bytes;
};
struct testing_index testing_index_of(const uint8_t *log, uint64_t len, uint64_t base);
