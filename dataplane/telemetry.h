/* Weir's counters on DPDK's own telemetry socket: /weir/ledger, /weir/partitions, /weir/lanes. */
#pragma once

#include "api/state.h"

/* After EAL is up. The callbacks run on DPDK's telemetry thread and only read the state block. */
int telemetry_register(const struct state *state);
