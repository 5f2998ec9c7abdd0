/*
 * One log core: its poll round, its queues, and the way of every operation to the disk and back.
 */
#include <errno.h>
#include <string.h>

#include "log_private.h"

/* ---- lists ---- */

void log_ready(struct log *log, struct log_partition *p)
{
	if (p->ready)
		return;
	p->ready = true;
	p->ready_next = NULL;
	*log->ready_end = p;
	log->ready_end = &p->ready_next;
}

void log_attend(struct log *log, struct log_partition *p)
{
	if (p->attention)
		return;
	p->attention = true;
	p->attention_next = NULL;
	*log->attention_end = p;
	log->attention_end = &p->attention_next;
}

void log_slab_free(struct log *log, struct slab *slab)
{
	if (log_codec_owns(log, slab)) {
		log_codec_give(log, slab);
		return;
	}
	slab->next = NULL;
	*log->free_end = slab;
	log->free_end = &slab->next;
}

/* ---- operations ---- */

static bool to_disk(struct log *log, struct log_op *lop)
{
	if (log->disk->ops->submit(log->disk, &lop->op) != 0)
		return false;
	return true;
}

void log_op_start(struct log *log, struct log_op *lop)
{
	lop->op.owner = lop;
	lop->busy = true;
	lop->next = NULL;
	log->ops_flying++;
	if (!log->backlog && to_disk(log, lop))
		return;
	*log->backlog_end = lop;
	log->backlog_end = &lop->next;
}

static unsigned drain_backlog(struct log *log)
{
	unsigned n = 0;

	while (log->backlog) {
		struct log_op *lop = log->backlog;
		struct log_op *next = lop->next;

		if (!to_disk(log, lop))
			break;
		log->backlog = next;
		if (!next)
			log->backlog_end = &log->backlog;
		n++;
	}
	return n;
}

static void no_space(struct log *log, struct log_op *lop)
{
	if (!lop->stuck && lop->p) {
		lop->p->ops_stuck++;
		lop->p->writes_stuck += lop->op.kind == DISK_WRITE;
	}
	lop->stuck = true;
	if (lop->op.kind == DISK_WRITE)
		state_add(&log->core->write_errors, 1);
	lop->next = NULL;
	if (!log->stuck)
		log->retry_ns = log->now + LOG_RETRY_NS;
	*log->stuck_end = lop;
	log->stuck_end = &lop->next;
	if (lop->p)
		log_attend(log, lop->p);
}

static unsigned retry_stuck(struct log *log)
{
	struct log_op *list = log->stuck;

	if (!list)
		log->give_up_ns = 0;
	if (!list || log->now < log->retry_ns)
		return 0;
	if (log->closing && !log->give_up_ns)
		log->give_up_ns = log->now + LOG_GIVE_UP_NS;
	if (log->closing && log->now >= log->give_up_ns) {
		/* What is not durable by now stays so; recovery makes the rest good. */
		log_fail(log, ENOSPC, log_op_name(list->op.kind),
			 list->op.path ? list->op.path : (list->seg ? list->seg->path : ""));
		return 0;
	}
	log->stuck = NULL;
	log->stuck_end = &log->stuck;
	for (struct log_op *next; list; list = next) {
		next = list->next;
		log->ops_flying--;
		log_op_start(log, list);
	}
	return 1;
}

/* A short write goes on where it stopped. True: it was sent again. */
static bool continue_write(struct log *log, struct log_op *lop)
{
	struct disk_op *op = &lop->op;
	uint32_t done = (uint32_t)op->result / log->disk->block * log->disk->block;

	if (op->kind != DISK_WRITE || op->result < 0 || (uint64_t)op->result >= op->len)
		return false;
	op->buf = (const uint8_t *)op->buf + done;
	op->offset += done;
	op->len -= done;
	log->ops_flying--;
	log_op_start(log, lop);
	return true;
}

static void dispatch(struct log *log, struct disk_op *op)
{
	struct log_op *lop = op->owner;
	int error = op->result < 0 ? (int)-op->result : 0;

	if (error == EAGAIN || error == EINTR) {
		log->ops_flying--;
		log_op_start(log, lop);
		return;
	}
	bool space = error == ENOSPC || error == EDQUOT;
	if (space && op->kind != DISK_SYNC && op->kind != DISK_ZERO) {
		no_space(log, lop);
		return;
	}
	if (error == ENOENT && op->kind == DISK_UNLINK)
		error = 0;
	if (error && op->kind != DISK_ZERO) {
		log->ops_flying--;
		lop->busy = false;
		if (op->kind == DISK_WRITE)
			state_add(&log->core->write_errors, 1);
		log_fail(log, error, log_op_name(op->kind),
			 op->path ? op->path : (lop->seg ? lop->seg->path : ""));
		return;
	}
	if (continue_write(log, lop))
		return;
	if (lop->stuck && lop->p) {
		lop->p->ops_stuck--;
		lop->p->writes_stuck -= op->kind == DISK_WRITE;
	}
	lop->stuck = false;
	lop->busy = false;
	log->ops_flying--;
	if (log->failed)
		return;
	lop->done(log, lop);
	if (lop->p)
		log_attend(log, lop->p);
}

static unsigned reap(struct log *log)
{
	struct disk_op *ops[LOG_REAP];
	unsigned n, total = 0;

	do {
		n = log->disk->ops->reap(log->disk, ops, LOG_REAP);
		for (unsigned i = 0; i < n; i++)
			dispatch(log, ops[i]);
		total += n;
	} while (n == LOG_REAP);
	return total;
}

/* ---- the mailbox of new partitions ---- */

void log_add(struct log *log, struct log_partition *p)
{
	struct log_partition *head = atomic_load_explicit(&log->inbox, memory_order_relaxed);

	do {
		p->inbox_next = head;
	} while (!atomic_compare_exchange_weak_explicit(&log->inbox, &head, p, memory_order_release,
							memory_order_relaxed));
}

static unsigned take_inbox(struct log *log)
{
	if (!atomic_load_explicit(&log->inbox, memory_order_relaxed))
		return 0;
	struct log_partition *p = atomic_exchange_explicit(&log->inbox, NULL, memory_order_acquire);
	for (; p; p = p->inbox_next) {
		log->table[(size_t)p->partition * log->streams_max + p->slot] = p;
		p->all_next = log->all;
		log->all = p;
		log_attend(log, p);
	}
	return 1;
}

/* ---- slabs in and out ---- */

static void gauge_slabs(struct log *log, const struct slab *slab, uint64_t change)
{
	if (log->config.state && slab->lane < log->config.state->lanes)
		state_add(&state_lane(log->config.state, slab->lane)->slabs_queued, change);
}

void log_submit(struct log *log, struct slab *slab, uint64_t mono_ns)
{
	size_t cell = (size_t)slab->lane * log->streams_max + slab->slot;
	struct log_partition *p = log->table[cell];

	log->now = mono_ns;
	if (!p) {
		take_inbox(log);
		p = log->table[cell];
	}
	log->submitted_held++;
	gauge_slabs(log, slab, 1);
	if (!p || log->closing) {
		log_fail(log, EINVAL, "batch for a partition that is not open", "");
		log_slab_free(log, slab);
		return;
	}
	slab->next = NULL;
	slab->sealed = 0;
	*p->queue_end = slab;
	p->queue_end = &slab->next;
	p->queued++;
	/* The checksum now, while the batch is in the cache; compression when there is room. */
	if (p->queued_sealed + 1 == p->queued &&
	    log->plan->streams[p->slot].compression == PLAN_COMPRESSION_NONE)
		log_seal_next(log, p);
	log_place(log, p);
	if (p->queue)
		log_ready(log, p);
}

unsigned log_take_free(struct log *log, struct slab **slabs, unsigned max)
{
	unsigned n = 0;

	while (n < max && log->free) {
		struct slab *slab = log->free;

		log->free = slab->next;
		gauge_slabs(log, slab, (uint64_t)-1);
		slabs[n++] = slab;
	}
	if (!log->free)
		log->free_end = &log->free;
	log->submitted_held -= n;
	return n;
}

/* ---- the round ---- */

static unsigned place_ready(struct log *log)
{
	struct log_partition *p = log->ready;
	unsigned work = 0;

	log->ready = NULL;
	log->ready_end = &log->ready;
	for (struct log_partition *next; p; p = next) {
		next = p->ready_next;
		p->ready = false;
		work += log_place(log, p);
		if (p->queue)
			log_ready(log, p);
	}
	return work;
}

static unsigned attend_all(struct log *log)
{
	struct log_partition *p = log->attention;
	unsigned work = 0;

	log->attention = NULL;
	log->attention_end = &log->attention;
	for (struct log_partition *next; p; p = next) {
		next = p->attention_next;
		p->attention = false;
		work++;
		log_publish(log, p);
		if (log_segment_chores(log, p)) {
			log_attend(log, p);
			work--; /* it waits for something: no reason to poll without a pause */
		}
	}
	return work;
}

unsigned log_poll(struct log *log, const struct plan *plan, uint64_t mono_ns)
{
	unsigned work = 0;

	log->plan = plan;
	log->now = mono_ns;
	work += reap(log);
	if (log->failed)
		return 0;
	work += take_inbox(log);
	log_retain_poll(log);
	work += drain_backlog(log);
	work += retry_stuck(log);
	work += place_ready(log);
	work += log_sync(log);
	work += attend_all(log);
	log->disk->ops->flush(log->disk);
	return work;
}

uint64_t log_deadline(const struct log *log)
{
	uint64_t deadline = log_sync_deadline(log);

	if (log->stuck && log->retry_ns < deadline)
		deadline = log->retry_ns;
	return deadline;
}

bool log_quiet(const struct log *log)
{
	return !log->dirty && !log->ready && log->writes_flying == 0 && !log->sync.busy &&
	       !atomic_load_explicit(&((struct log *)log)->inbox, memory_order_relaxed);
}

void log_close(struct log *log)
{
	take_inbox(log);
	log->closing = true;
	for (struct log_partition *p = log->all; p; p = p->all_next)
		log_attend(log, p);
}

bool log_closed(const struct log *log)
{
	if (!log->closing || log->ops_flying || log->failed)
		return false;
	for (const struct log_partition *p = log->all; p; p = p->all_next)
		if (!p->closed)
			return false;
	return true;
}

int log_failed(const struct log *log, const char **text)
{
	if (text)
		*text = log->failed_text;
	return log->failed;
}
