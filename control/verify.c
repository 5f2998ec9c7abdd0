#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/batch_inflate.h"
#include "api/index_reader.h"
#include "api/segment_reader.h"
#include "verify_checkpoint.h"
#include "verify_index.h"

#define NOT_KNOWN UINT64_MAX

/* How often an index of a segment that was closed a moment ago is looked at again. */
enum { SETTLE_TRIES = 20, SETTLE_MS = 100 };

/* A partition being checked. */
struct check {
	struct verify_partition *out;
	const struct verify_config *config;
	struct verify_checkpoint checkpoint;
	struct verify_index index;
	struct segment_reader segment;
	struct batch_inflate inflate;
	int dir_fd;
	uint64_t expected; /* offset that comes next; NOT_KNOWN before the first batch */
	int32_t epoch;	   /* of the batch before */
	/* Of the segment at hand. */
	bool newest;
	uint64_t successor; /* base offset of the next segment, if not newest */
	bool may_have_tail; /* being written, or not closed cleanly */
	bool open;	    /* its end was not reached: beyond the limit, or a tail */
	bool damaged;	    /* then its indexes cannot be judged */
};

void verify_say(struct verify_texts *texts, const char *format, ...)
{
	va_list ap;

	if (texts->count++ >= VERIFY_TEXTS_MAX)
		return;
	va_start(ap, format);
	if (vasprintf(&texts->text[texts->count - 1], format, ap) < 0)
		texts->text[texts->count - 1] = NULL;
	va_end(ap);
}

/* Takes back what was said after there were `count`. */
static void unsay(struct verify_texts *texts, uint64_t count)
{
	for (uint64_t i = count; i < VERIFY_TEXTS_MAX; i++) {
		free(texts->text[i]);
		texts->text[i] = NULL;
	}
	texts->count = count;
}

void verify_partition_free(struct verify_partition *partition)
{
	unsay(&partition->problems, 0);
	unsay(&partition->notes, 0);
}

bool verify_is_good(const struct verify_partition *p)
{
	return !p->crc_failures && !p->offset_gaps && !p->index_errors && !p->format_errors;
}

static void format_error(struct check *check, const struct segment_batch *batch, const char *what)
{
	check->out->format_errors++;
	verify_say(&check->out->problems, "segment %020" PRIu64 " at byte %" PRIu64 ": batch %s",
		   check->segment.base_offset, batch->position, what);
}

static void gap(struct check *check, uint64_t expected, uint64_t found)
{
	check->out->offset_gaps++;
	verify_say(&check->out->problems,
		   "segment %020" PRIu64 ": offset %" PRIu64 " follows %" PRIu64 ", %" PRIu64
		   " are missing",
		   check->segment.base_offset, found, expected - 1, found - expected);
}

/* Every record of the batch: lengths, offsets one after the other, the largest timestamp. */
static void check_records(struct check *check, const struct segment_batch *batch)
{
	const uint8_t *records = batch->bytes + RECORD_BATCH_HEAD;
	size_t len = batch->head.size_bytes - RECORD_BATCH_HEAD;
	int64_t max_ts = INT64_MIN, next = batch->head.base_offset;
	enum batch_error error = BATCH_OK;
	struct record_iter it;
	struct record rec;

	if (batch->head.codec) {
		error = batch_inflate(&check->inflate, batch->head.codec, records, len);
		records = check->inflate.data;
		len = check->inflate.len;
	}
	if (error == BATCH_E_CODEC) {
		verify_say(&check->out->notes, "offset %" PRId64 ": %s: records not looked at (%s)",
			   batch->head.base_offset, batch_error_text(error),
			   batch_codec_name(batch->head.codec));
		check->out->records += batch->head.records;
		return;
	}
	if (error) {
		format_error(check, batch, batch_error_text(error));
		return;
	}
	record_iter_init(&it, &batch->head, records, len);
	while (record_next(&it, &rec)) {
		if (rec.offset != next)
			gap(check, (uint64_t)next, (uint64_t)rec.offset);
		next = rec.offset + 1;
		if (rec.timestamp_ms > max_ts)
			max_ts = rec.timestamp_ms;
		check->out->records++;
		check->out->value_bytes += rec.value_len > 0 ? (uint64_t)rec.value_len : 0;
	}
	if (it.error)
		format_error(check, batch, batch_error_text(it.error));
	else if (next != batch->head.last_offset + 1)
		gap(check, (uint64_t)next, (uint64_t)batch->head.last_offset + 1);
	else if (max_ts != batch->head.max_timestamp_ms && batch->head.records)
		format_error(check, batch, "has a wrong largest timestamp in its head");
}

static void check_batch(struct check *check, const struct segment_batch *batch)
{
	uint64_t base = (uint64_t)batch->head.base_offset;

	if (check->out->batches == 0 && check->out->first_offset > base)
		check->out->first_offset = base;
	if (check->expected != NOT_KNOWN && base > check->expected)
		gap(check, check->expected, base);
	if (batch->head.leader_epoch < check->epoch)
		format_error(check, batch, "has a leader epoch below that of the batch before");
	check->epoch = batch->head.leader_epoch;
	check->expected = (uint64_t)batch->head.last_offset + 1;
	check->out->batches++;
	check->out->bytes += batch->head.size_bytes;
	check_records(check, batch);
	verify_index_batch(&check->index, &batch->head, batch->position);
	if (check->config->progress)
		check->config->progress(check->config->progress_arg, batch->head.size_bytes);
}

/* Is there, where the bad batch says it ends, one that follows it? Then this is damage and no tail.
 */
static bool has_successor(struct check *check, const struct segment_batch *batch)
{
	struct segment_batch next;
	bool found;

	if (!batch->has_head)
		return false;
	segment_reader_seek(&check->segment, batch->position + batch->head.size_bytes);
	found = segment_reader_next(&check->segment, &next) == SEGMENT_BATCH &&
		next.head.base_offset == batch->head.last_offset + 1;
	segment_reader_seek(&check->segment, batch->position);
	return found;
}

/* A place behind the damage from which batches can be read again: the end that the damaged batch
 * claims, else the next one that the index knows. False: none. */
static bool resume(struct check *check, const struct segment_batch *batch)
{
	struct segment_batch next;
	struct index_entry entry;
	uint64_t offset = check->expected == NOT_KNOWN ? 0 : check->expected;

	if (has_successor(check, batch)) {
		segment_reader_seek(&check->segment, batch->position + batch->head.size_bytes);
		check->expected = (uint64_t)batch->head.last_offset + 1;
		return true;
	}
	/* The index is sparse: try ever later offsets until it names a place behind. */
	for (uint64_t ahead = 1; ahead < UINT64_C(1) << 40; ahead *= 2) {
		if (index_floor(check->dir_fd, check->segment.base_offset, offset + ahead,
				&entry) != 1 ||
		    entry.position <= batch->position)
			continue;
		segment_reader_seek(&check->segment, entry.position);
		if (segment_reader_next(&check->segment, &next) == SEGMENT_BATCH) {
			segment_reader_seek(&check->segment, entry.position);
			return true;
		}
	}
	segment_reader_seek(&check->segment, batch->position);
	return false;
}

static uint64_t bytes_left(const struct check *check, uint64_t position)
{
	int64_t size = segment_reader_size(&check->segment);

	return size > 0 && (uint64_t)size > position ? (uint64_t)size - position : 0;
}

static void note_tail(struct check *check, const struct segment_batch *batch)
{
	uint64_t bytes = bytes_left(check, batch->position);

	check->open = true;
	check->out->tail_bytes += bytes;
	if (check->config->running)
		return;
	verify_say(&check->out->notes,
		   "segment %020" PRIu64 ": not cleanly closed: %" PRIu64
		   " bytes of tail after the last valid batch",
		   check->segment.base_offset, bytes);
}

/* Are batches still to come that were published? */
static bool below_limit(const struct check *check)
{
	uint64_t next = check->expected;

	if (next == NOT_KNOWN || next < check->segment.base_offset)
		next = check->segment.base_offset;
	return check->config->limited && next < check->config->visible_end;
}

/*
 * No valid batch where the segment has bytes. True: read on. Where a tail may be, it is one, unless
 * the batches go on behind it.
 */
static bool check_bad(struct check *check, const struct segment_batch *batch)
{
	bool complete = check->newest ? !below_limit(check) : check->successor == check->expected;
	/* Next to a writer whose end is not known a look ahead proves nothing: he is just there. */
	bool racing = check->newest && check->config->running && !check->config->limited;

	if (check->may_have_tail && complete && (racing || !has_successor(check, batch))) {
		note_tail(check, batch);
		return false;
	}
	check->damaged = true;
	if (batch->error == BATCH_E_CRC) {
		check->out->crc_failures++;
		verify_say(&check->out->problems,
			   "segment %020" PRIu64 " at byte %" PRIu64 ": batch at offset %" PRId64
			   " %s",
			   check->segment.base_offset, batch->position, batch->head.base_offset,
			   batch_error_text(batch->error));
	} else {
		format_error(check, batch, batch_error_text(batch->error));
	}
	if (resume(check, batch))
		return true;
	verify_say(&check->out->problems,
		   "segment %020" PRIu64 ": %" PRIu64 " bytes from byte %" PRIu64
		   " on cannot be read as batches",
		   check->segment.base_offset, bytes_left(check, batch->position), batch->position);
	return false;
}

/* A batch with a right CRC: does it belong here? False: no more of this segment. */
static bool check_good(struct check *check, struct segment_batch *batch)
{
	uint64_t base = (uint64_t)batch->head.base_offset;
	uint64_t least = check->segment.base_offset;

	if (check->config->limited && base >= check->config->visible_end) {
		check->open = true;
		return false;
	}
	if (check->expected != NOT_KNOWN && check->expected > least)
		least = check->expected;
	if (base >= least) {
		check_batch(check, batch);
		return true;
	}
	batch->error = BATCH_E_OFFSET;
	if (check->may_have_tail) {
		note_tail(check, batch);
		return false;
	}
	check->damaged = true;
	format_error(check, batch, batch_error_text(BATCH_E_OFFSET));
	return true;
}

static void check_indexes(struct check *check)
{
	enum verify_index_state state = check->open || (check->may_have_tail && check->newest)
						? VERIFY_INDEX_OPEN
						: VERIFY_INDEX_CLOSED;
	/* Before recovery has run, indexes may be anything: it rebuilds them. */
	bool harmless = check->may_have_tail && !check->config->running;
	int tries = check->config->running ? SETTLE_TRIES : 1;
	struct verify_texts found = {0};
	unsigned wrong = 0;

	for (int i = 0; i < tries; i++) {
		unsay(&found, 0);
		wrong = verify_index_compare(&check->index, check->dir_fd, state, &found);
		if (!wrong || segment_reader_current(&check->segment, check->dir_fd) != 1)
			break;
		if (i + 1 < tries) {
			struct timespec pause = {.tv_nsec = SETTLE_MS * 1000000L};

			nanosleep(&pause, NULL);
		}
	}
	if (segment_reader_current(&check->segment, check->dir_fd) != 1)
		wrong = 0;
	if (!harmless)
		check->out->index_errors += wrong;
	for (uint64_t i = 0; wrong && i < found.count && i < VERIFY_TEXTS_MAX; i++) {
		verify_say(harmless ? &check->out->notes : &check->out->problems, "%s%s",
			   found.text[i] ? found.text[i] : "",
			   harmless ? " (not cleanly closed: recovery rebuilds it)" : "");
	}
	unsay(&found, 0);
}

/* The batches of the open segment. */
static void check_batches(struct check *check)
{
	struct segment_batch batch;
	bool more = true;

	while (more) {
		if (check->config->limited && !below_limit(check)) {
			check->open = true;
			return;
		}
		int result = segment_reader_next(&check->segment, &batch);

		if (result == SEGMENT_BATCH)
			more = check_good(check, &batch);
		else if (result == SEGMENT_BAD)
			more = check_bad(check, &batch);
		else
			more = false;
		if (result < 0) {
			check->damaged = true;
			check->out->format_errors++;
			verify_say(&check->out->problems, "segment %020" PRIu64 ": %s",
				   check->segment.base_offset, strerror(-result));
		}
	}
}

static void check_segment(struct check *check, uint64_t base)
{
	struct verify_partition *out = check->out;
	int result = segment_reader_open(&check->segment, check->dir_fd, base);

	if (result == -ENOENT && check->config->running)
		return; /* retired meanwhile */
	if (result < 0) {
		out->format_errors++;
		verify_say(&out->problems, "segment %020" PRIu64 ": %s", base, strerror(-result));
		return;
	}
	if (out->segments++ == 0)
		out->first_offset = base;
	check->open = check->damaged = false;
	verify_index_begin(&check->index, base);
	/* A dataplane may retire the segment, and write the file anew, while it is read: then what
	 * was found means nothing. */
	struct verify_partition before = *out;
	check_batches(check);
	if (check->config->running && segment_reader_current(&check->segment, check->dir_fd) == 0) {
		unsay(&out->problems, before.problems.count);
		unsay(&out->notes, before.notes.count);
		*out = before;
		check->expected = NOT_KNOWN;
	} else if (!check->damaged) {
		check_indexes(check);
	}
	segment_reader_close(&check->segment);
}

static void check_segments(struct check *check)
{
	struct log_dir_segment *list;
	size_t count;
	int result = log_dir_segments(check->dir_fd, &list, &count);

	if (result < 0) {
		check->out->format_errors++;
		verify_say(&check->out->problems, "cannot list the directory: %s",
			   strerror(-result));
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t base = list[i].base_offset;

		if (check->config->limited && base >= check->config->visible_end && i > 0)
			break;
		check->newest = i + 1 == count;
		check->successor = check->newest ? 0 : list[i + 1].base_offset;
		check->may_have_tail = verify_checkpoint_may_have_tail(
			&check->checkpoint, base, check->newest, check->config->running);
		check_segment(check, base);
	}
	free(list);
}

/* What the checkpoint promises beyond the files: where the log begins and ends. */
static void check_ends(struct check *check)
{
	const struct verify_checkpoint *checkpoint = &check->checkpoint;
	struct verify_partition *out = check->out;

	if (checkpoint->broken)
		verify_say(&out->notes,
			   "weir.checkpoint is damaged: recovery will read all segments");
	if (check->config->running || !checkpoint->found)
		return;
	if (out->first_offset > checkpoint->log_start) {
		out->offset_gaps++;
		verify_say(&out->problems,
			   "begins at offset %" PRIu64 ", but everything from %" PRIu64
			   " on must be there",
			   out->first_offset, checkpoint->log_start);
	}
	if (checkpoint->clean && out->next_offset != checkpoint->end_offset) {
		out->offset_gaps++;
		verify_say(&out->problems, "ends at offset %" PRIu64 ", but was closed at %" PRIu64,
			   out->next_offset, checkpoint->end_offset);
	}
}

void verify_partition(struct verify_partition *out, const struct verify_config *config)
{
	struct check check = {
		.out = out,
		.config = config,
		.segment = SEGMENT_READER_INIT,
		.expected = NOT_KNOWN,
		.epoch = INT32_MIN,
	};

	*out = (struct verify_partition){.name = out->name};
	check.dir_fd = log_dir_open(config->data_dir, out->name.stream, out->name.partition);
	if (check.dir_fd < 0) {
		out->format_errors++;
		verify_say(&out->problems, "%s", strerror(-check.dir_fd));
		return;
	}
	verify_checkpoint_read(&check.checkpoint, check.dir_fd);
	check_segments(&check);
	out->next_offset = check.expected == NOT_KNOWN ? out->first_offset : check.expected;
	check_ends(&check);
	segment_reader_free(&check.segment);
	batch_inflate_free(&check.inflate);
	verify_index_free(&check.index);
	close(check.dir_fd);
}
