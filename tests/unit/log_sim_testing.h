/* A log over the simulated disk, step by step. */
#pragma once

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/log/log_private.h"
#include "log_testing.h"
#include "tests/stress/disk_sim.h"

static inline void sim_start(struct log_testing *t, uint32_t block, uint64_t segment_bytes)
{
	memset(t, 0, sizeof(*t));
	t->disk = disk_sim_create(42, block);
	t->plan = testing_plan("/d", segment_bytes);
	t->state = testing_state(t->plan);
}

static inline void sim_open(struct log_testing *t)
{
	t->warned[0] = 0;
	cr_assert_eq(testing_open(t), 0, "%s", t->err);
}

/* Rounds of the log and the disk. */
static inline void sim_rounds(struct log_testing *t, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		testing_poll(t, 1);
		disk_sim_step(t->disk);
	}
}

static inline void sim_quiet(struct log_testing *t)
{
	for (unsigned i = 0; i < 100000 && !log_quiet(t->log); i++)
		sim_rounds(t, 1);
	cr_assert(log_quiet(t->log));
	sim_rounds(t, 200); /* chores */
}

static inline void sim_submit(struct log_testing *t, uint64_t seed, unsigned records,
			      unsigned value, int64_t ts)
{
	while (!testing_submit(t, seed, records, value, ts))
		sim_rounds(t, 1);
}

static inline void sim_close(struct log_testing *t)
{
	log_close(t->log);
	for (unsigned i = 0; i < 100000 && !log_closed(t->log); i++)
		sim_rounds(t, 1);
	cr_assert(log_closed(t->log));
	testing_drop(t);
}

static inline void sim_crash(struct log_testing *t, bool power)
{
	disk_sim_crash(t->disk, power);
	testing_drop(t);
}

static inline void sim_end(struct log_testing *t)
{
	disk_sim_destroy(t->disk);
	free(t->plan);
	free(t->state);
}

/* A file of the partition; NULL: not there. */
static inline const uint8_t *sim_file(struct log_testing *t, const char *name, uint64_t *len)
{
	char path[128];

	snprintf(path, sizeof(path), "/d/s-0/%s", name);
	return disk_sim_file(t->disk, path, len);
}

static inline const uint8_t *sim_log(struct log_testing *t, uint64_t base, uint64_t *len)
{
	char name[64];

	snprintf(name, sizeof(name), "%020lu.log", base);
	return sim_file(t, name, len);
}

static inline void sim_put(struct log_testing *t, const char *name, const void *bytes, uint64_t len)
{
	char path[128];

	snprintf(path, sizeof(path), "/d/s-0/%s", name);
	disk_sim_put(t->disk, path, bytes, len);
}

static inline void sim_check_value(void *arg, const struct testing_record *r)
{
	for (unsigned k = 0; k < r->value_bytes; k++)
		cr_assert_eq(r->value[k], testing_value(r->offset, k), "offset %lu", r->offset);
}

/* Records of a segment, values made of their offsets. Returns the valid bytes. */
static inline uint64_t sim_walk(struct log_testing *t, uint64_t base, uint64_t *next)
{
	uint64_t len;
	const char *why;
	const uint8_t *log = sim_log(t, base, &len);

	cr_assert_not_null(log, "%lu", base);
	*next = base;
	return testing_walk(log, len, next, &why, sim_check_value, NULL);
}

static inline struct state_core *sim_core(struct log_testing *t)
{
	return state_core(t->state, 1);
}
