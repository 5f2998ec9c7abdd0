#include "log_sim_testing.h"

enum { BATCH = 10, VALUE = 300 };

static void feed(struct log_testing *t, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i += BATCH) {
		sim_submit(t, i, BATCH, VALUE, 1000 + (int64_t)i);
		sim_rounds(t, 3);
	}
	sim_quiet(t);
}

static void start_with(struct log_testing *t, uint64_t records)
{
	sim_start(t, SLAB_BLOCK, 50000);
	sim_open(t);
	feed(t, 0, records);
}

static void fails_with(struct log_testing *t, int rc, const char *text)
{
	uint8_t before[3000] = {0};
	uint64_t len = 0, len2 = 0;
	const uint8_t *file = sim_log(t, 0, &len);

	if (file)
		memcpy(before, file, sizeof(before) < len ? sizeof(before) : len);
	cr_assert_eq(testing_open(t), rc, "%s", t->err);
	cr_assert_not_null(strstr(t->err, text), "%s", t->err);
	/* Nothing was touched. */
	file = sim_log(t, 0, &len2);
	cr_assert_eq(len, len2);
	if (file)
		cr_assert_eq(memcmp(before, file, sizeof(before) < len ? sizeof(before) : len), 0);
}

Test(log_open, makes_what_kafka_has)
{
	struct log_testing t;
	uint64_t len;

	start_with(&t, 0);
	cr_assert_eq(atomic_load(&t.st->open), 1);
	cr_assert_eq(state_load(&t.st->segments), 1);
	const char *text = (const char *)sim_file(&t, "leader-epoch-checkpoint", &len);
	cr_assert_eq(len, 8);
	cr_assert_eq(memcmp(text, "0\n1\n0 0\n", 8), 0);
	text = (const char *)sim_file(&t, "partition.metadata", &len);
	cr_assert_eq(len, 21 + 22);
	cr_assert_eq(memcmp(text, "version: 0\ntopic_id: ", 21), 0);
	cr_assert_neq(text[21], '-');
	sim_close(&t);
	sim_log(&t, 0, &len);
	cr_assert_eq(len, 0);
	sim_end(&t);
}

Test(log_open, partitions_of_a_stream_are_one_topic)
{
	struct log_testing t;
	struct log_partition *p;
	char mine[64];
	uint64_t len;

	start_with(&t, 0);
	memcpy(mine, sim_file(&t, "partition.metadata", &len), 43);
	cr_assert_eq(log_partition_open(&p, t.log, 3, 0, &t.plan->streams[0], t.err, sizeof(t.err)),
		     0);
	const uint8_t *other = disk_sim_file(t.disk, "/d/s-3/partition.metadata", &len);
	cr_assert_eq(len, 43);
	cr_assert_eq(memcmp(mine, other, 43), 0);
	cr_assert_eq(log_partition_open(&p, t.log, 3, 0, &t.plan->streams[0], t.err, sizeof(t.err)),
		     -EEXIST);
	sim_close(&t);
	sim_end(&t);
}

/* After a clean stop nothing is read but the checkpoint: what is in old segments does not matter.
 */
Test(log_open, clean_start_reads_no_segment)
{
	struct log_testing t;
	uint8_t junk[5000];

	start_with(&t, 1000);
	sim_close(&t);
	memset(junk, 'x', sizeof(junk));
	uint64_t len, next;
	sim_log(&t, 0, &len);
	uint8_t *same = calloc(1, len);
	sim_put(&t, "00000000000000000000.log", same, len);
	free(same);
	sim_open(&t);
	cr_assert_str_empty(t.warned);
	cr_assert_eq(state_load(&t.st->log_end), 1000);
	feed(&t, 1000, 1100);
	/* Nor after a crash, below the checkpoint. */
	sim_crash(&t, false);
	sim_open(&t);
	cr_assert_eq(state_load(&t.st->log_end), 1100);
	sim_walk(&t, state_load(&t.st->active_base), &next);
	cr_assert_eq(next, 1100);
	sim_close(&t);
	sim_end(&t);
}

/* What a start costs: bytes read and files asked for, with so many sealed segments behind. */
static void cost_of_start(unsigned segments, bool crash, uint64_t *bytes, uint64_t *stats)
{
	struct log_testing t;
	uint64_t records = 0;

	start_with(&t, 0);
	for (; state_load(&t.st->segments) < segments; records += BATCH)
		feed(&t, records, records + BATCH);
	feed(&t, records, records + 5 * BATCH); /* the same in the newest one each time */
	if (crash)
		sim_crash(&t, false);
	else
		sim_close(&t);
	*bytes = disk_sim_read_bytes(t.disk);
	*stats = disk_sim_stats(t.disk);
	sim_open(&t);
	*bytes = disk_sim_read_bytes(t.disk) - *bytes;
	*stats = disk_sim_stats(t.disk) - *stats;
	cr_assert_eq(state_load(&t.st->log_end), records + 5 * BATCH);
	cr_assert_eq(state_load(&t.st->segments), segments);
	sim_close(&t);
	sim_end(&t);
}

/* Recovery reads no more of ten times the log. (Of an old segment's three files the sizes are asked
 * for, so that retention knows what there is.) */
Test(log_open, start_reads_no_more_of_a_longer_log)
{
	for (int crash = 0; crash <= 1; crash++) {
		uint64_t few, many, few_stats, many_stats;

		cost_of_start(4, crash, &few, &few_stats);
		cost_of_start(40, crash, &many, &many_stats);
		cr_expect_leq(many, few + few / 10 + 2 * SLAB_BLOCK,
			      "%llu bytes, %llu for a short log", (unsigned long long)many,
			      (unsigned long long)few);
		cr_expect_leq(many_stats, few_stats + 3 * 36 + 4, "%llu files, %llu",
			      (unsigned long long)many_stats, (unsigned long long)few_stats);
	}
}

/* A bit flipped in any batch of the newest segment: cut there, said so, indexes rebuilt. */
Test(log_open, cut_at_the_first_bad_batch)
{
	for (unsigned flip = 0; flip < 60; flip++) {
		struct log_testing t;
		uint64_t len, next;

		sim_start(&t, SLAB_BLOCK, 1 << 20);
		sim_open(&t);
		feed(&t, 0, 600);
		uint64_t end = state_load(&t.st->active_bytes);
		sim_crash(&t, true);
		const uint8_t *log = sim_log(&t, 0, &len);
		uint8_t *copy = malloc(len);
		memcpy(copy, log, len);
		uint64_t at = (uint64_t)rand() % end, batch = end / 60;
		uint64_t in_batch = at % batch;
		if (in_batch >= 12 && in_batch < 16)
			at += 8; /* the epoch is outside the checksum */
		copy[at] ^= (uint8_t)(1 << rand() % 8);
		sim_put(&t, "00000000000000000000.log", copy, len);
		free(copy);
		sim_open(&t);
		cr_assert_eq(state_load(&t.st->log_end), at / batch * BATCH, "byte %lu", at);
		/* Some flips look like zeros or like an old batch: then there is no tear to tell
		 * of. */
		feed(&t, at / batch * BATCH, 700);
		sim_walk(&t, 0, &next);
		cr_assert_eq(next, 700);
		sim_close(&t);
		sim_end(&t);
	}
}

/* Batches of the file's earlier life, whole and with right checksums, behind the end. */
Test(log_open, old_batches_never_come_back)
{
	struct log_testing t;
	uint64_t len, next;

	start_with(&t, 600);
	sim_crash(&t, false);
	uint64_t base = 0, bytes = 0;
	for (base = 0;; base = next) {
		bytes = sim_walk(&t, base, &next);
		if (next == 600)
			break;
	}
	cr_assert_gt(base, 0);
	uint8_t *file = malloc(60000);
	uint64_t first_len;
	memcpy(file, sim_log(&t, base, &len), bytes);
	/* All of the first segment, right where the valid bytes end. */
	const uint8_t *first = sim_log(&t, 0, &first_len);
	uint64_t n = first_len < 60000 - bytes ? first_len : 60000 - bytes;
	memcpy(file + bytes, first, n);
	char name[64];
	snprintf(name, sizeof(name), "%020lu.log", base);
	sim_put(&t, name, file, bytes + n);
	free(file);
	sim_open(&t);
	cr_assert_eq(state_load(&t.st->log_end), 600);
	const uint8_t *log = sim_log(&t, base, &len);
	for (uint64_t k = bytes; k < len; k++)
		cr_assert_eq(log[k], 0);
	sim_close(&t);
	sim_end(&t);
}

Test(log_open, missing_and_odd_indexes_are_rebuilt)
{
	struct log_testing t;
	uint64_t len;
	static uint8_t index[40000], times[40000];
	uint64_t index_len, times_len;

	start_with(&t, 1000);
	sim_close(&t);
	memcpy(index, sim_file(&t, "00000000000000000000.index", &index_len), 4096);
	memcpy(times, sim_file(&t, "00000000000000000000.timeindex", &times_len), 4096);
	cr_assert_gt(index_len, 0);
	for (int how = 0; how < 4; how++) {
		struct disk_op unlink_op = {.kind = DISK_UNLINK,
					    .path = how ? "/d/s-0/00000000000000000000.timeindex"
							: "/d/s-0/00000000000000000000.index"};
		if (how < 2)
			t.disk->ops->run(t.disk, &unlink_op);
		if (how == 2)
			sim_put(&t, "00000000000000000000.index", index, index_len - 3);
		if (how == 3)
			sim_put(&t, "00000000000000000000.timeindex", index, 0);
		sim_open(&t);
		cr_assert_not_null(strstr(t.warned, "indexes"), "%d: %s", how, t.warned);
		cr_assert_eq(
			memcmp(sim_file(&t, "00000000000000000000.index", &len), index, index_len),
			0);
		cr_assert_eq(len, index_len);
		cr_assert_eq(memcmp(sim_file(&t, "00000000000000000000.timeindex", &len), times,
				    times_len),
			     0);
		cr_assert_eq(len, times_len);
		sim_close(&t);
	}
	sim_end(&t);
}

/* Every unclean start raises the epoch where readers may have seen what a power cut took. */
Test(log_open, epochs)
{
	struct log_testing t;
	uint64_t len;

	sim_start(&t, SLAB_BLOCK, 1 << 20);
	t.plan->visible = PLAN_VISIBLE_WRITTEN;
	sim_open(&t);
	feed(&t, 0, 100);
	sim_crash(&t, false);
	sim_open(&t);
	cr_assert_eq(atomic_load(&t.st->leader_epoch), 1);
	const char *text = (const char *)sim_file(&t, "leader-epoch-checkpoint", &len);
	cr_assert_eq(len, 14);
	cr_assert_eq(memcmp(text, "0\n2\n0 0\n1 100\n", 14), 0, "%.*s", (int)len, text);
	feed(&t, 100, 200);
	sim_close(&t);
	const uint8_t *log = sim_log(&t, 0, &len);
	cr_assert_eq(log_get32(log + BATCH_partitionLeaderEpoch), 0);
	cr_assert_eq(log_get32(log + len / 20 * 10 + BATCH_partitionLeaderEpoch), 1);
	sim_open(&t);
	cr_assert_eq(atomic_load(&t.st->leader_epoch), 1, "a clean start does not");
	sim_close(&t);
	sim_end(&t);
}

Test(log_open, foreign_files_are_left_alone_and_told_of_once)
{
	struct log_testing t;
	uint64_t len;

	start_with(&t, 100);
	sim_close(&t);
	sim_put(&t, "notes.txt", "mine", 4);
	sim_put(&t, "123.log", "mine", 4);
	sim_put(&t, "00000000000000000100.snapshot", "kafka's", 7);
	sim_open(&t);
	cr_assert_not_null(strstr(t.warned, "2 files"), "%s", t.warned);
	cr_assert_eq(strchr(t.warned, '\n'), t.warned + strlen(t.warned) - 1, "one line");
	cr_assert_not_null(sim_file(&t, "notes.txt", &len));
	cr_assert_not_null(sim_file(&t, "123.log", &len));
	cr_assert_not_null(sim_file(&t, "00000000000000000100.snapshot", &len));
	sim_close(&t);
	sim_end(&t);
}

Test(log_open, what_is_not_ours_is_an_error)
{
	struct log_testing t;
	char junk[3000];
	uint64_t len;

	memset(junk, 'x', sizeof(junk));
	start_with(&t, 100);
	sim_crash(&t, false);
	/* Text where the checkpoint says that our segment is. */
	uint8_t *saved = malloc(200000);
	memcpy(saved, sim_log(&t, 0, &len), sim_log(&t, 0, &len) ? len : 0);
	sim_put(&t, "00000000000000000000.log", junk, sizeof(junk));
	fails_with(&t, -EPROTO, "which Weir did not write");
	sim_put(&t, "00000000000000000000.log", saved, len);
	sim_open(&t);
	sim_close(&t);
	/* A segment from beyond, after a clean stop. */
	sim_put(&t, "00000000000000099999.log", junk, sizeof(junk));
	fails_with(&t, -EPROTO,
		   "00000000000000099999.log: the segment before it ends at offset 100");
	cr_assert_not_null(sim_file(&t, "00000000000000099999.log", &len));
	free(saved);
	sim_end(&t);
}

Test(log_open, a_missing_segment_is_an_error)
{
	struct log_testing t;
	struct disk_op op = {.kind = DISK_UNLINK, .path = "/d/s-0/00000000000000000000.log"};

	start_with(&t, 100);
	sim_close(&t);
	t.disk->ops->run(t.disk, &op);
	fails_with(&t, -ENOENT, "no segment");
	sim_end(&t);
}

Test(log_open, a_damaged_checkpoint_is_an_error)
{
	struct log_testing t;
	struct disk_op op = {.kind = DISK_UNLINK, .path = "/d/s-0/weir.checkpoint"};

	start_with(&t, 1000);
	sim_close(&t);
	sim_put(&t, "weir.checkpoint", "hello", 5);
	fails_with(&t, -EPROTO, "weir.checkpoint: damaged; remove it");
	/* Advice taken: everything is read. */
	t.disk->ops->run(t.disk, &op);
	sim_open(&t);
	cr_assert_eq(state_load(&t.st->log_end), 1000);
	sim_close(&t);
	sim_end(&t);
}

/* The roll's rename did not come before the kill: the batches are there, the name is given now. */
Test(log_open, a_roll_without_its_rename_is_finished)
{
	struct log_testing t;
	uint64_t next;

	start_with(&t, 140); /* one segment is full with 150 records or so */
	uint64_t full = 140;
	while (state_load(&sim_core(&t)->rolls) == 0) {
		cr_assert(testing_submit(&t, full, BATCH, VALUE, 3000));
		full += BATCH;
		testing_poll(&t, 1);
	}
	/* The last batch went into next.prepared; let its write come back, but not the rename. */
	for (unsigned i = 0; i < 100000 && t.p->active->written_pos == 0; i++)
		sim_rounds(&t, 1);
	bool named = t.p->active->named;
	sim_crash(&t, false);
	sim_open(&t);
	uint64_t end = state_load(&t.st->log_end);
	cr_assert(end == full || end == full - BATCH || named);
	sim_walk(&t, state_load(&t.st->active_base), &next);
	cr_assert_eq(next, end);
	sim_close(&t);
	sim_end(&t);
}
