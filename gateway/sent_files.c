#include "sent_files.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool received(int fd)
{
	int queued;

	return ioctl(fd, SIOCOUTQ, &queued) == 0 && queued == 0;
}

static void let_go(struct sent_files *sent)
{
	for (unsigned i = 0; i < sent->count; i++)
		segment_file_put(sent->list[i]);
	sent->count = 0;
}

void sent_files_tidy(struct sent_files *sent, int fd)
{
	if (sent->count && received(fd))
		let_go(sent);
}

static bool has(const struct sent_files *sent, const struct segment_file *file)
{
	for (unsigned i = 0; i < sent->count; i++)
		if (sent->list[i] == file)
			return true;
	return false;
}

static void add(struct sent_files *sent, struct segment_file *file)
{
	if (has(sent, file))
		return;
	/* So many in one answer, or a client that asks on without reading: the oldest goes. */
	if (sent->count == LIMIT_HELD) {
		segment_file_put(sent->list[0]);
		memmove(sent->list, sent->list + 1, (LIMIT_HELD - 1) * sizeof(*sent->list));
		sent->count--;
	}
	segment_file_hold(file);
	sent->list[sent->count++] = file;
}

void sent_files_add(struct sent_files *sent, int fd, const struct answer *answer)
{
	sent_files_tidy(sent, fd);
	for (unsigned i = 0; i < answer->extents_count; i++)
		add(sent, answer->extents[i].file);
}

void sent_files_close(struct sent_files *sent, int fd, bool unfinished)
{
	const struct linger reset = {.l_onoff = 1};

	if ((sent->count || unfinished) && !received(fd))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	let_go(sent);
}
