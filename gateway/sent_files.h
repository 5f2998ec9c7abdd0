/*
 * The files whose bytes a client was sent and may not have received yet: they are held, so that
 * nobody writes over pages that still lie in the socket (see segment_file.h). One thread.
 */
#pragma once

#include "answer.h"
#include "limits.h"

struct sent_files {
	struct segment_file *list[LIMIT_HELD];
	unsigned count;
};

/* Those of an answer that is out. */
void sent_files_add(struct sent_files *sent, int fd, const struct answer *answer);
/* Lets go of them if the client has everything. */
void sent_files_tidy(struct sent_files *sent, int fd);
/* Closes fd, a socket: what is still queued is dropped, if it is of files. unfinished: an answer
 * with such is on its way. */
void sent_files_close(struct sent_files *sent, int fd, bool unfinished);
