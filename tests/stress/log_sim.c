/*
 * The log against a model, over a disk that fails: random batches, rolls, retention, reloads, full
 * disks, I/O errors, kills and power cuts. After each life the partition is opened again, and
 *   - every record below the published durable end is there, byte for byte (after a mere kill,
 * below the visible end), offsets have no gap, and nothing else is there: no batch of an earlier
 * life of a recycled file, none from behind a cut;
 *   - sealed segments are exact and have the indexes that Kafka would make of them;
 *   - what was lost can be booked: the state block knows the packets stored up to the recovered
 * end.
 *
 *     log_sim [seeds [first seed]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_sim.h"
#include "tests/unit/log_testing.h"

#define STORAGE "/d"

static uint64_t now_seed, life;

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

static uint64_t rnd(struct world *w, uint64_t below)
{
	return disk_sim_random(w->disk, below);
}

/* ---- what is in the files ---- */

static bool is_value(const struct testing_record *r, uint64_t seed)
{
	for (unsigned k = 0; k < r->value_bytes; k++)
		if (r->value[k] != testing_value(seed, k))
			return false;
	return true;
}

static void check_record(void *arg, const struct testing_record *r)
{
	const struct world *w = arg;

	CHECK(r->offset < w->seeds_room, "offset %lu", r->offset);
	if (is_value(r, w->seeds[r->offset]))
		return;
	uint64_t seed = 1;
	while (seed < w->next_seed && !is_value(r, seed))
		seed++;
	CHECK(0, "offset %lu holds seed %lu, not %lu; next is %lu, log_end %lu", r->offset, seed,
	      w->seeds[r->offset], w->next_seed, state_load(&w->t.st->log_end));
}

struct bases {
	uint64_t base[4096];
	unsigned count;
};

static int add_base(void *arg, const char *name, int is_dir)
{
	struct bases *b = arg;

	if (strlen(name) == 24 && strcmp(name + 20, ".log") == 0)
		b->base[b->count++] = strtoull(name, NULL, 10);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct bases list_segments(struct world *w)
{
	struct bases b = {.count = 0};

	w->disk->ops->list(w->disk, STORAGE "/s-0", add_base, &b);
	qsort(b.base, b.count, sizeof(b.base[0]), by_value);
	return b;
}

static void check_indexes(struct world *w, uint64_t base, const uint8_t *log, uint64_t len)
{
	struct testing_index want = testing_index_of(log, len, base);
	char path[128];
	uint64_t n;

	snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.index", base);
	const uint8_t *bytes = disk_sim_file(w->disk, path, &n);
	CHECK(bytes && n == want.index_bytes && !memcmp(bytes, want.index, n),
	      "%s: %lu bytes, not %lu", path, bytes ? n : 0, want.index_bytes);
	snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.timeindex", base);
	bytes = disk_sim_file(w->disk, path, &n);
	CHECK(bytes && n == want.times_bytes && !memcmp(bytes, want.times, n),
	      "%s: %lu bytes, not %lu", path, bytes ? n : 0, want.times_bytes);
	free(want.index);
	free(want.times);
}

/*
 * Everything from the first segment to end must be there; exact: and nothing more, in files that
 * are whole. A segment followed by another is always read to the next one's base.
 */
static void check_files(struct world *w, uint64_t end, bool exact)
{
	struct bases b = list_segments(w);
	uint64_t offset, len;
	const char *why;
	char path[128];

	CHECK(b.count > 0, "no segment");
	offset = b.base[0];
	CHECK(offset <= w->log_start || w->log_start == 0, "first %lu, log start %lu", offset,
	      w->log_start);
	for (unsigned i = 0; i < b.count && (offset < end || exact); i++) {
		bool last = i + 1 == b.count;

		CHECK(b.base[i] == offset, "segment %lu, not %lu", b.base[i], offset);
		snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.log", offset);
		const uint8_t *log = disk_sim_file(w->disk, path, &len);
		uint64_t valid = testing_walk(log, len, &offset, &why, check_record, w);
		if (!last)
			CHECK(offset == b.base[i + 1] || offset >= end,
			      "%s ends at %lu, not %lu: %s", path, offset, b.base[i + 1], why);
		if (!exact)
			continue;
		CHECK(valid == len, "%s: %s at %lu of %lu", path, why, valid, len);
		check_indexes(w, b.base[i], log, len);
	}
	CHECK(offset >= end, "ends at %lu, not %lu: %s", offset, end, why);
	if (exact)
		CHECK(offset == end, "goes on to %lu behind %lu", offset, end);
}

/* Recovered, nothing appended yet: the active file is extended, all before it is exact. */
static void check_recovered(struct world *w, uint64_t end)
{
	struct bases b = list_segments(w);
	uint64_t offset = b.base[0], len;
	const char *why;
	char path[128];

	for (unsigned i = 0; i < b.count; i++) {
		snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.log", b.base[i]);
		const uint8_t *log = disk_sim_file(w->disk, path, &len);
		CHECK(b.base[i] == offset, "segment %lu, not %lu", b.base[i], offset);
		uint64_t valid = testing_walk(log, len, &offset, &why, check_record, w);
		if (i + 1 < b.count) {
			CHECK(valid == len, "%s: %s at %lu of %lu", path, why, valid, len);
			check_indexes(w, b.base[i], log, len);
			continue;
		}
		/* Nothing old behind the end: it was cut off, then extended with zeros. */
		for (uint64_t k = valid; k < len; k++)
			CHECK(log[k] == 0, "%s: byte %lu behind the end is not zero", path, k);
	}
	CHECK(offset == end, "files end at %lu, log_end is %lu", offset, end);
}

/* ---- one life ---- */

static void submit(struct world *w)
{
	unsigned records = w->records ? w->records : 1 + (unsigned)rnd(w, 30);
	unsigned value = w->value_bytes	  ? w->value_bytes
			 : rnd(w, 3) == 0 ? (unsigned)rnd(w, 20)
					  : (unsigned)rnd(w, 1000);
	uint64_t from = w->t.next_given;

	if (from + records > w->seeds_room) {
		w->seeds_room = 2 * (from + records);
		w->seeds = realloc(w->seeds, w->seeds_room * sizeof(*w->seeds));
	}
	if (!testing_submit(&w->t, w->next_seed, records, value, w->ts))
		return;
	for (unsigned i = 0; i < records; i++)
		w->seeds[from + i] = w->next_seed + i;
	w->next_seed += records;
	w->t.next_given += records;
	w->ts += rnd(w, 4) ? (int64_t)rnd(w, 50) : -(int64_t)rnd(w, 200);
	w->batches++;
}

static void retain(struct world *w)
{
	uint64_t durable = state_load(&w->t.st->durable_end);
	uint64_t to = w->log_start + rnd(w, durable - w->log_start + 1);

	if (log_retain(w->t.log, 0, 0, to) == 0) {
		w->log_start = to;
		w->retains++;
	}
}

static void reload(struct world *w)
{
	static const uint64_t syncs[] = {0, 1000000, 5000000};
	static const uint8_t codecs[] = {0, 0, 0, PLAN_COMPRESSION_LZ4, PLAN_COMPRESSION_ZSTD};
	struct plan_stream *s = &w->t.plan->streams[0];

	w->t.plan->sync_ns = syncs[rnd(w, 3)];
	w->t.plan->sync_off = rnd(w, 5) == 0;
	s->compression = codecs[rnd(w, 5)];
	s->segment_bytes = 40000 + rnd(w, 4) * 30000;
	s->segment_age_ns = rnd(w, 4) == 0 ? 1000 * UINT64_C(1000000) : 0;
}

static void check_published(struct world *w)
{
	uint64_t visible = state_load(&w->t.st->visible_end);
	uint64_t durable = state_load(&w->t.st->durable_end);

	CHECK(visible <= state_load(&w->t.st->log_end), "visible %lu", visible);
	CHECK(w->t.plan->visible == PLAN_VISIBLE_WRITTEN || visible == durable, "%lu %lu", visible,
	      durable);
	check_files(w, visible, false);
}

/* Shared memory does not outlive the machine. */
static void forget_state(struct world *w)
{
	struct state_partition *st = state_partition(w->t.state, 0, 0);

	memset(st, 0, sizeof(*st));
	w->packets_forgotten = UINT64_MAX;
}

static void open_again(struct world *w, uint64_t at_least, uint64_t durable, uint64_t at_most,
		       uint64_t seen, bool clean)
{
	uint32_t epoch = w->epoch;

	/* Recovery, too, may be cut short. */
	unsigned early_ends = 0;
	for (; rnd(w, 4) == 0; early_ends++) {
		disk_sim_faults(w->disk)->run_error_in = 1 + rnd(w, 12);
		int early = testing_open(&w->t);
		bool power = rnd(w, 2);
		disk_sim_crash(w->disk, power);
		if (early == 0)
			testing_drop(&w->t);
		if (power) {
			forget_state(w);
			at_least = durable;
		}
		clean = false;
	}
	w->t.warned[0] = 0;
	int rc = testing_open(&w->t);
	CHECK(rc == 0, "open: %s", w->t.err);
	uint64_t end = state_load(&w->t.st->log_end);
	CHECK(end >= at_least && end <= at_most, "recovered to %lu, not between %lu and %lu", end,
	      at_least, at_most);
	CHECK(state_load(&w->t.st->durable_end) == end, "%lu", end);
	CHECK(!clean || w->t.warned[0] == 0, "%s", w->t.warned);
	/* No file holds offsets that will be given again. */
	uint64_t len;
	const uint8_t *head = disk_sim_file(w->disk, STORAGE "/s-0/next.prepared", &len);
	CHECK(!head || len < RECORD_BATCH_HEAD || head[BATCH_magic] == 0 || log_get64(head) < end,
	      "next.prepared begins with offset %lu", log_get64(head));
	w->epoch = atomic_load(&w->t.st->leader_epoch);
	/* Raised where offsets that were seen may now stand for other data. */
	unsigned may = !clean && w->t.plan->visible == PLAN_VISIBLE_WRITTEN ? 1 + early_ends : 0;
	bool must = may && seen > end;
	CHECK(w->epoch >= epoch + must && w->epoch <= epoch + may, "epoch %u after %u", w->epoch,
	      epoch);
	/* Each record is a packet here: crash booking must find as many as were recovered. (A power
	 * cut takes the state block along.) */
	if (w->packets_forgotten == UINT64_MAX)
		w->packets_forgotten = end;
	uint64_t n = state_load(&w->t.st->recent_count);
	uint64_t packets = state_load(&w->t.st->recent[(n - 1) % STATE_RECENT].packets);
	CHECK(n && packets + w->packets_forgotten == end, "packets up to %lu: %lu", end, packets);
	/* log_start may have gone back: its checkpoint did not survive. */
	uint64_t start = state_load(&w->t.st->log_start);
	CHECK(start <= w->log_start, "log start %lu after %lu", start, w->log_start);
	w->log_start = start;
	w->t.next_given = end;
	check_recovered(w, end);
}

/* Works for a while. False: the log failed. */
static bool work(struct world *w)
{
	struct disk_sim_faults *faults = disk_sim_faults(w->disk);
	uint64_t rounds = 50 + rnd(w, 3000), pressure = 1 + rnd(w, 30);

	faults->short_writes = rnd(w, 3) == 0 ? 20 : 0;
	faults->slow = rnd(w, 3) == 0 ? 90 : (unsigned)rnd(w, 50);
	faults->error_in = rnd(w, 6) == 0 ? 1 + rnd(w, 500) : 0;
	for (uint64_t i = 0; i < rounds; i++) {
		if (rnd(w, 30) < pressure && state_load(&w->t.st->log_end) < 200000)
			submit(w);
		testing_poll(&w->t, 1);
		disk_sim_step(w->disk);
		if (log_failed(w->t.log, NULL))
			return false;
		if (rnd(w, 400) == 0)
			faults->full = !faults->full;
		if (rnd(w, 200) == 0)
			retain(w);
		if (rnd(w, 500) == 0)
			reload(w);
		if (rnd(w, 300) == 0)
			check_published(w);
	}
	faults->full = false;
	return true;
}

static void end_life(struct world *w, bool failed)
{
	uint64_t kind = rnd(w, 4);

	if (!failed && kind == 0) {
		disk_sim_faults(w->disk)->error_in = 0;
		uint64_t want = w->t.next_given;
		log_close(w->t.log);
		for (unsigned i = 0; i < 200000 && !log_closed(w->t.log); i++) {
			testing_poll(&w->t, 1);
			disk_sim_step(w->disk);
		}
		CHECK(log_closed(w->t.log), "does not close");
		CHECK(state_load(&w->t.st->durable_end) == want, "%lu, not %lu",
		      state_load(&w->t.st->durable_end), want);
		check_files(w, want, true);
		testing_drop(&w->t);
		disk_sim_crash(w->disk, rnd(w, 2)); /* a clean stop survives a power cut, too */
		w->stops++;
		life++;
		open_again(w, want, want, want, want, true);
		return;
	}
	/* No slab returned, no promise made after this moment. */
	bool power = kind < 3;
	uint64_t end = state_load(&w->t.st->log_end);
	uint64_t seen = state_load(&w->t.st->visible_end);
	uint64_t durable = state_load(&w->t.st->durable_end);
	uint64_t kept = power ? durable : seen;
	disk_sim_faults(w->disk)->full = false;
	disk_sim_crash(w->disk, power);
	testing_drop(&w->t);
	if (power)
		forget_state(w);
	w->cuts += power;
	w->kills += !power;
	w->errors += failed;
	life++;
	open_again(w, kept, durable, end, seen, false);
	w->recovered_less += state_load(&w->t.st->log_end) < end;
}

static void totals(const struct world *w, struct world *sum)
{
	sum->lives += life;
	sum->cuts += w->cuts;
	sum->kills += w->kills;
	sum->stops += w->stops;
	sum->errors += w->errors;
	sum->batches += w->batches;
	sum->retains += w->retains;
	sum->recovered_less += w->recovered_less;
}

static void run_world(uint64_t seed, struct world *sum)
{
	struct world w = {.next_seed = 1, .ts = 1000000};

	now_seed = seed;
	life = 0;
	w.disk = disk_sim_create(seed, seed % 4 == 0 ? 1 : SLAB_BLOCK);
	w.t.disk = w.disk;
	w.t.plan = testing_plan(STORAGE, 100000);
	w.t.state = testing_state(w.t.plan);
	w.t.plan->visible = rnd(&w, 3) == 0 ? PLAN_VISIBLE_WRITTEN : PLAN_VISIBLE_DURABLE;
	w.t.plan->write_depth = (uint16_t)(1 + rnd(&w, 4));
	w.t.plan->prepare_bytes = rnd(&w, 2) ? 64 * 1024 : 0;
	/* Batches of one size, so that those of a file's earlier life lie just where new ones end.
	 */
	if (rnd(&w, 2)) {
		w.records = 1 + (unsigned)rnd(&w, 8);
		w.value_bytes = (unsigned)rnd(&w, 3000);
	}
	reload(&w);
	open_again(&w, 0, 0, 0, 0, false);
	for (uint64_t lives = 3 + rnd(&w, 6); lives; lives--)
		end_life(&w, !work(&w));
	totals(&w, sum);
	for (int k = 0; k <= DISK_SCRUB; k++)
		sum->t.now += disk_sim_count(w.disk, k);
	disk_sim_crash(w.disk, false);
	testing_drop(&w.t);
	disk_sim_destroy(w.disk);
	free(w.t.plan);
	free(w.t.state);
	free(w.seeds);
}

int main(int argc, char **argv)
{
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct world sum = {0};

	for (uint64_t seed = first; seed < first + seeds; seed++)
		run_world(seed, &sum);
	printf("%lu seeds: %lu lives, %lu power cuts, %lu kills, %lu failed disks, %lu clean "
	       "stops, "
	       "%lu batches, %lu retentions, %lu disk operations; %lu recoveries cut something\n",
	       seeds, sum.lives, sum.cuts, sum.kills, sum.errors, sum.stops, sum.batches,
	       sum.retains, sum.t.now, sum.recovered_less);
	return 0;
}
