#include "disk_lookup.h"

#include <stdlib.h>
#include <string.h>

bool disk_lookup_add(struct disk_lookup **lookup, struct catalog *catalog,
		     const struct disk_question *question)
{
	struct disk_lookup *l = *lookup;

	if (catalog->lookups == LIMIT_LOOKUPS)
		return false;
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return false;
		l->catalog = catalog;
		memcpy(l->data_dir, catalog->data_dir, sizeof(l->data_dir));
		*lookup = l;
	}
	if (l->count == l->room) {
		unsigned room = l->room ? l->room * 2 : 4;
		struct disk_question *questions =
			reallocarray(l->questions, room, sizeof(*questions));

		if (!questions)
			return false;
		l->questions = questions;
		l->room = room;
	}
	l->questions[l->count++] = *question;
	catalog->lookups++;
	return true;
}

static void destroy(struct disk_lookup *lookup)
{
	lookup->catalog->lookups -= lookup->count;
	free(lookup->questions);
	free(lookup);
}

/* The next question. */
static void work(struct disk_job *job)
{
	struct disk_lookup *l = (struct disk_lookup *)job;
	struct disk_question *q = &l->questions[l->answered];
	struct disk_wait since = disk_wait_begin();

	if (q->kind == DISK_BATCHES)
		q->rc = partition_warm(q->partition, l->data_dir, &q->view, &q->want);
	else if (q->timestamp_ms == TIME_LARGEST)
		q->rc = partition_find_newest(q->partition, l->data_dir, &q->view, &q->found);
	else
		q->rc = partition_find_time(q->partition, l->data_dir, &q->view, q->timestamp_ms,
					    &q->found);
	disk_job_waited(job, &since);
}

static void give_back(struct disk_job *job)
{
	struct disk_lookup *l = (struct disk_lookup *)job;

	l->answered++;
	if (l->abandoned)
		destroy(l);
	else if (l->answered < l->count)
		disk_thread_ask(l->disk, &l->job);
	else
		l->done = 1;
}

void disk_lookup_ask(struct disk_lookup *lookup, struct disk_thread *disk)
{
	lookup->job.work = work;
	lookup->job.give_back = give_back;
	lookup->disk = disk;
	lookup->asked = true;
	disk_thread_ask(disk, &lookup->job);
}

static int compare(const void *nth, const void *question)
{
	const uint32_t a = *(const uint32_t *)nth,
		       b = ((const struct disk_question *)question)->nth;

	return a < b ? -1 : a > b;
}

const struct disk_question *disk_lookup_result(const struct disk_lookup *lookup, uint32_t nth)
{
	if (!lookup->done)
		return NULL;
	return bsearch(&nth, lookup->questions, lookup->count, sizeof(*lookup->questions), compare);
}

void disk_lookup_put(struct disk_lookup *lookup)
{
	if (!lookup)
		return;
	if (lookup->asked && !lookup->done)
		lookup->abandoned = true;
	else
		destroy(lookup);
}
