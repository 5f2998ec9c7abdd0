#include "loadtest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"
#include "stamp_log.h"

enum {
	PROBE_PACKETS = 10000,
	PROBE_RATE = 20000,
	COMMIT_FIRST_NS = 64000, /* end of the first bucket of the commits */
};

static const double RATE_PRECISION = 0.01, BURST_PRECISION = 0.05;
/* The search for a rate ends below this share of what the sender can do. */
static const double RATE_FLOOR = 1. / 1024;

const char *loadtest_purpose_name(enum loadtest_purpose purpose)
{
	static const char *const names[TRIAL_PURPOSES] = {"probe", "topspeed", "search", "latency",
							  "burst"};

	return names[purpose];
}

uint64_t loadtest_commit_ns(const struct loadtest_trial *trial, double share)
{
	uint64_t all = 0, seen = 0;

	for (unsigned i = 0; i < APPLIANCE_COMMITS; i++)
		all += trial->commits[i];
	for (unsigned i = 0; all && i < APPLIANCE_COMMITS - 1; i++) {
		seen += trial->commits[i];
		if ((double)seen >= share * (double)all)
			return (uint64_t)COMMIT_FIRST_NS << i;
	}
	return 0;
}

double loadtest_rate(const struct loadtest_size *size)
{
	return size->passed < 0 ? 0 : size->trials[size->passed].verdict.rate;
}

/* --- one trial ----------------------------------------------------------------------------- */

static struct loadtest_trial *new_trial(struct loadtest_size *size)
{
	struct loadtest_trial *trials =
		reallocarray(size->trials, size->trials_count + 1, sizeof(trials[0]));

	if (!trials)
		return NULL;
	size->trials = trials;
	struct loadtest_trial *trial = &trials[size->trials_count++];
	memset(trial, 0, sizeof(*trial));
	return trial;
}

static void judge(struct loadtest *t, struct loadtest_trial *trial,
		  const struct replay_result *sent)
{
	const struct appliance_look *a = &t->before, *b = &t->after;
	const struct verdict_sent facts = {
		.asked = trial->asked,
		.taken = sent->taken,
		.failed = sent->taken - sent->sent + sent->device.interface_dropped,
		.seconds = sent->seconds,
		.offered_again = sent->offered_again,
		.starved = sent->starved,
		.shared_memory = strcmp(replay_device(t->replay)->driver, "net_memif") == 0,
	};

	trial->seconds = sent->seconds;
	trial->bytes = sent->bytes;
	verdict_of(&facts, a, b, t->options->loss_max, &trial->verdict);
	for (unsigned i = 0; i < b->terms_count && i < a->terms_count; i++) {
		trial->terms[i] = b->terms[i];
		trial->terms[i].packets -= a->terms[i].packets;
		trial->terms_count++;
	}
	for (unsigned i = 0; i < APPLIANCE_COMMITS; i++)
		trial->commits[i] = b->commits[i] - a->commits[i];
}

/* What Weir said after the one trial is what it says before the next. */
static void turn_looks(struct loadtest *t)
{
	appliance_look_free(&t->before);
	t->before = t->after;
	memset(&t->after, 0, sizeof(t->after));
}

/* packets 0: until the time is up. */
static int run_trial(struct loadtest *t, struct loadtest_size *size, enum loadtest_purpose purpose,
		     double asked, uint64_t packets, struct replay_result *sent, char *err,
		     size_t err_size)
{
	const struct replay_trial how = {
		.pace = {asked > 0 ? PACE_PACKETS : PACE_TOPSPEED, asked},
		.for_ns = packets ? 0 : t->options->trial_ns,
		.packets = packets,
	};

	turn_looks(t);
	int rc = replay_run(t->replay, &how, sent, err, err_size);
	uint64_t expected = appliance_arrived(&t->before) + sent->sent;
	if (rc == 0)
		rc = appliance_rest(t->appliance, expected, &t->after, t->stop, err, err_size);
	if (rc < 0)
		return rc;
	if (sent->end == SEND_STOPPED) {
		snprintf(err, err_size, "stopped");
		return -EINTR;
	}
	if (!appliance_same_ledger(&t->before, &t->after)) {
		snprintf(err, err_size,
			 "Weir was started anew meanwhile: its ledger does not tell what became of "
			 "this trial");
		return -ECONNRESET;
	}
	if (!t->after.balanced) {
		snprintf(err, err_size, "Weir's ledger does not balance: that is a bug of Weir");
		return -EPROTO;
	}
	struct loadtest_trial *trial = new_trial(size);
	if (!trial) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	trial->purpose = purpose;
	trial->asked = asked;
	trial->packets = packets;
	judge(t, trial, sent);
	if (t->progress)
		t->progress(size, trial);
	return 0;
}

/* --- the steps, for one frame size --------------------------------------------------------- */

/* A few packets, slowly: that nothing is stored has a reason that no rate changes. */
static int probe(struct loadtest *t, struct loadtest_size *size, char *err, size_t err_size)
{
	struct replay_result sent;
	int rc = run_trial(t, size, TRIAL_PROBE, PROBE_RATE, PROBE_PACKETS, &sent, err, err_size);

	if (rc < 0)
		return rc;
	const struct loadtest_trial *trial = &size->trials[size->trials_count - 1];
	if (trial->verdict.stored)
		return 0;
	int n = snprintf(err, err_size,
			 "of the first %" PRIu64 " packets Weir received %" PRIu64
			 " and stored none",
			 trial->verdict.sent, trial->verdict.received);
	for (unsigned i = 0; i < trial->terms_count && n < (int)err_size; i++)
		if (trial->terms[i].packets)
			n += snprintf(err + n, err_size - (size_t)n, "; %s %" PRIu64,
				      trial->terms[i].name, trial->terms[i].packets);
	if (n < (int)err_size && !trial->verdict.received)
		snprintf(err + n, err_size - (size_t)n,
			 ": is it that Weir at the other end (--rewrite-dst, --rewrite-mac)?");
	return -ENODATA;
}

static void keep_bounds(struct loadtest_size *size)
{
	int last = (int)size->trials_count - 1;

	*(size->trials[last].verdict.passed ? &size->passed : &size->failed) = last;
}

static int find_rate(struct loadtest *t, struct loadtest_size *size, char *err, size_t err_size)
{
	struct replay_result sent;
	struct search search;
	int rc = run_trial(t, size, TRIAL_TOPSPEED, 0, 0, &sent, err, err_size);

	if (rc < 0)
		return rc;
	keep_bounds(size);
	if (size->passed >= 0)
		return 0;
	double top = size->trials[size->failed].verdict.rate;
	search_begin(&search, top, RATE_PRECISION, top * RATE_FLOOR);
	while (rc == 0 && search_goes_on(&search)) {
		rc = run_trial(t, size, TRIAL_SEARCH, search_value(&search), 0, &sent, err,
			       err_size);
		if (rc < 0)
			break;
		keep_bounds(size);
		search_tell(&search, size->trials[size->trials_count - 1].verdict.passed);
	}
	return rc;
}

/* What the trial added to the partitions, as parts to read. */
static unsigned added_parts(const struct loadtest *t, struct stamp_log_part *parts)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->after.partitions_count; i++) {
		const struct appliance_partition *p = &t->after.partitions[i];
		struct stamp_log_part *part = &parts[n++];

		*part = (struct stamp_log_part){
			.stream = p->stream, .partition = p->partition, .end = p->visible_end};
		for (size_t k = 0; k < t->before.partitions_count; k++)
			if (t->before.partitions[k].partition == p->partition &&
			    strcmp(t->before.partitions[k].stream, p->stream) == 0)
				part->from = t->before.partitions[k].log_end;
		n -= part->from == part->end;
	}
	return n;
}

static void sum_up_stamps(const struct stamp_log *log, const struct replay_result *sent,
			  struct loadtest_stamps *s)
{
	uint64_t different = 0;

	for (unsigned i = 0; i < log->runs.count; i++) {
		const struct stamp_run *run = log->runs.list[i];

		if (run->run != sent->run)
			continue;
		s->known = true;
		different += run->seen.count;
		s->stored += run->stored;
		s->reordered += run->reordered;
		s->duplicates += run->duplicates;
		s->early += run->early;
		histogram_merge(&s->latency, &run->latency);
	}
	s->stamped = sent->stamped;
	s->missing = sent->stamped - different;
	s->removed = log->removed;
	s->exact = log->by_timestamp == 0;
}

static int read_stamps(const struct loadtest *t, const struct replay_result *sent,
		       struct loadtest_stamps *stamps, char *err, size_t err_size)
{
	struct stamp_log_part *parts = calloc(t->after.partitions_count + 1, sizeof(parts[0]));
	struct stamp_log log;

	if (!parts) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	const struct stamp_log_options options = {.data_dir = t->options->data_dir,
						  .parts = parts,
						  .parts_count = added_parts(t, parts)};
	int rc = stamp_log_read(&log, &options, err, err_size);
	if (rc == 0)
		sum_up_stamps(&log, sent, stamps);
	stamp_log_free(&log);
	free(parts);
	return rc;
}

static int measure_latency(struct loadtest *t, struct loadtest_size *size, char *err,
			   size_t err_size)
{
	static const double shares[] = {1, .5};
	struct replay_result sent;
	double rate = loadtest_rate(size);
	int rc = 0;

	for (unsigned i = 0; rc == 0 && rate > 0 && i < 2; i++) {
		struct loadtest_latency *latency = &size->latency[i];

		latency->share = shares[i];
		latency->trial = size->trials_count;
		rc = run_trial(t, size, TRIAL_LATENCY, rate * shares[i], 0, &sent, err, err_size);
		if (rc == 0 && t->options->data_dir)
			rc = read_stamps(t, &sent, &latency->stamps, err, err_size);
		size->latency_count += rc == 0;
	}
	return rc;
}

/* As many packets as the sender sends in one trial at most. */
static int find_burst(struct loadtest *t, struct loadtest_size *size, char *err, size_t err_size)
{
	const struct verdict *top = &size->trials[1].verdict;
	struct replay_result sent;
	struct search search;
	int rc = 0;

	search_begin(&search, (double)top->sent, BURST_PRECISION, 1);
	size->burst_all = top->loss <= t->options->loss_max;
	if (size->burst_all)
		search.low = search.high;
	while (rc == 0 && search_goes_on(&search)) {
		uint64_t packets = (uint64_t)search_value(&search);

		rc = run_trial(t, size, TRIAL_BURST, 0, packets, &sent, err, err_size);
		if (rc < 0)
			return rc;
		search_tell(&search, size->trials[size->trials_count - 1].verdict.loss <=
					     t->options->loss_max);
	}
	size->burst = (uint64_t)search.low;
	size->burst_known = true;
	return rc;
}

static int measure(struct loadtest *t, uint32_t frame_size, char *err, size_t err_size)
{
	struct loadtest_size *size = &t->sizes[t->sizes_count++];
	int rc = 0;

	*size = (struct loadtest_size){.frame_size = frame_size, .passed = -1, .failed = -1};
	if (frame_size)
		rc = replay_load(t->replay, frame_size - LOADTEST_FCS, err, err_size);
	if (rc == 0)
		rc = probe(t, size, err, err_size);
	if (rc == 0)
		rc = find_rate(t, size, err, err_size);
	if (rc == 0)
		rc = measure_latency(t, size, err, err_size);
	if (rc == 0)
		rc = find_burst(t, size, err, err_size);
	size->frames = replay_feed(t->replay) ? *feed_counts(replay_feed(t->replay))
					      : (struct feed_counts){0};
	return rc;
}

/* --- all of it ----------------------------------------------------------------------------- */

/* Before a long search, that the directory is that Weir's. */
static int check_data_dir(const struct loadtest *t, char *err, size_t err_size)
{
	const char *dir = t->options->data_dir;
	struct log_dir_partition *list = NULL;
	size_t count = 0, i, k;
	int rc = dir ? log_dir_partitions(dir, &list, &count) : 0;

	if (rc < 0)
		snprintf(err, err_size, "--data %s: %s", dir, strerror(-rc));
	for (i = 0; dir && rc == 0 && i < t->after.partitions_count; i++) {
		const struct appliance_partition *p = &t->after.partitions[i];

		for (k = 0; k < count; k++)
			if (list[k].partition == p->partition &&
			    strcmp(list[k].stream, p->stream) == 0)
				break;
		if (k < count)
			continue;
		snprintf(err, err_size, "--data %s: there is no %s-%u, which Weir at %s has", dir,
			 p->stream, p->partition, t->options->against);
		rc = -ENOENT;
	}
	free(list);
	return rc;
}

int loadtest_run(struct loadtest *t, char *err, size_t err_size)
{
	const struct loadtest_options *o = t->options;
	int rc = appliance_open(&t->appliance, o->against, err, err_size);

	if (rc == 0)
		rc = appliance_rest(t->appliance, 0, &t->after, t->stop, err, err_size);
	if (rc == 0)
		rc = check_data_dir(t, err, err_size);
	if (rc == 0)
		rc = replay_open(&t->replay, &o->sending.replay, err, err_size);
	if (rc == 0)
		rc = measure(t, 0, err, err_size);
	for (unsigned i = 0; rc == 0 && i < o->frame_sizes_count; i++)
		rc = measure(t, o->frame_sizes[i], err, err_size);
	t->complete = rc == 0;
	return rc;
}

void loadtest_free(struct loadtest *t)
{
	for (unsigned i = 0; i < t->sizes_count; i++)
		free(t->sizes[i].trials);
	appliance_look_free(&t->before);
	appliance_look_free(&t->after);
	appliance_close(t->appliance);
	replay_close(t->replay);
}
