#include "disk_helper.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "touch.h"

enum { RING = 4096 }; /* operations on their way; a power of two */

struct disk_helper {
	/* Written by the submitter. */
	_Alignas(64) _Atomic unsigned to_head;
	unsigned outstanding; /* < RING, so that neither ring ever overflows */
	/* Written by the helper. */
	_Alignas(64) _Atomic unsigned to_tail;
	_Atomic unsigned from_head;
	_Atomic int sleeping;
	struct disk_op *urgent, **urgent_end, *bulk, **bulk_end;
	/* Written by the submitter. */
	_Alignas(64) _Atomic unsigned from_tail;
	_Atomic int stop;
	int64_t to_read; /* completions taken, less what was read from wake_fd for them */

	struct disk_op *to[RING], *from[RING];
	pthread_t thread;
	bool direct;
	int sleep_fd, wake_fd;
};

/* ---- the helper's side ---- */

static void sort_in(struct disk_helper *h, struct disk_op *op)
{
	bool bulk = op->kind == DISK_ZERO || op->kind == DISK_UNLINK || op->kind == DISK_SCRUB;
	struct disk_op ***end = bulk ? &h->bulk_end : &h->urgent_end;

	op->next = NULL;
	**end = op;
	*end = &op->next;
}

static void take_submitted(struct disk_helper *h)
{
	unsigned tail = atomic_load_explicit(&h->to_tail, memory_order_relaxed);
	unsigned head = atomic_load_explicit(&h->to_head, memory_order_acquire);

	for (; tail != head; tail++)
		sort_in(h, h->to[tail % RING]);
	atomic_store_explicit(&h->to_tail, tail, memory_order_release);
}

static struct disk_op *next_op(struct disk_helper *h)
{
	struct disk_op *op = h->urgent;

	if (op) {
		h->urgent = op->next;
		if (!h->urgent)
			h->urgent_end = &h->urgent;
		return op;
	}
	op = h->bulk;
	if (op) {
		h->bulk = op->next;
		if (!h->bulk)
			h->bulk_end = &h->bulk;
	}
	return op;
}

static void complete(struct disk_helper *h, struct disk_op *op)
{
	unsigned head = atomic_load_explicit(&h->from_head, memory_order_relaxed);
	uint64_t one = 1;

	h->from[head % RING] = op;
	atomic_store_explicit(&h->from_head, head + 1, memory_order_release);
	if (write(h->wake_fd, &one, sizeof(one)) < 0) {
		/* Its counter is full: it is readable anyway. */
	}
}

static void sleep_until_woken(struct disk_helper *h)
{
	uint64_t n;

	atomic_store(&h->sleeping, 1);
	/* Whoever submits after this load sees sleeping == 1. */
	if (atomic_load(&h->to_head) == atomic_load(&h->to_tail) && !atomic_load(&h->stop))
		while (read(h->sleep_fd, &n, sizeof(n)) < 0 && errno == EINTR)
			;
	atomic_store(&h->sleeping, 0);
}

static void *helper_main(void *arg)
{
	struct disk_helper *h = arg;

	for (;;) {
		take_submitted(h);
		struct disk_op *op = next_op(h);

		if (op) {
			op->result = disk_helper_perform(op, h->direct);
			complete(h, op);
		} else if (atomic_load(&h->stop)) {
			return NULL;
		} else {
			sleep_until_woken(h);
		}
	}
}

/* ---- the log core's side ---- */

static void wake(struct disk_helper *h)
{
	uint64_t one = 1;

	if (atomic_exchange(&h->sleeping, 0) && write(h->sleep_fd, &one, sizeof(one)) < 0) {
		/* Cannot be: the counter goes no higher than a few. */
	}
}

int disk_helper_submit(struct disk_helper *h, struct disk_op *op)
{
	unsigned head = atomic_load_explicit(&h->to_head, memory_order_relaxed);

	if (h->outstanding >= RING)
		return -EBUSY;
	h->outstanding++;
	h->to[head % RING] = op;
	atomic_store(&h->to_head, head + 1);
	if (atomic_load(&h->sleeping))
		wake(h);
	return 0;
}

unsigned disk_helper_reap(struct disk_helper *h, struct disk_op **ops, unsigned max)
{
	unsigned tail = atomic_load_explicit(&h->from_tail, memory_order_relaxed);
	unsigned head = atomic_load_explicit(&h->from_head, memory_order_acquire);
	unsigned n = 0;
	uint64_t count;

	for (; tail != head && n < max; tail++)
		ops[n++] = h->from[tail % RING];
	h->to_read += n;
	/* Each completion adds one to the eventfd, perhaps a moment after we saw it. */
	if (h->to_read > 0 && read(h->wake_fd, &count, sizeof(count)) == sizeof(count))
		h->to_read -= (int64_t)count;
	atomic_store_explicit(&h->from_tail, tail, memory_order_release);
	h->outstanding -= n;
	return n;
}

static int start_thread(struct disk_helper *h, int cpu)
{
	cpu_set_t set;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned)cpu, &set);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	int rc = pthread_create(&h->thread, &attr, helper_main, h);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		pthread_setname_np(h->thread, "weir-disk");
	return -rc;
}

int disk_helper_create(struct disk_helper **out, bool direct, int cpu, int wake_fd)
{
	struct disk_helper *h = touch_alloc(64, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->direct = direct;
	h->wake_fd = wake_fd;
	h->urgent_end = &h->urgent;
	h->bulk_end = &h->bulk;
	h->sleep_fd = eventfd(0, EFD_CLOEXEC);
	int rc = h->sleep_fd < 0 ? -errno : start_thread(h, cpu);
	if (rc < 0) {
		if (h->sleep_fd >= 0)
			close(h->sleep_fd);
		free(h);
		return rc;
	}
	*out = h;
	return 0;
}

void disk_helper_destroy(struct disk_helper *h)
{
	uint64_t one = 1;

	if (!h)
		return;
	atomic_store(&h->stop, 1);
	if (write(h->sleep_fd, &one, sizeof(one)) < 0) {
		/* Readable anyway. */
	}
	pthread_join(h->thread, NULL);
	close(h->sleep_fd);
	free(h);
}
