/* A disk_file is a file descriptor plus one, so that 0 is none. */
#pragma once

#include <stdbool.h>

#include "disk.h"

static inline int disk_file_fd(disk_file file)
{
	return (int)file - 1;
}

/* flags as for open(2). 0 or -errno. */
int disk_file_open(const char *path, int flags, bool direct, disk_file *file);
