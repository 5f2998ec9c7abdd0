/*
 * Work that may wait for a disk, so that the gateway's one thread need not: a thread of its own
 * does it, one job after the other in the order in which they were asked for. All calls but work()
 * are the gateway's thread's.
 */
#pragma once

#include <sys/types.h>

#include "disk_patience.h"

struct disk_thread;
struct connection;

/* What may be read when the job is done, as long as nobody waits for the thread. */
struct disk_ahead {
	int fd; /* -1: nothing; the thread closes it */
	off_t at, end;
};

/* The first field of what the caller asks for. */
struct disk_job {
	struct disk_job *next;
	struct disk_ahead ahead; /* work() may fill it in */
	uint64_t longest_us;	 /* that it waited for the disk at a time; work() says so */
	/* Whose answer needs it; NULL: nobody's any more, or its asker looks for itself. */
	struct connection *waiter;
	void (*work)(struct disk_job *job); /* in the other thread */
	/* It is done, or never will be: the job is the caller's again. */
	void (*give_back)(struct disk_job *job);
};

/* For work(): it waited for the disk since then. */
static inline void disk_job_waited(struct disk_job *job, const struct disk_wait *since)
{
	uint64_t took_us = disk_wait_us(since);

	if (took_us > job->longest_us)
		job->longest_us = took_us;
}

/* -errno. */
int disk_thread_create(struct disk_thread **out);
/* Waits for the job at hand; gives all back, in their order. NULL is nothing. */
void disk_thread_destroy(struct disk_thread *thread);

/* Puts it behind the others. */
void disk_thread_ask(struct disk_thread *thread, struct disk_job *job);

/* Readable when jobs are done. */
int disk_thread_fd(const struct disk_thread *thread);
/* One that is done, or NULL: its give_back() comes next. */
struct disk_job *disk_thread_take_done(struct disk_thread *thread);
