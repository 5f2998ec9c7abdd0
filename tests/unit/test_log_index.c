#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/log/log_index.h"
#include "log_testing.h"

struct files {
	uint8_t index[8 * 4096], times[12 * 4096];
	uint64_t index_bytes, times_bytes;
};

/* A segment of heads alone, which is all that indexes look at. */
static uint8_t *make_log(unsigned batches, uint64_t base, bool falling, uint64_t *len)
{
	uint8_t *log = calloc(batches, 9000);
	uint64_t at = 0, offset = base;
	int64_t ts = 100000;

	for (unsigned i = 0; i < batches; i++) {
		uint32_t size = 61 + (uint32_t)(rand() % (i % 3 ? 600 : 8900)),
			 records = 1 + rand() % 50;

		log_put64(log + at, offset);
		log_put32(log + at + 8, size - 12);
		log_put32(log + at + 23, records - 1);
		log_put64(log + at + 35, (uint64_t)ts);
		at += size;
		offset += records;
		ts += falling ? -(rand() % 5) : rand() % 7 - 2;
	}
	*len = at;
	return log;
}

static void by_rule(const uint8_t *log, uint64_t len, uint64_t base, struct files *f)
{
	struct log_index_rule rule;

	log_index_rule_init(&rule);
	memset(f, 0, sizeof(*f));
	for (uint64_t at = 0; at < len;) {
		uint32_t size = log_get32(log + at + 8) + 12;
		uint64_t last = log_get64(log + at) + log_get32(log + at + 23);
		unsigned added = log_index_rule_batch(
			&rule, base, last, at, size, (int64_t)log_get64(log + at + 35),
			f->index + f->index_bytes, f->times + f->times_bytes);

		f->index_bytes += added & LOG_INDEX_ADD ? 8 : 0;
		f->times_bytes += added & LOG_INDEX_ADD_TIME ? 12 : 0;
		cr_assert_eq(rule.entries * 8, f->index_bytes);
		cr_assert_eq(rule.time_entries * 12, f->times_bytes);
		at += size;
	}
	if (log_index_rule_final(&rule, base, f->times + f->times_bytes))
		f->times_bytes += 12;
}

static void check(unsigned batches, uint64_t base, bool falling)
{
	uint64_t len;
	uint8_t *log = make_log(batches, base, falling, &len);
	struct testing_index want = testing_index_of(log, len, base);
	static struct files f;

	by_rule(log, len, base, &f);
	cr_assert_eq(f.index_bytes, want.index_bytes);
	cr_assert_eq(memcmp(f.index, want.index, f.index_bytes), 0);
	cr_assert_eq(f.times_bytes, want.times_bytes);
	cr_assert_eq(memcmp(f.times, want.times, f.times_bytes), 0);
	free(log);
	free(want.index);
	free(want.times);
}

Test(log_index, against_the_model)
{
	for (unsigned seed = 0; seed < 300; seed++) {
		srand(seed);
		check(1 + seed, (uint64_t)rand() << 20, seed % 5 == 0);
	}
}

Test(log_index, nothing_of_nothing)
{
	struct log_index_rule rule;
	uint8_t time[12];

	log_index_rule_init(&rule);
	cr_assert_not(log_index_rule_final(&rule, 0, time));
	cr_assert_not(log_index_rule_full(&rule));
}

/* By hand: an entry only when more than 4096 bytes came before, the offset is the batch's last, the
 * position its start; the time entry carries the maximum so far, the batch's own included. */
Test(log_index, by_hand)
{
	struct log_index_rule rule;
	uint8_t index[8], time[12];

	log_index_rule_init(&rule);
	cr_assert_eq(log_index_rule_batch(&rule, 1000, 1009, 0, 4096, 50, index, time), 0);
	cr_assert_eq(log_index_rule_batch(&rule, 1000, 1019, 4096, 1, 70, index, time), 0);
	cr_assert_eq(log_index_rule_batch(&rule, 1000, 1029, 4097, 100, 60, index, time), 3);
	cr_assert_eq(log_get32(index), 29);
	cr_assert_eq(log_get32(index + 4), 4097);
	cr_assert_eq(log_get64(time), 70);
	cr_assert_eq(log_get32(time + 8), 19);
	/* No rise, no time entry; and no final one. */
	cr_assert_eq(log_index_rule_batch(&rule, 1000, 1039, 4197, 5000, 70, index, time), 0);
	cr_assert_eq(log_index_rule_batch(&rule, 1000, 1049, 9197, 5, 70, index, time), 1);
	cr_assert_not(log_index_rule_final(&rule, 1000, time));
	cr_assert_eq(log_index_rule_batch(&rule, 1000, 1050, 9202, 5, 71, index, time), 0);
	cr_assert(log_index_rule_final(&rule, 1000, time));
	cr_assert_eq(log_get64(time), 71);
	cr_assert_eq(log_get32(time + 8), 50);
}

/* Kafka's limits: 10 MiB of either, one time slot kept for the final entry. */
Test(log_index, full)
{
	struct log_index_rule rule;

	log_index_rule_init(&rule);
	rule.entries = 1310719;
	rule.time_entries = 873811;
	cr_assert_not(log_index_rule_full(&rule));
	rule.entries++;
	cr_assert(log_index_rule_full(&rule));
	rule.entries = 0;
	rule.time_entries++;
	cr_assert(log_index_rule_full(&rule));
}
