/*
 * Reads every byte of a data directory's partitions and says what is wrong: what `weir verify`
 * prints. Apart from the printing, so that tests can call it. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/log_dir.h"

enum { VERIFY_TEXTS_MAX = 20 }; /* problems of a partition that are told one by one */

/* Findings in words. */
struct verify_texts {
	char *text[VERIFY_TEXTS_MAX];
	uint64_t count; /* may be more than are kept */
};

struct verify_partition {
	struct log_dir_partition name;
	uint64_t first_offset;
	uint64_t next_offset;
	uint64_t records, batches, value_bytes;
	uint64_t crc_failures;	  /* batches whose bytes do not match their CRC */
	uint64_t offset_gaps;	  /* places where offsets are missing */
	uint64_t index_errors;	  /* index files that are not what the .log says they must be */
	uint64_t format_errors;	  /* everything else that is wrong: lengths, records, order */
	uint64_t segments, bytes; /* bytes: of valid batches */
	uint64_t tail_bytes; /* behind the last batch of a log that is open, or was not closed */
	struct verify_texts problems, notes;
};

struct verify_config {
	const char *data_dir;
	bool running; /* a dataplane writes there: a tail is as it should be */
	bool limited; /* visible_end holds: look no further */
	uint64_t visible_end;
	/* Called after every MiB or so; may be NULL. */
	void (*progress)(void *arg, uint64_t bytes);
	void *progress_arg;
};

/* Checks the partition named in out->name; the rest of *out is filled in. Everything found is in
 * there, even a directory that cannot be read. */
void verify_partition(struct verify_partition *out, const struct verify_config *config);

/* Nothing wrong? */
bool verify_is_good(const struct verify_partition *partition);

void verify_partition_free(struct verify_partition *partition);

__attribute__((format(printf, 2, 3))) void verify_say(struct verify_texts *texts,
						      const char *format, ...);
