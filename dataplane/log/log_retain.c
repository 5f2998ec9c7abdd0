/*
 * Retention: whole segments below log_start go. Main lists them (that may block), the log core
 * publishes log_start, records it, then renames or unlinks them one by one. A retired segment is
 * worth keeping: its blocks were written once, so the next segment is made of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log_private.h"

void log_spare_path(char path[LOG_PATH_MAX], const char *dir, uint64_t base)
{
	char name[sizeof(LOG_SPARE_PREFIX) + LOG_NAME_MAX] = LOG_SPARE_PREFIX;

	log_format_name(name + sizeof(LOG_SPARE_PREFIX) - 1, base, LOG_SPARE_SUFFIX);
	log_path(path, dir, name);
}

/* ---- main's side ---- */

struct listing {
	struct log_retired *segments;
	unsigned count, room;
};

static int add_segment(void *arg, const char *name, int is_dir)
{
	struct listing *list = arg;
	uint64_t base;

	if (is_dir || !log_format_parse(name, LOG_SUFFIX_LOG, &base))
		return 0;
	if (list->count == list->room) {
		unsigned room = list->room ? 2 * list->room : 64;
		void *more = realloc(list->segments, room * sizeof(*list->segments));
		if (!more)
			return -ENOMEM;
		list->segments = more;
		list->room = room;
	}
	list->segments[list->count++].base = base;
	return 0;
}

static int by_base(const void *a, const void *b)
{
	const struct log_retired *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* Keeps those of the list that end at or below log_start. */
static int keep_retired(struct disk *disk, const char *dir, struct listing *list,
			uint64_t log_start)
{
	unsigned n = 0;

	qsort(list->segments, list->count, sizeof(*list->segments), by_base);
	while (n + 1 < list->count && list->segments[n + 1].base <= log_start) {
		char path[LOG_PATH_MAX];
		struct disk_stat st;

		log_segment_path(path, dir, list->segments[n].base, LOG_SUFFIX_LOG);
		int rc = disk->ops->stat(disk, path, &st);
		if (rc < 0)
			return rc;
		list->segments[n++].bytes = st.size_bytes;
	}
	list->count = n;
	return 0;
}

int log_retain(struct log *log, uint16_t partition, uint16_t slot, uint64_t log_start)
{
	struct log_partition *p;
	struct listing list = {0};

	if (partition >= PLAN_LANES_MAX || slot >= log->config.plan->streams_max)
		return -ENOENT;
	p = log->opened[(size_t)partition * log->config.plan->streams_max + slot];
	if (!p)
		return -ENOENT;
	if (atomic_load_explicit(&p->retire.asked, memory_order_acquire))
		return -EBUSY;
	if (log_start > state_load(&p->st->durable_end))
		return -EINVAL;
	if (log_start <= state_load(&p->st->log_start))
		return 0;
	int rc = log->disk->ops->list(log->disk, p->dir, add_segment, &list);
	if (rc == 0)
		rc = keep_retired(log->disk, p->dir, &list, log_start);
	if (rc < 0) {
		free(list.segments);
		return rc;
	}
	free(p->retire.segments);
	p->retire.segments = list.segments;
	p->retire.count = list.count;
	p->retire.log_start = log_start;
	atomic_store_explicit(&p->retire.asked, 1, memory_order_release);
	atomic_fetch_add_explicit(&log->retains_asked, 1, memory_order_release);
	return 0;
}

/* ---- the log core's side ---- */

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

	if (r->step == RETIRE_LOG && lop->op.kind == DISK_RENAME)
		p->spares[p->spares_count++] = s->base;
	if (r->step == RETIRE_TIMEINDEX) {
		p->sealed_bytes -= s->bytes;
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
