/*
 * Retention, main's side: whole segments below log_start go. Listing them may block, so it is done
 * here; the log core does the rest (log_retire.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "log_private.h"

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

	if (partition >= PLAN_LANES_MAX || slot >= log->streams_max)
		return -ENOENT;
	p = log->opened[(size_t)partition * log->streams_max + slot];
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
