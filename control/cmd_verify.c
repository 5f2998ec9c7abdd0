/* weir verify: reads every byte of a data directory and says what is wrong. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data_owner.h"
#include "dataplane/api/log_format.h"
#include "verify.h"
#include "weir.h"

/* The counters of a partition by their names in --json, which sums them up in "totals" too. */
struct counter {
	const char *name;
	size_t offset;
};

#define COUNTER(field)                                                                             \
	{                                                                                          \
#field, offsetof(struct verify_partition, field)                                   \
	}

static const struct counter counters[] = {
	COUNTER(records),     COUNTER(batches),	     COUNTER(value_bytes),   COUNTER(crc_failures),
	COUNTER(offset_gaps), COUNTER(index_errors), COUNTER(format_errors), COUNTER(segments),
	COUNTER(bytes),	      COUNTER(tail_bytes),
};

enum { COUNTERS = sizeof(counters) / sizeof(counters[0]) };

static uint64_t *counter_of(const struct verify_partition *p, unsigned i)
{
	return (uint64_t *)((char *)(uintptr_t)p + counters[i].offset);
}

struct verify_run {
	const char *data_dir;
	bool json;
	struct data_owner owner;
	struct verify_partition *partitions, totals;
	size_t count;
	bool good;
	/* Progress on a terminal. */
	bool progress;
	uint64_t bytes_done, bytes_total, told_ms;
};

static void print_help(void)
{
	printf("Usage: weir verify DATA_DIR [--json]\n\n"
	       "Reads every byte of every partition: batches, checksums, records, offsets, and "
	       "both\n"
	       "index files of each segment. Changes nothing. Next to a running Weir it checks up "
	       "to\n"
	       "what is visible.\n\n"
	       "  --json   one object: partitions[], totals\n"
	       "  --help\n\n"
	       "Exit status: 0 all is well, 1 something is wrong, 2 wrong usage.\n");
}

static int parse_options(struct verify_run *run, int argc, char **argv)
{
	enum { JSON = 256, HELP };
	static const struct option longs[] = {
		{"json", no_argument, NULL, JSON}, {"help", no_argument, NULL, HELP}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == JSON)
			run->json = true;
		if (c == HELP || c == 'h') {
			print_help();
			return WEIR_OK;
		}
		if (c == '?')
			return weir_option_error("verify");
	}
	if (argc - optind != 1)
		return weir_usage_error("verify", "needs one data directory");
	run->data_dir = argv[optind];
	return -1;
}

static void progress(void *arg, uint64_t bytes)
{
	struct verify_run *run = arg;
	struct timespec now;

	run->bytes_done += bytes;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (ms < run->told_ms + 200)
		return;
	run->told_ms = ms;
	fprintf(stderr, "\rverify: %3.0f %% of %.1f MB",
		run->bytes_total ? 100.0 * (double)run->bytes_done / (double)run->bytes_total : 100,
		(double)run->bytes_total / 1e6);
}

static void end_progress(const struct verify_run *run)
{
	if (run->progress && run->told_ms)
		fprintf(stderr, "\r%40s\r", "");
}

/* Size of all .log files, to tell how far we are. */
static void measure(struct verify_run *run, const struct log_dir_partition *list)
{
	for (size_t i = 0; i < run->count; i++) {
		struct log_dir_segment *segments;
		size_t count = 0;
		int fd = log_dir_open(run->data_dir, list[i].stream, list[i].partition);

		if (fd < 0)
			continue;
		if (log_dir_segments(fd, &segments, &count) == 0) {
			for (size_t k = 0; k < count; k++)
				run->bytes_total += segments[k].size_bytes;
			free(segments);
		}
		close(fd);
	}
}

static void verify_one(struct verify_run *run, struct verify_partition *p)
{
	struct verify_config config = {
		.data_dir = run->data_dir,
		.running = run->owner.running,
		.progress = run->progress ? progress : NULL,
		.progress_arg = run,
	};

	config.limited = data_owner_visible(&run->owner, p->name.stream, p->name.partition,
					    &config.visible_end);
	verify_partition(p, &config);
	if (config.limited)
		verify_say(&p->notes, "checked up to offset %" PRIu64 ", what was visible at start",
			   config.visible_end);
	for (unsigned i = 0; i < COUNTERS; i++)
		*counter_of(&run->totals, i) += *counter_of(p, i);
	if (!verify_is_good(p))
		run->good = false;
}

static void print_texts(const char *kind, const struct verify_texts *texts)
{
	for (uint64_t i = 0; i < texts->count && i < VERIFY_TEXTS_MAX; i++)
		printf("    %s: %s\n", kind, texts->text[i] ? texts->text[i] : "");
	if (texts->count > VERIFY_TEXTS_MAX)
		printf("    %s: and %" PRIu64 " more\n", kind, texts->count - VERIFY_TEXTS_MAX);
}

static void print_text(const struct verify_run *run)
{
	const struct verify_partition *t = &run->totals;

	for (size_t i = 0; i < run->count; i++) {
		const struct verify_partition *p = &run->partitions[i];

		printf("%s-%u: offsets %" PRIu64 " to %" PRIu64 ", %" PRIu64 " records, %" PRIu64
		       " batches, %" PRIu64 " segments, %" PRIu64 " bytes: %s\n",
		       p->name.stream, p->name.partition, p->first_offset, p->next_offset,
		       p->records, p->batches, p->segments, p->bytes,
		       verify_is_good(p) ? "good" : "BAD");
		print_texts("wrong", &p->problems);
		print_texts("note", &p->notes);
	}
	if (run->owner.running)
		printf("Weir is running on this directory%s.\n",
		       run->owner.state ? "" : "; how far it is visible could not be found out");
	printf("total: %zu partitions, %" PRIu64 " records, %" PRIu64 " batches, %" PRIu64
	       " bytes; CRC failures %" PRIu64 ", offset gaps %" PRIu64 ", index errors %" PRIu64
	       ", format errors %" PRIu64 "\n",
	       run->count, t->records, t->batches, t->bytes, t->crc_failures, t->offset_gaps,
	       t->index_errors, t->format_errors);
	printf("%s\n", run->good ? "nothing is wrong" : "SOMETHING IS WRONG");
}

static json_t *texts_json(const struct verify_texts *texts)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < texts->count && i < VERIFY_TEXTS_MAX; i++)
		json_array_append_new(array, json_string(texts->text[i] ? texts->text[i] : ""));
	return array;
}

static void set_counters(json_t *object, const struct verify_partition *p)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		json_object_set_new(object, counters[i].name,
				    json_integer((json_int_t)*counter_of(p, i)));
}

static json_t *partition_json(const struct verify_partition *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "stream", json_string(p->name.stream));
	json_object_set_new(o, "partition", json_integer(p->name.partition));
	json_object_set_new(o, "first_offset", json_integer((json_int_t)p->first_offset));
	json_object_set_new(o, "next_offset", json_integer((json_int_t)p->next_offset));
	set_counters(o, p);
	json_object_set_new(o, "problems", texts_json(&p->problems));
	json_object_set_new(o, "notes", texts_json(&p->notes));
	return o;
}

static void print_json(const struct verify_run *run)
{
	json_t *o = json_object(), *partitions = json_array(), *totals = json_object();

	for (size_t i = 0; i < run->count; i++)
		json_array_append_new(partitions, partition_json(&run->partitions[i]));
	json_object_set_new(totals, "partitions", json_integer((json_int_t)run->count));
	set_counters(totals, &run->totals);
	json_object_set_new(o, "good", json_boolean(run->good));
	json_object_set_new(o, "running", json_boolean(run->owner.running));
	json_object_set_new(o, "partitions", partitions);
	json_object_set_new(o, "totals", totals);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

/* Even before the first event it has its lock. A wrong path must not pass for a good log. */
static bool is_data_dir(const char *path)
{
	char lock[PLAN_PATH_MAX + sizeof(LOG_NAME_LOCK) + 2];

	snprintf(lock, sizeof(lock), "%s/" LOG_NAME_LOCK, path);
	return access(lock, F_OK) == 0;
}

static int run_verify(struct verify_run *run)
{
	struct log_dir_partition *list;
	int result = log_dir_partitions(run->data_dir, &list, &run->count);

	if (result < 0) {
		fprintf(stderr, "weir verify: %s: %s\n", run->data_dir, strerror(-result));
		return WEIR_FAILED;
	}
	if (run->count == 0 && !is_data_dir(run->data_dir)) {
		free(list);
		fprintf(stderr,
			"weir verify: %s: no data directory of Weir: it has neither " LOG_NAME_LOCK
			" nor a partition\n",
			run->data_dir);
		return WEIR_FAILED;
	}
	run->partitions = calloc(run->count + 1, sizeof(*run->partitions));
	if (!run->partitions) {
		free(list);
		fprintf(stderr, "weir verify: no memory\n");
		return WEIR_FAILED;
	}
	if (run->progress)
		measure(run, list);
	for (size_t i = 0; i < run->count; i++) {
		run->partitions[i].name = list[i];
		verify_one(run, &run->partitions[i]);
	}
	free(list);
	end_progress(run);
	if (run->json)
		print_json(run);
	else
		print_text(run);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "weir verify: standard output: %s\n", strerror(errno));
		return WEIR_FAILED;
	}
	return run->good ? WEIR_OK : WEIR_FAILED;
}

int cmd_verify(int argc, char **argv)
{
	struct verify_run run = {.good = true, .progress = isatty(STDERR_FILENO)};
	int result = parse_options(&run, argc, argv);

	if (result >= 0)
		return result;
	data_owner_find(&run.owner, run.data_dir);
	result = run_verify(&run);
	for (size_t i = 0; run.partitions && i < run.count; i++)
		verify_partition_free(&run.partitions[i]);
	free(run.partitions);
	data_owner_release(&run.owner);
	return result;
}
