/*
 * The two index files of a segment, as Kafka writes them: LogSegment.append and .recover use one
 * rule, so the files are a function of the .log alone. Ours are, too: unlike Kafka's, they do not
 * change when a segment is reopened after a clean stop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/log_format.h"

enum {
	LOG_INDEX_RING = 1024,	  /* entries that wait to be written, each file */
	LOG_INDEX_FLUSH = 256,	  /* entries worth an operation */
	LOG_INDEX_TIME_FINAL = 1, /* slot kept for the final time entry */
};

/* The rule. All zero but max_ts = last_time_ts = -1 at the start of a segment. */
struct log_index_rule {
	uint64_t gap;		/* bytes since the last entry */
	int64_t max_ts;		/* largest timestamp so far ... */
	uint64_t max_ts_offset; /* ... and the last offset of the batch that holds it */
	int64_t last_time_ts;	/* timestamp of the last time entry */
	uint64_t entries, time_entries;
};

static inline void log_index_rule_init(struct log_index_rule *rule)
{
	*rule = (struct log_index_rule){.max_ts = -1, .last_time_ts = -1};
}

enum { LOG_INDEX_ADD = 1, LOG_INDEX_ADD_TIME = 2 };

/*
 * A batch of len bytes at position pos. Returns which entries come before it, encoded into index
 * and time.
 */
unsigned log_index_rule_batch(struct log_index_rule *rule, uint64_t base, uint64_t last_offset,
			      uint64_t pos, uint32_t len, int64_t max_ts,
			      uint8_t index[LOG_INDEX_ENTRY], uint8_t time[LOG_TIMEINDEX_ENTRY]);

/* The final time entry of a segment that is closed. True: there is one. Does not count it. */
bool log_index_rule_final(const struct log_index_rule *rule, uint64_t base,
			  uint8_t time[LOG_TIMEINDEX_ENTRY]);

/* True: the next entry might not fit into Kafka's maximum size; roll first. */
bool log_index_rule_full(const struct log_index_rule *rule);
