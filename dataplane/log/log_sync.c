/*
 * Group commit: at most one fdatasync in flight on a log core, each for all that is in the file by
 * then. Publishing comes last.
 */
#include "log_private.h"

/* ---- the list of partitions with batches that are not settled, oldest first ---- */

static void dirty_append(struct log *log, struct log_partition *p)
{
	p->dirty_next = NULL;
	p->dirty_link = log->dirty_end;
	*log->dirty_end = p;
	log->dirty_end = &p->dirty_next;
}

static void dirty_remove(struct log *log, struct log_partition *p)
{
	if (!p->dirty_link)
		return;
	*p->dirty_link = p->dirty_next;
	if (p->dirty_next)
		p->dirty_next->dirty_link = p->dirty_link;
	else
		log->dirty_end = p->dirty_link;
	p->dirty_link = NULL;
}

void log_dirty(struct log *log, struct log_partition *p, const struct slab *slab,
	       uint64_t end_offset)
{
	if (!p->dirty_link) {
		p->dirty_since = log->now;
		dirty_append(log, p);
	}
	if (log->plan->sync_off)
		return;
	if (p->commits_count < LOG_COMMITS) {
		struct log_commit *c =
			&p->commits[(p->commits_first + p->commits_count++) % LOG_COMMITS];
		*c = (struct log_commit){end_offset, slab->opened_ns, 1};
	} else {
		/* Too many to tell apart: they count as old as the oldest of them. */
		struct log_commit *c =
			&p->commits[(p->commits_first + LOG_COMMITS - 1) % LOG_COMMITS];
		c->end_offset = end_offset;
		c->batches++;
	}
}

static void count_commits(struct log *log, struct log_partition *p, uint64_t durable)
{
	while (p->commits_count && p->commits[p->commits_first].end_offset <= durable) {
		const struct log_commit *c = &p->commits[p->commits_first];
		uint64_t ns = log->now > c->opened_ns ? log->now - c->opened_ns : 0;
		unsigned bucket = 0;

		while (bucket < 15 && ns >= UINT64_C(64000) << bucket)
			bucket++;
		state_add(&log->core->commit_ns[bucket], c->batches);
		p->commits_first = (p->commits_first + 1) % LOG_COMMITS;
		p->commits_count--;
	}
}

/* ---- fdatasync ---- */

static void sync_done(struct log *log, struct log_op *lop)
{
	uint64_t ns = lop->op.completed_ns - lop->op.submitted_ns;

	lop->seg->synced_pos = log->sync_pos;
	lop->seg->synced_offset = log->sync_offset;
	state_add(&log->core->syncs, 1);
	state_add(&log->core->sync_ns_total, ns);
	if (ns > state_load(&log->core->sync_ns_max))
		state_store(&log->core->sync_ns_max, ns);
}

static void start_sync(struct log *log, struct log_partition *p, struct log_segment *seg)
{
	log->sync.p = p;
	log->sync.seg = seg;
	log->sync.done = sync_done;
	log->sync.op = (struct disk_op){.kind = DISK_SYNC, .file = seg->file};
	log->sync_pos = seg->written_pos;
	log->sync_offset = seg->written_offset;
	p->tail_sent = false;
	if (p->dirty_link) {
		dirty_remove(log, p);
		p->dirty_since = log->now;
		dirty_append(log, p);
	}
	log_op_start(log, &log->sync);
}

bool log_sync_segment(struct log *log, struct log_partition *p, struct log_segment *seg)
{
	if (seg->synced_pos == seg->pos)
		return true;
	if (seg->written_pos == seg->pos && !log->sync.busy)
		start_sync(log, p, seg);
	return false;
}

static bool closing_unsynced(const struct log_partition *p)
{
	return p->closing && p->closing->synced_pos < p->closing->pos;
}

/*
 * The tail goes out alone when nothing follows it: no batch queued, no write under way. Once for
 * each sync, which waits for it; batches that come meanwhile are for the next sync, else a lane
 * that is never idle would put it off for ever.
 */
static bool send_tail(struct log *log, struct log_partition *p, bool eager)
{
	struct log_segment *seg = p->active;
	bool nothing_else = seg->written_pos == seg->synced_pos;

	if (p->queue || seg->writes || seg->flushed == seg->pos ||
	    (p->tail_sent && !eager && !nothing_else) || !log_place_tail(log, p, seg))
		return false;
	if (!p->tail_sent)
		p->tail_pos = seg->pos;
	p->tail_sent = true;
	return true;
}

static unsigned settle(struct log *log, struct log_partition *p, bool sync, bool eager)
{
	struct log_segment *seg = p->active;
	unsigned work = send_tail(log, p, eager);

	if (sync && !log->sync.busy && !closing_unsynced(p) && seg->written_pos > seg->synced_pos &&
	    (!p->tail_sent || seg->written_pos >= p->tail_pos)) {
		start_sync(log, p, seg);
		work++;
	}
	return work;
}

unsigned log_sync(struct log *log)
{
	const struct plan *plan = log->plan;
	bool eager = log_place_eager(log);
	unsigned work = 0;

	/* start_sync() moves its partition behind the last one, once: it is then seen twice. */
	for (struct log_partition *p = log->dirty, *next; p; p = next) {
		bool due = log->closing || log->now - p->dirty_since >= plan->sync_ns;
		bool sync = due && (!plan->sync_off || log->closing);

		next = p->dirty_next;
		if (closing_unsynced(p)) {
			/* The older segment first: durable_end cannot pass it. */
			log_sync_segment(log, p, p->closing);
		}
		if (due || eager)
			work += settle(log, p, sync, eager);
	}
	return work;
}

uint64_t log_sync_deadline(const struct log *log)
{
	if (log->plan->sync_off)
		return UINT64_MAX;
	/* Those already due wait for completions, not for time. */
	for (const struct log_partition *p = log->dirty; p; p = p->dirty_next)
		if (p->dirty_since + log->plan->sync_ns > log->now)
			return p->dirty_since + log->plan->sync_ns;
	return UINT64_MAX;
}

/* ---- publish ---- */

/* How far the partition is in its files, by one of two measures. */
struct reach {
	uint64_t offset, base, bytes;
};

static struct reach reach_of(const struct log_partition *p, bool durable)
{
	const struct log_segment *old = p->closing, *seg = p->active;

	if (old) {
		uint64_t pos = durable ? old->synced_pos : old->written_pos;
		if (pos < old->pos || !seg->named)
			return (struct reach){durable ? old->synced_offset : old->written_offset,
					      old->base, pos};
	}
	return (struct reach){durable ? seg->synced_offset : seg->written_offset, seg->base,
			      durable ? seg->synced_pos : seg->written_pos};
}

void log_publish(struct log *log, struct log_partition *p)
{
	struct reach durable = reach_of(p, true);
	/* Until the checkpoint says that this life has begun, a power cut could take what was
	 * written back to the last clean stop, and nobody would raise the leader epoch. */
	struct reach written = p->unclean ? reach_of(p, false) : durable;
	struct reach visible = log->visible_written ? written : durable;
	struct state_partition *st = p->st;

	state_store(&st->segments, p->sealed_count + 1);
	state_store(&st->bytes, p->sealed_bytes + p->active->pos);
	if (durable.offset != state_load(&st->durable_end)) {
		count_commits(log, p, durable.offset);
		atomic_store_explicit(&st->durable_end, durable.offset, memory_order_release);
	}
	atomic_store_explicit(&st->active_base, visible.base, memory_order_release);
	atomic_store_explicit(&st->active_bytes, visible.bytes, memory_order_release);
	atomic_store_explicit(&st->visible_end, visible.offset, memory_order_release);
	uint64_t settled = log->plan->sync_off && !log->closing ? written.offset : durable.offset;
	if (settled == p->active->end_offset)
		dirty_remove(log, p);
}
