/*
 * Retention, the log core's side: publishes log_start, records it, then renames or unlinks the
 * segments that main listed, one file after the other. A retired segment is worth keeping: its
 * blocks were written once, so a segment to come is made of it.
 */
#include <string.h>

#include "log_private.h"

void log_spare_path(char path[LOG_PATH_MAX], const char *dir, uint64_t base)
{
	char name[sizeof(LOG_SPARE_PREFIX) + LOG_NAME_MAX] = LOG_SPARE_PREFIX;

	log_format_name(name + sizeof(LOG_SPARE_PREFIX) - 1, base, LOG_SPARE_SUFFIX);
	log_path(path, dir, name);
}

void log_retain_poll(struct log *log)
{
	unsigned asked = atomic_load_explicit(&log->retains_asked, memory_order_acquire);

	if (asked == log->retains_seen)
		return;
	log->retains_seen = asked;
	for (struct log_partition *p = log->all; p; p = p->all_next) {
		if (p->closed || p->retire.step != RETIRE_IDLE ||
		    !atomic_load_explicit(&p->retire.asked, memory_order_acquire))
			continue;
		p->log_start = p->retire.log_start;
		atomic_store_explicit(&p->st->log_start, p->log_start, memory_order_release);
		p->retire.step = RETIRE_RECORD;
		log_attend(log, p);
	}
}

static void recorded(struct log *log, struct log_partition *p)
{
	p->retire.step = RETIRE_LOG;
	p->retire.at = 0;
}

static void retired_file(struct log *log, struct log_op *lop)
{
	struct log_partition *p = lop->p;
	struct log_retire *r = &p->retire;
	const struct log_retired *s = &r->segments[r->at];

	if (r->step == RETIRE_LOG && lop->op.kind == DISK_RENAME && lop->op.result == 0)
		p->spares[p->spares_count++] = s->base;
	if (r->step == RETIRE_TIMEINDEX) {
		/* Its size was asked for when it may not have been trimmed yet. */
		p->sealed_bytes -= s->base == p->sealed_last_base && p->sealed_last_bytes
					   ? p->sealed_last_bytes
					   : s->bytes;
		p->sealed_count--;
		r->at++;
		r->step = RETIRE_LOG;
	} else {
		r->step++;
	}
}

static void retire_file(struct log *log, struct log_partition *p, const char *suffix)
{
	struct log_retire *r = &p->retire;
	const struct log_retired *s = &r->segments[r->at];

	log_segment_path(r->path, p->dir, s->base, suffix);
	r->lop.p = p;
	r->lop.done = retired_file;
	r->lop.op = (struct disk_op){.kind = DISK_UNLINK, .path = r->path};
	/* A file that is worth it, for the segment to come. */
	if (r->step == RETIRE_LOG && p->spares_count < LOG_SPARES_MAX &&
	    s->bytes >= p->active->size / 2) {
		log_spare_path(r->path2, p->dir, s->base);
		r->lop.op.kind = DISK_RENAME;
		r->lop.op.flags = DISK_RENAME_UNREAD;
		r->lop.op.path2 = r->path2;
	}
	log_op_start(log, &r->lop);
}

void log_retain_step(struct log *log, struct log_partition *p)
{
	struct log_retire *r = &p->retire;

	if (r->step == RETIRE_RECORD) {
		if (log_checkpoint_put(log, p, recorded))
			r->step = RETIRE_RECORDING;
		return;
	}
	if (r->step < RETIRE_LOG || r->lop.busy)
		return;
	if (r->at == r->count) {
		r->step = RETIRE_IDLE;
		atomic_store_explicit(&r->asked, 0, memory_order_release);
		return;
	}
	/* A segment that is still being finished comes later: its end brings us back here. */
	if (p->closing && p->closing->base == r->segments[r->at].base)
		return;
	retire_file(log, p,
		    r->step == RETIRE_LOG     ? LOG_SUFFIX_LOG
		    : r->step == RETIRE_INDEX ? LOG_SUFFIX_INDEX
					      : LOG_SUFFIX_TIMEINDEX);
}
