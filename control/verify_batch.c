/* weir verify: a batch that belongs where it stands. */
#include <inttypes.h>

#include "verify_check.h"

void check_format_error(struct check *check, const struct segment_batch *batch, const char *what)
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
		check_format_error(check, batch, batch_error_text(error));
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
		check_format_error(check, batch, batch_error_text(it.error));
	else if (next != batch->head.last_offset + 1)
		gap(check, (uint64_t)next, (uint64_t)batch->head.last_offset + 1);
	else if (max_ts != batch->head.max_timestamp_ms && batch->head.records)
		check_format_error(check, batch, "has a wrong largest timestamp in its head");
}

void check_batch(struct check *check, const struct segment_batch *batch)
{
	uint64_t base = (uint64_t)batch->head.base_offset;

	if (check->out->batches == 0 && check->out->first_offset > base)
		check->out->first_offset = base;
	if (check->expected != NOT_KNOWN && base > check->expected)
		gap(check, check->expected, base);
	if (batch->head.leader_epoch < check->epoch)
		check_format_error(check, batch,
				   "has a leader epoch below that of the batch before");
	check->epoch = batch->head.leader_epoch;
	check->expected = (uint64_t)batch->head.last_offset + 1;
	check->out->batches++;
	check->out->bytes += batch->head.size_bytes;
	check_records(check, batch);
	verify_index_batch(&check->index, &batch->head, batch->position);
	if (check->config->progress)
		check->config->progress(check->config->progress_arg, batch->head.size_bytes);
}
