#include "stamp_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/log_reader.h"

enum { PROGRESS_BATCHES = 64 };

static const uint64_t MS = 1000000;
/* A stamp's time is at most so far from the record's: two bytes of magic may be met by chance. */
static const uint64_t NEAR_NS = UINT64_C(86400) * 1000000000;
/* One bit for each number of what is not complete yet: 2^31 of them. */
static const uint64_t MEMORY_MAX = UINT64_C(256) << 20;

/* One partition, with its next batch. */
struct source {
	const struct stamp_log_part *part;
	struct log_reader *reader;
	struct log_batch batch;
	bool has_batch;
};

static int fail(const struct source *s, int rc, const char *why, char *err, size_t err_size)
{
	snprintf(err, err_size, "%s-%u: at offset %" PRIu64 ": %s", s->part->stream,
		 s->part->partition, log_reader_offset(s->reader), why);
	return rc;
}

static int advance(struct source *s, char *err, size_t err_size)
{
	int rc = log_reader_next(s->reader, &s->batch);

	s->has_batch = rc == LOG_READ_BATCH;
	if (rc == LOG_READ_DAMAGED)
		return fail(s, -EBADMSG, batch_error_text(s->batch.error), err, err_size);
	return rc < 0 ? fail(s, rc, strerror(-rc), err, err_size) : 0;
}

/* *removed grows by what retention has left out of it. */
static int open_source(struct source *s, const char *data_dir, uint64_t *removed, char *err,
		       size_t err_size)
{
	int rc = log_reader_open(&s->reader, data_dir, s->part->stream, s->part->partition, err,
				 err_size);

	if (rc < 0)
		return rc;
	log_reader_limit(s->reader, s->part->end);
	rc = log_reader_seek(s->reader, s->part->from);
	if (rc < 0)
		return fail(s, rc, strerror(-rc), err, err_size);
	rc = advance(s, err, err_size);
	if (rc == 0 && s->has_batch && (uint64_t)s->batch.head.base_offset > s->part->from)
		*removed += (uint64_t)s->batch.head.base_offset - s->part->from;
	return rc;
}

/* The header rx_ns, in decimal; 0: it has none. */
static uint64_t rx_ns_of(const struct record *rec)
{
	static const char name[] = "rx_ns";
	struct record_header header;
	struct header_iter it;
	uint64_t value = 0;

	header_iter_init(&it, rec);
	while (header_next(&it, &header)) {
		if (header.key_len != (int)sizeof(name) - 1 ||
		    memcmp(header.key, name, sizeof(name) - 1) != 0)
			continue;
		for (int i = 0; i < header.value_len; i++)
			value = value * 10 + (header.value[i] - '0');
	}
	return value;
}

static bool stamp_of(const struct record *rec, struct stamp *stamp)
{
	uint64_t time_ns = (uint64_t)rec->timestamp_ms * MS;

	if (rec->value_len < 0 || !stamp_get(rec->value, (uint32_t)rec->value_len, stamp))
		return false;
	return (stamp->time_ns > time_ns ? stamp->time_ns - time_ns : time_ns - stamp->time_ns) <=
	       NEAR_NS;
}

static int take_record(struct stamp_log *log, unsigned partition, const struct record *rec)
{
	struct stamp stamp;

	log->records++;
	if (!stamp_of(rec, &stamp))
		return 0;
	uint64_t arrival_ns = rx_ns_of(rec);
	if (arrival_ns)
		log->by_rx_ns++;
	else
		log->by_timestamp++;
	if (!arrival_ns)
		arrival_ns = (uint64_t)rec->timestamp_ms * MS + MS - 1;
	return stamp_runs_add(&log->runs, partition, &stamp, arrival_ns);
}

static int take_batch(struct stamp_log *log, struct source *s, unsigned partition, char *err,
		      size_t err_size)
{
	struct record_iter it;
	struct record rec;

	if (s->batch.head.attributes & BATCH_CONTROL)
		return 0;
	enum batch_error error = log_reader_records(s->reader, &s->batch, &it);
	while (!error) {
		if (!record_next(&it, &rec)) {
			error = it.error;
			break;
		}
		if ((uint64_t)rec.offset < s->part->from)
			continue;
		int rc = take_record(log, partition, &rec);
		if (rc == -E2BIG)
			return fail(s, rc, "stamps of more than 1024 runs and queues", err,
				    err_size);
		if (rc < 0)
			return fail(s, rc,
				    "the numbers that are missing so far take more than 256 MiB",
				    err, err_size);
	}
	return error ? fail(s, -EBADMSG, batch_error_text(error), err, err_size) : 0;
}

static struct source *earliest(struct source *sources, unsigned count)
{
	struct source *first = NULL;

	for (unsigned i = 0; i < count; i++)
		if (sources[i].has_batch && (!first || sources[i].batch.head.base_timestamp_ms <
							       first->batch.head.base_timestamp_ms))
			first = &sources[i];
	return first;
}

static int read_all(struct stamp_log *log, struct source *sources,
		    const struct stamp_log_options *options, char *err, size_t err_size)
{
	struct source *s;
	int rc = 0;

	for (unsigned n = 1; rc == 0 && (s = earliest(sources, options->parts_count)); n++) {
		rc = take_batch(log, s, (unsigned)(s - sources), err, err_size);
		if (rc == 0)
			rc = advance(s, err, err_size);
		if (options->progress && n % PROGRESS_BATCHES == 0)
			options->progress(log->records, options->ctx);
	}
	return rc;
}

int stamp_log_read(struct stamp_log *out, const struct stamp_log_options *options, char *err,
		   size_t err_size)
{
	struct source *sources = calloc(options->parts_count + 1, sizeof(sources[0]));
	int rc = 0;

	memset(out, 0, sizeof(*out));
	stamp_runs_begin(&out->runs, options->parts_count, MEMORY_MAX);
	if (!sources) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < options->parts_count && rc == 0; i++) {
		sources[i].part = &options->parts[i];
		rc = open_source(&sources[i], options->data_dir, &out->removed, err, err_size);
	}
	if (rc == 0)
		rc = read_all(out, sources, options, err, err_size);
	for (unsigned i = 0; i < options->parts_count; i++)
		log_reader_close(sources[i].reader);
	free(sources);
	return rc;
}

void stamp_log_free(struct stamp_log *log)
{
	stamp_runs_free(&log->runs);
}
