/* weir cat: prints the records of a stream. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/log_dir.h"
#include "api/log_reader.h"
#include "data_owner.h"
#include "record_print.h"
#include "stream_list.h"
#include "weir.h"

enum {
	POLL_MS = 20,	   /* between two looks for new records */
	RESCAN_POLLS = 50, /* looks between two searches for new partitions and another owner */
};

struct cat_options {
	const char *data_dir, *name;
	uint64_t from, count;
	enum record_format format;
	bool follow;
};

/* One partition that is printed. */
struct source {
	uint32_t partition;
	struct log_reader *reader;
	bool failed; /* told once; not read any further */
};

struct cat {
	struct cat_options opt;
	char stream[LOG_STREAM_NAME_MAX];
	int64_t only; /* the one partition asked for, or -1 */
	struct data_owner owner;
	struct source *sources;
	size_t sources_count;
	uint64_t printed;
	bool failed;
};

static void print_help(void)
{
	printf("Usage: weir cat DATA_DIR STREAM[-PARTITION] [OPTION]...\n\n"
	       "Prints the records of a stream: all its partitions one after the other, or the "
	       "one\n"
	       "that is named. Within a partition in the order of offsets. Works on a closed data\n"
	       "directory, and next to a running Weir (then up to what is visible).\n\n"
	       "  --from OFFSET   start at this offset of each partition (default: the first)\n"
	       "  --count N       stop after N records\n"
	       "  --format json   one object a line: partition, offset, timestamp (ms since "
	       "1970),\n"
	       "                  key, value, headers; *_base64 where bytes are not UTF-8 "
	       "(default)\n"
	       "  --format value  the value as it is, and a newline\n"
	       "  --format hex    the value in hexadecimal, and a newline\n"
	       "  --follow        wait for new records, of all partitions as they come\n"
	       "  --help\n");
}

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *value <= INT64_MAX;
}

static bool parse_format(const char *text, enum record_format *format)
{
	static const char *const names[] = {
		[RECORD_JSON] = "json", [RECORD_VALUE] = "value", [RECORD_HEX] = "hex"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*format = (enum record_format)i;
			return true;
		}
	}
	return false;
}

/* -1: go on, else an exit code. */
static int parse_options(struct cat_options *opt, int argc, char **argv)
{
	enum { FROM = 256, COUNT, FORMAT, FOLLOW, HELP };
	static const struct option longs[] = {
		{"from", required_argument, NULL, FROM},
		{"count", required_argument, NULL, COUNT},
		{"format", required_argument, NULL, FORMAT},
		{"follow", no_argument, NULL, FOLLOW},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	int c;

	*opt = (struct cat_options){.count = UINT64_MAX, .format = RECORD_JSON};
	while ((c = getopt_long(argc, argv, "fh", longs, NULL)) != -1) {
		if (c == FROM && !parse_number(optarg, &opt->from))
			return weir_usage_error("cat", "--from %s: not an offset", optarg);
		if (c == COUNT && !parse_number(optarg, &opt->count))
			return weir_usage_error("cat", "--count %s: not a number", optarg);
		if (c == FORMAT && !parse_format(optarg, &opt->format))
			return weir_usage_error("cat", "--format %s: json, value or hex", optarg);
		if (c == FOLLOW || c == 'f')
			opt->follow = true;
		if (c == HELP || c == 'h') {
			print_help();
			return WEIR_OK;
		}
		if (c == '?')
			return weir_option_error("cat");
	}
	if (argc - optind != 2)
		return weir_usage_error("cat", "needs a data directory and a stream");
	opt->data_dir = argv[optind];
	opt->name = argv[optind + 1];
	return -1;
}

static bool has_partition(const struct cat *cat, uint32_t partition)
{
	for (size_t i = 0; i < cat->sources_count; i++) {
		if (cat->sources[i].partition == partition)
			return true;
	}
	return false;
}

static int add_source(struct cat *cat, uint32_t partition)
{
	struct source source = {.partition = partition};
	char err[512];
	uint64_t first;

	struct source *sources =
		reallocarray(cat->sources, cat->sources_count + 1, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	cat->sources = sources;
	int result = log_reader_open(&source.reader, cat->opt.data_dir, cat->stream, partition, err,
				     sizeof(err));
	if (result < 0) {
		fprintf(stderr, "weir cat: %s\n", err);
		return result;
	}
	if (cat->opt.from && log_reader_first(source.reader, &first) == 0 && first > cat->opt.from)
		fprintf(stderr, "weir cat: %s-%u starts at offset %" PRIu64 "\n", cat->stream,
			partition, first);
	result = log_reader_seek(source.reader, cat->opt.from);
	if (result < 0) {
		fprintf(stderr, "weir cat: %s-%u: %s\n", cat->stream, partition, strerror(-result));
		log_reader_close(source.reader);
		return result;
	}
	cat->sources[cat->sources_count++] = source;
	return 0;
}

/* Opens the partitions of the stream that are not open yet. -errno. */
static int add_sources(struct cat *cat)
{
	struct log_dir_partition *list;
	size_t count;
	int result = log_dir_partitions(cat->opt.data_dir, &list, &count);

	if (result < 0)
		fprintf(stderr, "weir cat: %s: %s\n", cat->opt.data_dir, strerror(-result));
	for (size_t i = 0; result == 0 && i < count; i++) {
		if (strcmp(list[i].stream, cat->stream) != 0 ||
		    (cat->only >= 0 && list[i].partition != (uint64_t)cat->only) ||
		    has_partition(cat, list[i].partition))
			continue;
		result = add_source(cat, list[i].partition);
	}
	free(list);
	return result;
}

static int tell_streams(const struct cat *cat)
{
	struct log_dir_partition *list = NULL;
	size_t count = 0;
	char there[512];

	log_dir_partitions(cat->opt.data_dir, &list, &count);
	stream_list_text(list, count, there, sizeof(there));
	fprintf(stderr, "weir cat: no stream or partition '%s' in %s%s\n", cat->opt.name,
		cat->opt.data_dir, there);
	free(list);
	return WEIR_FAILED;
}

/* "syslog-0" is partition 0 of syslog if there is such a directory, else a stream with that name.
 */
static void resolve_name(struct cat *cat)
{
	struct log_dir_partition parsed;
	int fd = -1;

	cat->only = -1;
	snprintf(cat->stream, sizeof(cat->stream), "%s", cat->opt.name);
	if (!log_dir_parse(cat->opt.name, &parsed))
		return;
	fd = log_dir_open(cat->opt.data_dir, parsed.stream, parsed.partition);
	if (fd < 0)
		return;
	close(fd);
	memcpy(cat->stream, parsed.stream, sizeof(cat->stream));
	cat->only = parsed.partition;
}

static bool enough(const struct cat *cat)
{
	return cat->printed >= cat->opt.count || ferror(stdout);
}

static void source_failed(struct cat *cat, struct source *source, const char *what, uint64_t offset)
{
	fflush(stdout);
	fprintf(stderr, "weir cat: %s-%u: batch at offset %" PRIu64 " %s\n", cat->stream,
		source->partition, offset, what);
	source->failed = true;
	cat->failed = true;
}

static void print_batch(struct cat *cat, struct source *source, const struct log_batch *batch)
{
	uint64_t at = (uint64_t)batch->head.base_offset;
	struct record_iter it;
	struct record rec;

	if (batch->head.attributes & BATCH_CONTROL)
		return;
	enum batch_error error = log_reader_records(source->reader, batch, &it);
	while (!error && !enough(cat)) {
		if (!record_next(&it, &rec)) {
			error = it.error;
			break;
		}
		if ((uint64_t)rec.offset < cat->opt.from)
			continue;
		record_print(stdout, cat->opt.format, source->partition, &rec);
		cat->printed++;
	}
	if (error == BATCH_E_CODEC) {
		char what[128];

		snprintf(what, sizeof(what), "%s: %s", batch_error_text(error),
			 batch_codec_name(batch->head.codec));
		source_failed(cat, source, what, at);
	} else if (error) {
		source_failed(cat, source, batch_error_text(error), at);
	}
}

/* Bytes behind the end of a log that nobody writes: no error, but not to be kept quiet either. */
static void tell_tail(const struct cat *cat, const struct source *source)
{
	struct log_tail tail;

	log_reader_tail(source->reader, &tail);
	if (!tail.bytes || cat->owner.running || cat->opt.follow)
		return;
	fflush(stdout);
	fprintf(stderr,
		"weir cat: %s-%u: ends at offset %" PRIu64 "; %" PRIu64
		" bytes follow that are no batch of it (what stands there %s)\n",
		cat->stream, source->partition, log_reader_offset(source->reader), tail.bytes,
		batch_error_text(tail.error));
}

/* Prints what is there. True if there was anything. */
static bool drain(struct cat *cat, struct source *source)
{
	uint64_t visible = LOG_READER_NO_LIMIT;
	struct log_batch batch;
	bool any = false;

	if (source->failed)
		return false;
	data_owner_visible(&cat->owner, cat->stream, source->partition, &visible);
	log_reader_limit(source->reader, visible);
	while (!enough(cat)) {
		int result = log_reader_next(source->reader, &batch);

		if (result == LOG_READ_END)
			break;
		any = true;
		if (result == LOG_READ_BATCH)
			print_batch(cat, source, &batch);
		else if (result == LOG_READ_DAMAGED)
			source_failed(cat, source, batch_error_text(batch.error),
				      log_reader_offset(source->reader));
		else
			source_failed(cat, source, strerror(-result),
				      log_reader_offset(source->reader));
		if (source->failed)
			break;
	}
	return any;
}

/* Nobody means an offset that is not there yet, but for one who waits for it. */
static void tell_end(const struct cat *cat, const struct source *source)
{
	uint64_t end = log_reader_reached(source->reader);

	data_owner_visible(&cat->owner, cat->stream, source->partition, &end);
	if (source->failed || cat->opt.from <= end)
		return;
	fprintf(stderr,
		"weir cat: --from %" PRIu64 " is beyond the end: the next record of %s-%u will "
		"have offset %" PRIu64 "\n",
		cat->opt.from, cat->stream, source->partition, end);
}

static void wait_for_more(void)
{
	struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

	fflush(stdout);
	nanosleep(&pause, NULL);
}

static void follow(struct cat *cat)
{
	size_t alive = cat->sources_count;

	for (unsigned polls = 1; alive && !enough(cat); polls++) {
		bool any = false;

		alive = 0;
		for (size_t i = 0; i < cat->sources_count; i++) {
			any |= drain(cat, &cat->sources[i]);
			alive += !cat->sources[i].failed;
		}
		if (!any && !enough(cat))
			wait_for_more();
		if (polls % RESCAN_POLLS == 0) {
			data_owner_release(&cat->owner);
			data_owner_find(&cat->owner, cat->opt.data_dir);
			add_sources(cat);
		}
	}
}

static int run(struct cat *cat)
{
	resolve_name(cat);
	data_owner_find(&cat->owner, cat->opt.data_dir);
	if (add_sources(cat) < 0)
		return WEIR_FAILED;
	if (!cat->sources_count)
		return tell_streams(cat);
	if (cat->opt.follow) {
		follow(cat);
	} else {
		for (size_t i = 0; i < cat->sources_count && !enough(cat); i++) {
			drain(cat, &cat->sources[i]);
			tell_end(cat, &cat->sources[i]);
			if (!cat->sources[i].failed && !enough(cat))
				tell_tail(cat, &cat->sources[i]);
		}
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "weir cat: standard output: %s\n", strerror(errno));
		return WEIR_FAILED;
	}
	return cat->failed ? WEIR_FAILED : WEIR_OK;
}

int cmd_cat(int argc, char **argv)
{
	struct cat cat = {0};
	int result = parse_options(&cat.opt, argc, argv);

	if (result >= 0)
		return result;
	result = run(&cat);
	for (size_t i = 0; i < cat.sources_count; i++)
		log_reader_close(cat.sources[i].reader);
	free(cat.sources);
	data_owner_release(&cat.owner);
	return result;
}
