/* What a plan asks of this machine, and whether the machine has it now. Looks only, changes
 * nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/api/plan.h"

/* MemAvailable of /proc/meminfo in bytes; 0: cannot be told. */
uint64_t plan_memory_available(void);

/* False when the plan's memory cannot come from what this machine has free, and err says so. With
 * hugepages only those count, and EAL says itself what it lacks. */
bool plan_fits_memory(const struct plan *plan, char *err, size_t err_size);

/* A device of the plan that is not there: false, and err says which and why. True also where a
 * device string names nothing that can be looked for. */
bool plan_port_exists(const struct plan_port *port, char *err, size_t err_size);
