/* weir latency: loss, order and latency of stamped packets, from the log. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/log_dir.h"
#include "api/log_reader.h"
#include "data_owner.h"
#include "json_set.h"
#include "replay/stamp_log.h"
#include "status.h"
#include "stream_list.h"
#include "weir.h"

struct latency {
	const char *data_dir;
	char **names; /* of streams or partitions */
	int names_count;
	bool json;
	struct data_owner owner;
	struct log_dir_partition *list;
	struct stamp_log_part *parts;
	unsigned parts_count;
	struct stamp_log log;
	uint64_t told_ms;
};

static const struct {
	const char *name, *text;
	double share;
} percentiles[] = {
	{"p50", "p50", .5}, {"p90", "p90", .9}, {"p99", "p99", .99}, {"p99_9", "p99.9", .999}};

enum { PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]) };

static void print_help(void)
{
	printf("Usage: weir latency DATA_DIR STREAM[-PARTITION]... [--json]\n\n"
	       "What became of the packets of 'weir replay --stamp': for each run and sending "
	       "queue\n"
	       "how many are in the log, missing, reordered and duplicated, and how long they "
	       "took\n"
	       "from the sender to their arrival at Weir. Reads all partitions of the streams, "
	       "next "
	       "to\n"
	       "a running Weir up to what is visible.\n\n"
	       "  --json   one object: runs[], totals\n"
	       "  --help\n\n"
	       "The stamp must be the record's end: decoder datagram. Arrival is the header rx_ns "
	       "where\n"
	       "the stream has it, else the record's timestamp, in milliseconds.\n"
	       "Exit status: 0 read (look at what is missing), 1 failed or no stamp there, 2 "
	       "wrong\n"
	       "usage.\n");
}

/* -1: go on, else an exit code. */
static int parse_options(struct latency *l, int argc, char **argv)
{
	enum { JSON = 256, HELP };
	static const struct option longs[] = {
		{"json", no_argument, NULL, JSON}, {"help", no_argument, NULL, HELP}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == JSON)
			l->json = true;
		if (c == HELP || c == 'h') {
			print_help();
			return WEIR_OK;
		}
		if (c == '?')
			return weir_option_error("latency");
	}
	if (argc - optind < 2)
		return weir_usage_error("latency", "needs a data directory and a stream");
	l->data_dir = argv[optind];
	l->names = argv + optind + 1;
	l->names_count = argc - optind - 1;
	return -1;
}

/* --- reading ------------------------------------------------------------------------------- */

static bool is_named(const char *name, const struct log_dir_partition *partition)
{
	char whole[LOG_DIR_NAME_MAX];

	log_dir_format(whole, partition->stream, partition->partition);
	return strcmp(name, partition->stream) == 0 || strcmp(name, whole) == 0;
}

static int find_parts(struct latency *l, char *err, size_t err_size)
{
	size_t count = 0;
	int rc = log_dir_partitions(l->data_dir, &l->list, &count);

	if (rc < 0) {
		snprintf(err, err_size, "%s: %s", l->data_dir, strerror(-rc));
		return rc;
	}
	l->parts = calloc(count + 1, sizeof(l->parts[0]));
	if (!l->parts)
		return -ENOMEM;
	bool *wanted = calloc(count + 1, sizeof(wanted[0]));
	for (int n = 0; wanted && n < l->names_count; n++) {
		bool any = false;

		for (size_t i = 0; i < count; i++) {
			bool named = is_named(l->names[n], &l->list[i]);
			any |= named;
			wanted[i] |= named;
		}
		if (!any) {
			char there[256];

			stream_list_text(l->list, count, there, sizeof(there));
			snprintf(err, err_size, "no stream or partition '%s' in %s%s", l->names[n],
				 l->data_dir, there);
			rc = -ENOENT;
		}
	}
	for (size_t i = 0; wanted && i < count; i++) {
		if (!wanted[i])
			continue;
		struct stamp_log_part *part = &l->parts[l->parts_count++];
		part->stream = l->list[i].stream;
		part->partition = l->list[i].partition;
		part->end = LOG_READER_NO_LIMIT;
		data_owner_visible(&l->owner, part->stream, part->partition, &part->end);
	}
	free(wanted);
	return rc;
}

static void progress(uint64_t records, void *ctx)
{
	struct latency *l = ctx;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (ms < l->told_ms + 200)
		return;
	l->told_ms = ms;
	fprintf(stderr, "\rlatency: %s records", status_grouped(records, (char[32]){""}));
}

/* --- telling ------------------------------------------------------------------------------- */

/* What all runs have together. */
struct totals {
	uint64_t sent, stored, missing, reordered, duplicates, early;
};

static struct totals sum_up(const struct stamp_log *log)
{
	struct totals t = {0};

	for (unsigned i = 0; i < log->runs.count; i++) {
		const struct stamp_run *run = log->runs.list[i];

		t.sent += run->end;
		t.stored += run->stored;
		t.missing += stamp_run_missing(run);
		t.reordered += run->reordered;
		t.duplicates += run->duplicates;
		t.early += run->early;
	}
	return t;
}

static const char *arrival_name(const struct stamp_log *log)
{
	if (!log->by_timestamp)
		return "rx_ns";
	return log->by_rx_ns ? "mixed" : "timestamp_ms";
}

static const char *microseconds(double ns, char text[32])
{
	snprintf(text, 32, ns < 1e5 ? "%.1f" : "%.0f", ns / 1e3);
	return text;
}

static void print_run(const struct stamp_run *run)
{
	char text[32];

	printf("%04x %5u", run->run, run->queue);
	printf(" %13s", status_grouped(run->end, text));
	printf(" %13s", status_grouped(run->stored, text));
	printf(" %11s", status_grouped(stamp_run_missing(run), text));
	printf(" %11s", status_grouped(run->reordered, text));
	printf(" %10s", status_grouped(run->duplicates, text));
	for (unsigned i = 0; i < PERCENTILES; i++)
		printf(" %9s", microseconds((double)histogram_percentile(&run->latency,
									 percentiles[i].share),
					    text));
	printf(" %9s\n", microseconds((double)run->latency.max, text));
}

/* "17, 33-40, ..." */
static void print_missing(const struct stamp_run *run)
{
	struct stamp_range ranges[STAMP_RANGES_MAX + 1];
	unsigned n = stamp_set_missing(&run->seen, run->end, ranges, STAMP_RANGES_MAX + 1);

	if (!n)
		return;
	printf("missing of %04x, queue %u: ", run->run, run->queue);
	for (unsigned i = 0; i < n && i < STAMP_RANGES_MAX; i++) {
		printf("%s%" PRIu64, i ? ", " : "", ranges[i].first);
		if (ranges[i].last != ranges[i].first)
			printf("-%" PRIu64, ranges[i].last);
	}
	printf("%s\n", n > STAMP_RANGES_MAX ? ", ..." : "");
}

static void print_notes(const struct latency *l, const struct totals *t)
{
	const struct stamp_log *log = &l->log;
	int64_t shortest = 0;

	if (log->by_timestamp)
		printf("Arrival of %" PRIu64 " is the record's timestamp: latencies are up to 1 ms "
		       "too long. With\n'headers: [rx_ns]' the stream has nanoseconds.\n",
		       log->by_timestamp);
	for (unsigned i = 0; i < log->runs.count; i++)
		if (log->runs.list[i]->shortest_ns < shortest)
			shortest = log->runs.list[i]->shortest_ns;
	if (t->early)
		printf("%" PRIu64 " arrived before they were sent, by %.3f ms: the clocks of "
		       "sender and Weir differ by that\nat least, and latencies by as much; or, "
		       "on one machine, the lane lost its processor\nbetween looking at the "
		       "clock and at the port.\n",
		       t->early, (double)-shortest / 1e6);
	if (log->removed)
		printf("%s records at the log's beginning are gone by retention: packets that were "
		       "among them\ncount as missing.\n",
		       status_grouped(log->removed, (char[32]){""}));
	if (l->owner.running)
		printf("Weir is running on this directory: what is not visible yet counts as not "
		       "sent, or missing.\n");
}

static void print_text(const struct latency *l)
{
	const struct totals t = sum_up(&l->log);

	printf("%s records, %s with a stamp; latencies in microseconds\n\n",
	       status_grouped(l->log.records, (char[32]){""}),
	       status_grouped(t.stored, (char[32]){""}));
	printf("%-4s %5s %13s %13s %11s %11s %10s", "run", "queue", "sent", "stored", "missing",
	       "reordered", "duplicates");
	for (unsigned i = 0; i < PERCENTILES; i++)
		printf(" %9s", percentiles[i].text);
	printf(" %9s\n", "max");
	for (unsigned i = 0; i < l->log.runs.count; i++)
		print_run(l->log.runs.list[i]);
	printf("\n");
	for (unsigned i = 0; i < l->log.runs.count; i++)
		print_missing(l->log.runs.list[i]);
	printf("Sent is the highest number that is there, plus one: what was lost behind it cannot "
	       "be seen here.\n");
	print_notes(l, &t);
}

static json_t *run_json(const struct stamp_run *run)
{
	struct stamp_range ranges[STAMP_RANGES_MAX];
	unsigned n = stamp_set_missing(&run->seen, run->end, ranges, STAMP_RANGES_MAX);
	json_t *o = json_object(), *missing = json_array(), *latency = json_object();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(missing, json_pack("[I, I]", (json_int_t)ranges[i].first,
							 (json_int_t)ranges[i].last));
	json_set(latency, "min", (uint64_t)run->shortest_ns);
	for (unsigned i = 0; i < PERCENTILES; i++)
		json_set(latency, percentiles[i].name,
			 histogram_percentile(&run->latency, percentiles[i].share));
	json_set(latency, "max", run->latency.max);
	json_set(o, "run", run->run);
	json_set(o, "queue", run->queue);
	json_set(o, "first_sent_ns", run->first_ns);
	json_set(o, "last_sent_ns", run->last_ns);
	json_set(o, "sent", run->end);
	json_set(o, "stored", run->stored);
	json_set(o, "missing", stamp_run_missing(run));
	json_object_set_new(o, "missing_ranges", missing);
	json_set(o, "reordered", run->reordered);
	json_set(o, "duplicates", run->duplicates);
	json_set(o, "early", run->early);
	json_object_set_new(o, "latency_ns", latency);
	return o;
}

static void print_json(const struct latency *l)
{
	const struct totals t = sum_up(&l->log);
	json_t *o = json_object(), *runs = json_array(), *totals = json_object();

	for (unsigned i = 0; i < l->log.runs.count; i++)
		json_array_append_new(runs, run_json(l->log.runs.list[i]));
	json_set(totals, "sent", t.sent);
	json_set(totals, "stored", t.stored);
	json_set(totals, "missing", t.missing);
	json_set(totals, "reordered", t.reordered);
	json_set(totals, "duplicates", t.duplicates);
	json_set(totals, "early", t.early);
	json_set(o, "records", l->log.records);
	json_set(o, "removed", l->log.removed);
	json_set_text(o, "arrival", arrival_name(&l->log));
	json_set_flag(o, "running", l->owner.running);
	json_object_set_new(o, "runs", runs);
	json_object_set_new(o, "totals", totals);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static int run(struct latency *l)
{
	struct stamp_log_options options = {.data_dir = l->data_dir, .ctx = l};
	char err[1024] = "out of memory";
	bool live = isatty(STDERR_FILENO);
	int rc = find_parts(l, err, sizeof(err));

	if (rc == 0) {
		options.parts = l->parts;
		options.parts_count = l->parts_count;
		options.progress = live ? progress : NULL;
		rc = stamp_log_read(&l->log, &options, err, sizeof(err));
		if (l->told_ms)
			fprintf(stderr, "\r%40s\r", "");
	}
	if (rc == 0 && !l->log.runs.count) {
		snprintf(err, sizeof(err),
			 "no stamp in %" PRIu64 " records; is the decoder datagram, and were they "
			 "sent with --stamp?",
			 l->log.records);
		rc = -ENODATA;
	}
	if (rc < 0) {
		fprintf(stderr, "weir latency: %s\n", err);
		return WEIR_FAILED;
	}
	if (l->json)
		print_json(l);
	else
		print_text(l);
	return WEIR_OK;
}

int cmd_latency(int argc, char **argv)
{
	struct latency latency = {0};
	int result = parse_options(&latency, argc, argv);

	if (result >= 0)
		return result;
	data_owner_find(&latency.owner, latency.data_dir);
	result = run(&latency);
	stamp_log_free(&latency.log);
	free(latency.parts);
	free(latency.list);
	data_owner_release(&latency.owner);
	return result;
}
