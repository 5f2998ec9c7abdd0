/* The log half of the topology: one struct log per log core, and which partition it writes. Main
 * thread. */
#pragma once

#include "topology.h"

int topology_make_logs(struct topology *t, const struct plan *plan, char *err, size_t err_size);

/* Opens what is not open yet: a partition of each lane for each used stream, and those that more
 * lanes left behind in an earlier life (they take no events, but are recovered, kept and retired).
 */
int topology_open_partitions(struct topology *t, const struct plan *plan, char *err,
			     size_t err_size);

void topology_free_logs(struct topology *t);
