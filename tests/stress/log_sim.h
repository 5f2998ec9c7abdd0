/* What log_sim.c plays and log_sim_files.c checks. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_sim.h"
#include "tests/unit/log_testing.h"

#define STORAGE "/d"

extern uint64_t now_seed, life; /* for what CHECK says */

#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "seed %lu life %lu: %s:%d: %s: ", now_seed, life,          \
				__FILE__, __LINE__, #cond);                                        \
			fprintf(stderr, __VA_ARGS__);                                              \
			fprintf(stderr, "\n");                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct world {
	struct log_testing t;
	struct disk *disk;
	uint64_t *seeds; /* by offset: what its value was made of */
	uint64_t seeds_room;
	uint64_t next_seed;
	int64_t ts;
	unsigned records, value_bytes; /* of every batch; 0: random */
	uint32_t epoch;
	uint64_t log_start;
	uint64_t packets_forgotten; /* stored before the state block began */
	uint64_t lives, cuts, kills, stops, errors, batches, retains, recovered_less;
};

/* Everything from the first segment to end must be there. exact: and nothing more, in files that
 * are whole. */
void check_files(struct world *w, uint64_t end, bool exact);
/* Recovered, nothing appended yet: the active file is extended, all before it is exact. */
void check_recovered(struct world *w, uint64_t end);
