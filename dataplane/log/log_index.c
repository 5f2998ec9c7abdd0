#include <string.h>

#include "log_private.h"

enum {
	ENTRIES_MAX = LOG_INDEX_BYTES_MAX / LOG_INDEX_ENTRY,
	TIME_ENTRIES_MAX = LOG_INDEX_BYTES_MAX / LOG_TIMEINDEX_ENTRY,
};

static void encode_time(uint8_t time[LOG_TIMEINDEX_ENTRY], int64_t ts, uint32_t relative)
{
	log_put64(time, (uint64_t)ts);
	log_put32(time + 8, relative);
}

unsigned log_index_rule_batch(struct log_index_rule *rule, uint64_t base, uint64_t last_offset,
			      uint64_t pos, uint32_t len, int64_t max_ts,
			      uint8_t index[LOG_INDEX_ENTRY], uint8_t time[LOG_TIMEINDEX_ENTRY])
{
	unsigned added = 0;

	if (max_ts > rule->max_ts) {
		rule->max_ts = max_ts;
		rule->max_ts_offset = last_offset;
	}
	if (rule->gap > LOG_INDEX_INTERVAL) {
		log_put32(index, (uint32_t)(last_offset - base));
		log_put32(index + 4, (uint32_t)pos);
		rule->entries++;
		added = LOG_INDEX_ADD;
		if (rule->max_ts > rule->last_time_ts) {
			encode_time(time, rule->max_ts, (uint32_t)(rule->max_ts_offset - base));
			rule->last_time_ts = rule->max_ts;
			rule->time_entries++;
			added |= LOG_INDEX_ADD_TIME;
		}
		rule->gap = 0;
	}
	rule->gap += len;
	return added;
}

bool log_index_rule_final(const struct log_index_rule *rule, uint64_t base,
			  uint8_t time[LOG_TIMEINDEX_ENTRY])
{
	if (rule->max_ts <= rule->last_time_ts)
		return false;
	encode_time(time, rule->max_ts, (uint32_t)(rule->max_ts_offset - base));
	return true;
}

bool log_index_rule_full(const struct log_index_rule *rule)
{
	return rule->entries >= ENTRIES_MAX || rule->time_entries >= TIME_ENTRIES_MAX - 1;
}

/* ---- the files of a live segment: entries gather in a ring and are appended in chunks ---- */

static uint8_t *slot(struct log_index_file *f)
{
	return f->ring + f->added % LOG_INDEX_RING * f->entry;
}

static void start_file(struct log_index_file *f, struct log_segment *seg, const char *dir,
		       const char *suffix, uint32_t entry, uint64_t entries)
{
	f->entry = entry;
	f->added = f->written = entries;
	f->flying = 0;
	f->closing = f->last_sent = f->closed = false;
	log_segment_path(f->path, dir, seg->base, suffix);
}

void log_index_start(struct log_segment *seg, const char *dir, const struct log_index_rule *rule)
{
	seg->index.rule = *rule;
	start_file(&seg->index.offsets, seg, dir, LOG_SUFFIX_INDEX, LOG_INDEX_ENTRY, rule->entries);
	start_file(&seg->index.times, seg, dir, LOG_SUFFIX_TIMEINDEX, LOG_TIMEINDEX_ENTRY,
		   rule->time_entries);
}

static bool room(const struct log_index_file *f)
{
	/* The final time entry always finds its place. */
	return f->added - f->written < LOG_INDEX_RING - LOG_INDEX_TIME_FINAL;
}

bool log_index_room(const struct log_segment *seg)
{
	return room(&seg->index.offsets) && room(&seg->index.times);
}

void log_index_add(struct log_segment *seg, uint64_t last_offset, uint64_t pos, uint32_t len,
		   int64_t max_ts)
{
	struct log_index *index = &seg->index;
	unsigned added = log_index_rule_batch(&index->rule, seg->base, last_offset, pos, len,
					      max_ts, slot(&index->offsets), slot(&index->times));

	if (added & LOG_INDEX_ADD)
		index->offsets.added++;
	if (added & LOG_INDEX_ADD_TIME)
		index->times.added++;
}

static void appended(struct log *log, struct log_op *lop)
{
	struct log_segment *seg = lop->seg;
	struct log_index_file *f =
		lop == &seg->index.offsets.lop ? &seg->index.offsets : &seg->index.times;

	f->written += f->flying;
	f->flying = 0;
	f->closed = f->last_sent;
	if (lop->p->queue)
		log_ready(log, lop->p);
}

static void flush_file(struct log *log, struct log_partition *p, struct log_segment *seg,
		       struct log_index_file *f, unsigned entries)
{
	uint64_t n = f->added - f->written;
	uint64_t to_wrap = LOG_INDEX_RING - f->written % LOG_INDEX_RING;

	if (f->lop.busy || f->closed || (n < entries && !f->closing) || (n == 0 && !f->closing))
		return;
	if (n > to_wrap)
		n = to_wrap;
	f->flying = (uint32_t)n;
	f->last_sent = f->closing && f->written + n == f->added;
	f->lop.p = p;
	f->lop.seg = seg;
	f->lop.done = appended;
	f->lop.op = (struct disk_op){
		.kind = DISK_APPEND,
		.flags = f->last_sent ? DISK_APPEND_FINAL : 0,
		.path = f->path,
		.buf = f->ring + f->written % LOG_INDEX_RING * f->entry,
		.len = f->flying * f->entry,
		.offset = f->written * f->entry,
	};
	log_op_start(log, &f->lop);
}

void log_index_flush(struct log *log, struct log_partition *p, struct log_segment *seg,
		     unsigned entries)
{
	flush_file(log, p, seg, &seg->index.offsets, entries);
	flush_file(log, p, seg, &seg->index.times, entries);
}

void log_index_close(struct log_segment *seg)
{
	struct log_index *index = &seg->index;

	if (log_index_rule_final(&index->rule, seg->base, slot(&index->times)))
		index->times.added++;
	index->offsets.closing = index->times.closing = true;
}

bool log_index_closed(const struct log_segment *seg)
{
	return seg->index.offsets.closed && seg->index.times.closed;
}
