/* weir verify: bytes that are no batch, or none that belongs where it stands: a tail, or damage? */
#include <inttypes.h>

#include "api/index_reader.h"
#include "verify_check.h"

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
bool check_below_limit(const struct check *check)
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
bool check_bad(struct check *check, const struct segment_batch *batch)
{
	/* Next to a writer, a segment that has a successor holds all up to it. After a crash it
	 * need not: the last writes to both were in flight together. */
	bool complete = check->newest
				? !check_below_limit(check)
				: !check->config->running || check->successor == check->expected;
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
		check_format_error(check, batch, batch_error_text(batch->error));
	}
	if (resume(check, batch))
		return true;
	verify_say(&check->out->problems,
		   "segment %020" PRIu64 ": %" PRIu64 " bytes from byte %" PRIu64
		   " on cannot be read as batches",
		   check->segment.base_offset, bytes_left(check, batch->position), batch->position);
	return false;
}

/* The base offset is not under the CRC. A batch that jumps ahead of what follows it, in the file or
 * in the next segment, has a wrong one, and nothing is missing. */
static bool jumps_ahead(struct check *check, struct segment_batch *batch)
{
	uint64_t base = (uint64_t)batch->head.base_offset;
	struct segment_batch next;
	bool jumps = !check->newest && base >= check->successor;

	if (check->expected == NOT_KNOWN || base <= check->expected || jumps)
		return jumps;
	jumps = segment_reader_next(&check->segment, &next) == SEGMENT_BATCH &&
		(uint64_t)next.head.base_offset >= check->expected &&
		(uint64_t)next.head.base_offset <= base;
	/* Reading ahead has moved the bytes of this one. */
	segment_reader_seek(&check->segment, batch->position);
	return segment_reader_next(&check->segment, batch) != SEGMENT_BATCH || jumps;
}

/* A whole batch under a wrong offset. If what follows fits behind the right one, no more is wrong.
 */
static void check_misplaced(struct check *check, const struct segment_batch *batch)
{
	check->damaged = true;
	check_format_error(check, batch, batch_error_text(BATCH_E_OFFSET));
	if (check->expected == NOT_KNOWN)
		check->expected = check->segment.base_offset;
	uint64_t next_base =
		check->expected + (uint64_t)(batch->head.last_offset - batch->head.base_offset) + 1;
	struct segment_batch next;
	if (segment_reader_next(&check->segment, &next) == SEGMENT_BATCH)
		segment_reader_seek(&check->segment, next.position);
	else
		next.head.base_offset = -1;
	if ((uint64_t)next.head.base_offset == next_base || next_base == check->successor)
		check->expected = next_base;
}

/* A batch with a right CRC: does it belong here? False: no more of this segment. */
bool check_good(struct check *check, struct segment_batch *batch)
{
	uint64_t base = (uint64_t)batch->head.base_offset;
	uint64_t least = check->segment.base_offset;

	if (check->expected != NOT_KNOWN && check->expected > least)
		least = check->expected;
	if (base < least && check->may_have_tail) {
		batch->error = BATCH_E_OFFSET;
		note_tail(check, batch);
		return false;
	}
	if (base < least || jumps_ahead(check, batch)) {
		check_misplaced(check, batch);
		return true;
	}
	if (check->config->limited && base >= check->config->visible_end) {
		check->open = true;
		return false;
	}
	check_batch(check, batch);
	return true;
}
