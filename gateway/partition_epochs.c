#include "partition_epochs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/log_format.h"
#include "limits.h"

enum { HEAD_LINES = 2 /* the version, and how many lines follow */ };

static void add(struct partition *p, int32_t epoch, uint64_t start)
{
	if (p->epochs_count == LIMIT_EPOCHS)
		memmove(p->epochs, p->epochs + 1, --p->epochs_count * sizeof(*p->epochs));
	if (p->epochs_count == p->epochs_room) {
		unsigned room = p->epochs_room ? p->epochs_room * 2 : 4;
		struct partition_epoch *epochs = reallocarray(p->epochs, room, sizeof(*epochs));

		if (!epochs)
			return;
		p->epochs = epochs;
		p->epochs_room = room;
	}
	p->epochs[p->epochs_count++] = (struct partition_epoch){epoch, start};
}

/* "<epoch> <start offset>", both above the line before. */
static void read_line(struct partition *p, const char *line)
{
	const struct partition_epoch *last =
		p->epochs_count ? &p->epochs[p->epochs_count - 1] : NULL;
	char *end;
	long epoch = strtol(line, &end, 10);

	if (end == line || *end != ' ' || epoch < 0 || epoch > INT32_MAX)
		return;
	uint64_t start = strtoull(end + 1, NULL, 10);
	if (!last || (epoch > last->epoch && start >= last->start))
		add(p, (int32_t)epoch, start);
}

int32_t partition_epochs_read(struct partition *p)
{
	int fd = openat(p->files.dir_fd, LOG_NAME_EPOCHS, O_RDONLY | O_CLOEXEC);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	char line[64];

	p->epochs_count = 0;
	for (unsigned n = 0; in && fgets(line, sizeof(line), in); n++)
		if (n >= HEAD_LINES)
			read_line(p, line);
	if (in)
		fclose(in);
	else if (fd >= 0)
		close(fd);
	return p->epochs_count ? p->epochs[p->epochs_count - 1].epoch : 0;
}

/* The file has an epoch before anybody is told of it, so each is read for once. */
static void look_again(struct partition *p, const struct partition_view *view)
{
	if (p->epochs_seen == view->epoch)
		return;
	partition_epochs_read(p);
	p->epochs_seen = view->epoch;
}

/* How many epochs are not above this one. */
static unsigned count_upto(const struct partition *p, int32_t epoch)
{
	unsigned low = 0, high = p->epochs_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (p->epochs[middle].epoch <= epoch)
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
	uint64_t start = count < p->epochs_count ? p->epochs[count].start : view->end;

	if (start > view->end)
		start = view->end;
	return (int64_t)(start < view->log_start ? view->log_start : start);
}

struct partition_epoch_end partition_epoch_end(struct partition *p,
					       const struct partition_view *view, int32_t epoch)
{
	if (epoch < 0 || epoch > view->epoch)
		return (struct partition_epoch_end){-1, -1};
	if (epoch == view->epoch)
		return (struct partition_epoch_end){epoch, (int64_t)view->end};
	look_again(p, view);
	/* Without a file all that is there belongs to the epoch at hand. */
	if (p->epochs_count == 0)
		return (struct partition_epoch_end){epoch, (int64_t)view->log_start};
	unsigned count = count_upto(p, epoch);
	int64_t end = start_behind(p, view, count);
	/* An epoch of which retention has left nothing is none any more. */
	bool known = count && (end > (int64_t)view->log_start || count == p->epochs_count);
	return (struct partition_epoch_end){known ? p->epochs[count - 1].epoch : epoch, end};
}

int32_t partition_epoch_at(struct partition *p, const struct partition_view *view, uint64_t offset)
{
	unsigned n;

	look_again(p, view);
	for (n = count_upto(p, view->epoch); n > 1 && p->epochs[n - 1].start > offset; n--)
		;
	return n && offset < view->end ? p->epochs[n - 1].epoch : view->epoch;
}
