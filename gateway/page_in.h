/*
 * Reads bytes of a file into the page cache and waits for them, without a copy.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* From *at on, some bytes, at most to end; moves *at behind them. False: the file's end, or an
 * error, which is for whoever sends the bytes to find. The disk's thread. */
bool page_in(int fd, off_t *at, off_t end);
