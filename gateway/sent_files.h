/*
 * The files whose bytes a client was sent and may not have read yet: they are held, so that nobody
 * writes over pages that still lie in a socket, ours or the client's (see segment_file.h). That
 * the client's kernel has them is not enough: on one machine it has the same pages. One thread.
 */
#pragma once

#include "answer.h"

struct sent_files {
	struct segment_file **list;
	unsigned count, room;
};

/* Those of an answer that is out. Where memory is short they are not held. */
void sent_files_add(struct sent_files *sent, const struct answer *answer);
/* Lets go of files that were retired meanwhile: nobody writes over those, as they were held. */
void sent_files_tidy(struct sent_files *sent);
/* The client has asked for more: it has read what it got before. */
void sent_files_let_go(struct sent_files *sent);
/* Closes fd, a socket: what is still queued is dropped, if it is of files. unfinished: an answer
 * with such is on its way. */
void sent_files_close(struct sent_files *sent, int fd, bool unfinished);
