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
#include "log_sim.h"

uint64_t now_seed, life;

static uint64_t rnd(struct world *w, uint64_t below)
{
	return disk_sim_random(w->disk, below);
}

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
