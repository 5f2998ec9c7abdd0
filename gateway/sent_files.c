#include "sent_files.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool received(int fd)
{
	int queued;

	return ioctl(fd, SIOCOUTQ, &queued) == 0 && queued == 0;
}

void sent_files_let_go(struct sent_files *sent)
{
	for (unsigned i = 0; i < sent->count; i++)
		segment_file_put(sent->list[i]);
	sent->count = 0;
}

void sent_files_tidy(struct sent_files *sent)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < sent->count; i++) {
		if (segment_file_current(sent->list[i]))
			sent->list[kept++] = sent->list[i];
		else
			segment_file_put(sent->list[i]);
	}
	sent->count = kept;
}

static bool has(const struct sent_files *sent, const struct segment_file *file)
{
	for (unsigned i = 0; i < sent->count; i++)
		if (sent->list[i] == file)
			return true;
	return false;
}

static bool room_for(struct sent_files *sent, unsigned more)
{
	if (sent->room - sent->count >= more)
		return true;
	unsigned room = sent->count + more;
	struct segment_file **list = realloc(sent->list, room * sizeof(struct segment_file *));
	if (!list)
		return false;
	sent->list = list;
	sent->room = room;
	return true;
}

void sent_files_add(struct sent_files *sent, const struct answer *answer)
{
	if (!room_for(sent, answer->extents_count))
		return;
	for (unsigned i = 0; i < answer->extents_count; i++) {
		struct segment_file *file = answer->extents[i].file;

		if (has(sent, file))
			continue;
		segment_file_hold(file);
		sent->list[sent->count++] = file;
	}
}

void sent_files_close(struct sent_files *sent, int fd, bool unfinished)
{
	const struct linger reset = {.l_onoff = 1};

	if ((sent->count || unfinished) && !received(fd))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	sent_files_let_go(sent);
	free(sent->list);
}
