/*
 * Reads bytes of a file into the page cache and waits for them, without a copy.
 */
#pragma once

#include <sys/types.h>

/* From *at on, some bytes, at most to end; moves *at behind them. 1; 0: the file's end; -errno. The
 * disk's thread. */
int page_in(int fd, off_t *at, off_t end);
