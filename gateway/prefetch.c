#include "prefetch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	LOOK_PIECE = 128 << 10, /* no less than what kernels read ahead by themselves */
	WAIT_PIECE = 1 << 20,
};

struct prefetch {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	int event_fd;
	/* Under the lock. */
	bool stop;
	struct prefetch_job *queue, **queue_end;
	struct prefetch_job *done, **done_end;
	struct prefetch_job *taken; /* the gateway's thread's alone */
};

/* Each piece is waited for by its last byte. A failure is for whoever sends the bytes to find. What
 * comes next in the file is begun, so that the disk has work while these are sent. */
static void read_ahead(const struct prefetch_job *job)
{
	uint64_t end = job->position + job->length;
	uint8_t byte;

	readahead(job->file->fd, (off64_t)job->position, job->length);
	for (uint64_t at = job->position; at < end;) {
		at = at + WAIT_PIECE < end ? at + WAIT_PIECE : end;
		if (pread(job->file->fd, &byte, 1, (off_t)(at - 1)) != 1)
			return;
	}
	readahead(job->file->fd, (off64_t)end, job->length);
}

static void *work(void *argument)
{
	struct prefetch *p = argument;
	const uint64_t one = 1;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->queue && !p->stop)
			pthread_cond_wait(&p->asked, &p->lock);
		if (p->stop)
			break;
		struct prefetch_job *job = p->queue;
		p->queue = job->next;
		if (!p->queue)
			p->queue_end = &p->queue;
		pthread_mutex_unlock(&p->lock);
		read_ahead(job);
		pthread_mutex_lock(&p->lock);
		job->next = NULL;
		*p->done_end = job;
		p->done_end = &job->next;
		/* It can only be full, and then it is readable. */
		if (write(p->event_fd, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are for the gateway's thread. */
static int start(struct prefetch *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = -pthread_create(&p->thread, NULL, work, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int prefetch_create(struct prefetch **out)
{
	struct prefetch *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->queue_end = &p->queue;
	p->done_end = &p->done;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->asked, NULL);
	p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = p->event_fd < 0 ? -errno : start(p);
	if (rc < 0) {
		if (p->event_fd >= 0)
			close(p->event_fd);
		free(p);
		return rc;
	}
	*out = p;
	return 0;
}

static void free_all(struct prefetch_job *job)
{
	while (job) {
		struct prefetch_job *next = job->next;

		prefetch_free(job);
		job = next;
	}
}

void prefetch_destroy(struct prefetch *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->asked);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	free_all(p->queue);
	free_all(p->done);
	free_all(p->taken);
	close(p->event_fd);
	pthread_cond_destroy(&p->asked);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static bool is_there(int fd, uint64_t at)
{
	uint8_t byte;
	const struct iovec one = {.iov_base = &byte, .iov_len = 1};

	if (preadv2(fd, &one, 1, (off_t)at, RWF_NOWAIT) >= 0)
		return true;
	/* Where that cannot be asked, a disk may well be behind it, but for tmpfs of old kernels.
	 */
	struct statfs fs;
	return errno != EAGAIN && fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

bool prefetch_is_there(const struct segment_file *file, uint64_t position, uint32_t length)
{
	/* The ends alone say little: whoever found the range looked there. */
	for (uint64_t at = position; at < position + length; at += LOOK_PIECE)
		if (!is_there(file->fd, at))
			return false;
	return is_there(file->fd, position + length - 1);
}

struct prefetch_job *prefetch_ask(struct prefetch *p, void *owner, struct segment_file *file,
				  uint64_t position, uint32_t length)
{
	struct prefetch_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	*job = (struct prefetch_job){
		.owner = owner, .file = file, .position = position, .length = length};
	segment_file_hold(file);
	pthread_mutex_lock(&p->lock);
	*p->queue_end = job;
	p->queue_end = &job->next;
	pthread_cond_signal(&p->asked);
	pthread_mutex_unlock(&p->lock);
	return job;
}

int prefetch_fd(const struct prefetch *p)
{
	return p->event_fd;
}

struct prefetch_job *prefetch_take_done(struct prefetch *p)
{
	uint64_t count;

	if (!p->taken && read(p->event_fd, &count, sizeof(count)) > 0) {
		pthread_mutex_lock(&p->lock);
		p->taken = p->done;
		p->done = NULL;
		p->done_end = &p->done;
		pthread_mutex_unlock(&p->lock);
	}
	struct prefetch_job *job = p->taken;
	if (job)
		p->taken = job->next;
	return job;
}

void prefetch_free(struct prefetch_job *job)
{
	segment_file_put(job->file);
	free(job);
}
