#include "disk_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "page_in.h"

struct disk_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	int event_fd;
	/* Under the lock. */
	bool stop;
	struct disk_job *queue, **queue_end;
	struct disk_job *done, **done_end;
	struct disk_job *taken; /* the gateway's thread's alone */
};

/* Under the lock, but while it reads. */
static void look_ahead(struct disk_thread *t, struct disk_ahead *ahead)
{
	bool more = true;

	while (more && ahead->at < ahead->end && !t->queue && !t->stop) {
		pthread_mutex_unlock(&t->lock);
		more = page_in(ahead->fd, &ahead->at, ahead->end) > 0;
		pthread_mutex_lock(&t->lock);
	}
	close(ahead->fd);
}

static void *work(void *argument)
{
	struct disk_thread *t = argument;
	const uint64_t one = 1;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		while (!t->queue && !t->stop)
			pthread_cond_wait(&t->asked, &t->lock);
		if (t->stop)
			break;
		struct disk_job *job = t->queue;
		t->queue = job->next;
		if (!t->queue)
			t->queue_end = &t->queue;
		pthread_mutex_unlock(&t->lock);
		job->work(job);
		struct disk_ahead ahead = job->ahead;
		pthread_mutex_lock(&t->lock);
		job->next = NULL;
		*t->done_end = job;
		t->done_end = &job->next;
		/* It can only be full, and then it is readable. */
		ssize_t written = write(t->event_fd, &one, sizeof(one));
		(void)written;
		if (ahead.fd >= 0)
			look_ahead(t, &ahead);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* Signals are for the gateway's thread. */
static int start(struct disk_thread *t)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = -pthread_create(&t->thread, NULL, work, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int disk_thread_create(struct disk_thread **out)
{
	struct disk_thread *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->queue_end = &t->queue;
	t->done_end = &t->done;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->asked, NULL);
	t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = t->event_fd < 0 ? -errno : start(t);
	if (rc < 0) {
		if (t->event_fd >= 0)
			close(t->event_fd);
		free(t);
		return rc;
	}
	*out = t;
	return 0;
}

static void give_back_all(struct disk_job *job)
{
	while (job) {
		struct disk_job *next = job->next;

		job->give_back(job);
		job = next;
	}
}

void disk_thread_destroy(struct disk_thread *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->asked);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	give_back_all(t->taken);
	give_back_all(t->done);
	give_back_all(t->queue);
	close(t->event_fd);
	pthread_cond_destroy(&t->asked);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void disk_thread_ask(struct disk_thread *t, struct disk_job *job)
{
	job->next = NULL;
	job->ahead.fd = -1;
	job->longest_us = 0;
	pthread_mutex_lock(&t->lock);
	*t->queue_end = job;
	t->queue_end = &job->next;
	pthread_cond_signal(&t->asked);
	pthread_mutex_unlock(&t->lock);
}

int disk_thread_fd(const struct disk_thread *t)
{
	return t->event_fd;
}

struct disk_job *disk_thread_take_done(struct disk_thread *t)
{
	uint64_t count;

	if (!t->taken && read(t->event_fd, &count, sizeof(count)) > 0) {
		pthread_mutex_lock(&t->lock);
		t->taken = t->done;
		t->done = NULL;
		t->done_end = &t->done;
		pthread_mutex_unlock(&t->lock);
	}
	struct disk_job *job = t->taken;
	if (job)
		t->taken = job->next;
	return job;
}
