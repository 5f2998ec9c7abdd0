#include "partition_epochs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/log_format.h"
#include "limits.h"

enum { HEAD_LINES = 2 /* the version, and how many lines follow */ };

static int add(struct partition_epochs *e, int32_t epoch, uint64_t start)
{
	if (e->list && e->count == LIMIT_EPOCHS)
		memmove(e->list, e->list + 1, --e->count * sizeof(*e->list));
	if (!e->list || e->count == e->room) {
		unsigned room = e->room ? e->room * 2 : 4;
		struct partition_epoch *list = reallocarray(e->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		e->list = list;
		e->room = room;
	}
	e->list[e->count++] = (struct partition_epoch){epoch, start};
	return 0;
}

/* "<epoch> <start offset>", both above the line before. */
static int add_line(struct partition_epochs *e, const char *line)
{
	const struct partition_epoch *last = e->count ? &e->list[e->count - 1] : NULL;
	char *end;
	long epoch = strtol(line, &end, 10);

	if (end == line || *end != ' ' || epoch < 0 || epoch > INT32_MAX)
		return 0;
	uint64_t start = strtoull(end + 1, NULL, 10);
	if (last && (epoch <= last->epoch || start < last->start))
		return 0;
	return add(e, (int32_t)epoch, start);
}

static int read_lines(FILE *in, struct partition_epochs *e)
{
	char line[64];
	int rc = 0;

	for (unsigned n = 0; rc == 0 && fgets(line, sizeof(line), in); n++)
		if (n >= HEAD_LINES)
			rc = add_line(e, line);
	return rc == 0 && ferror(in) ? -EIO : rc;
}

static int read_file(const struct partition *p, struct partition_epochs *e)
{
	int fd = openat(p->files.dir_fd, LOG_NAME_EPOCHS, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	FILE *in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		return -ENOMEM;
	}
	int rc = read_lines(in, e);
	fclose(in);
	return rc;
}

int partition_epochs_read(struct partition *p, int32_t *newest)
{
	struct partition_epochs epochs = {0};
	int rc = read_file(p, &epochs);

	if (rc < 0) {
		free(epochs.list);
		return rc;
	}
	free(p->epochs.list);
	p->epochs = epochs;
	*newest = epochs.count ? epochs.list[epochs.count - 1].epoch : 0;
	return 0;
}

/* The file has an epoch before anybody is told of it, so each is read for once. */
static int look_again(struct partition *p, const struct partition_view *view)
{
	int32_t newest;

	if (p->epochs_seen == view->epoch)
		return 0;
	int rc = partition_epochs_read(p, &newest);
	if (rc == 0)
		p->epochs_seen = view->epoch;
	return rc;
}

/* How many epochs are not above this one. */
static unsigned count_upto(const struct partition *p, int32_t epoch)
{
	unsigned low = 0, high = p->epochs.count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (p->epochs.list[middle].epoch <= epoch)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The start of the epoch behind the first `count`, in what is there now. */
static int64_t start_behind(const struct partition *p, const struct partition_view *view,
			    unsigned count)
{
	uint64_t start = count < p->epochs.count ? p->epochs.list[count].start : view->end;

	if (start > view->end)
		start = view->end;
	return (int64_t)(start < view->log_start ? view->log_start : start);
}

int partition_epoch_end(struct partition *p, const struct partition_view *view, int32_t epoch,
			struct partition_epoch_end *out)
{
	*out = (struct partition_epoch_end){-1, -1};
	if (epoch < 0 || epoch > view->epoch)
		return 0;
	if (epoch == view->epoch) {
		*out = (struct partition_epoch_end){epoch, (int64_t)view->end};
		return 0;
	}
	int rc = look_again(p, view);
	if (rc < 0)
		return rc;
	/* Without a file all that is there belongs to the epoch at hand. */
	if (p->epochs.count == 0) {
		*out = (struct partition_epoch_end){epoch, (int64_t)view->log_start};
		return 0;
	}
	unsigned count = count_upto(p, epoch);
	int64_t end = start_behind(p, view, count);
	/* An epoch of which retention has left nothing is none any more. */
	bool known = count && (end > (int64_t)view->log_start || count == p->epochs.count);
	*out = (struct partition_epoch_end){known ? p->epochs.list[count - 1].epoch : epoch, end};
	return 0;
}

int32_t partition_epoch_at(struct partition *p, const struct partition_view *view, uint64_t offset)
{
	unsigned n;

	if (look_again(p, view) < 0)
		return -1;
	for (n = count_upto(p, view->epoch); n > 1 && p->epochs.list[n - 1].start > offset; n--)
		;
	return n && offset < view->end ? p->epochs.list[n - 1].epoch : view->epoch;
}
