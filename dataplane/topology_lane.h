/* One lane's memory: made before the cores start, on the NUMA node of its polling core. Main
 * thread. */
#pragma once

#include "topology.h"

int topology_make_lane(struct topology *t, const struct plan *plan, uint16_t index, char *err,
		       size_t err_size);
void topology_free_lane(struct topology *t, uint16_t index);
