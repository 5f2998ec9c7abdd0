/* The streams of a data directory, for whoever named another. */
#pragma once

#include "api/log_dir.h"

/* "; the streams there are syslog, statsd", cut where it gets long; "; there is no stream" for
 * none. list: as log_dir_partitions() gives it. */
void stream_list_text(const struct log_dir_partition *list, size_t count, char *text, size_t size);
