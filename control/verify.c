#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "verify_check.h"

/* How often an index of a segment that was closed a moment ago is looked at again. */
enum { SETTLE_TRIES = 20, SETTLE_MS = 100 };

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

static void check_indexes(struct check *check)
{
	enum verify_index_state state = check->open || (check->may_have_tail && check->newest)
						? VERIFY_INDEX_OPEN
						: VERIFY_INDEX_CLOSED;
	/* Before recovery has run, indexes may be anything: it rebuilds them. */
	bool harmless = check->may_have_tail && !check->config->running;
	int tries = check->config->running && check->may_have_tail ? SETTLE_TRIES : 1;
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
		if (check->config->limited && !check_below_limit(check)) {
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

/* After a crash: writes at the end of this segment were lost, so nothing behind it counts. */
static bool ends_here(const struct check *check)
{
	return !check->config->running && check->checkpoint.found && check->may_have_tail &&
	       !check->newest && !check->damaged && check->expected != check->successor;
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
		if (ends_here(check)) {
			verify_say(&check->out->notes,
				   "segment %020" PRIu64
				   ": not cleanly closed: recovery will end the log "
				   "at offset %" PRIu64 ", before the next segment",
				   base, check->expected == NOT_KNOWN ? base : check->expected);
			break;
		}
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
