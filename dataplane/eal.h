/* EAL from the plan. Main thread, once. */
#pragma once

#include <stddef.h>

#include "api/plan.h"

/* Starts EAL; lcore 0 is the main thread, lcore i+1 the plan's core i. 0 or -errno with the reason.
 */
int eal_start(const struct plan *plan, char *err, size_t err_size);

/* A small EAL without ports, hugepages or files, for trying filters. */
int eal_start_small(char *err, size_t err_size);

void eal_stop(void);
