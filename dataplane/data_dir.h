/* The data directory's lock: one process may own it. Main thread. */
#pragma once

#include <stddef.h>

/* Creates the directory when missing (its parent must exist) and locks <path>/weir.lock. The
 * descriptor, to be kept open, or -errno with the reason in err. */
int data_dir_lock(const char *path, char *err, size_t err_size);
