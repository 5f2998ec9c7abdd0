/*
 * Books what a dataplane that died had in flight. Its counters stand in the state block; what it
 * really got to disk is what recovery found. Main thread, after the partitions are open and before
 * the cores start.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/plan.h"
#include "api/state.h"

/* True when the block's last dataplane did not stop cleanly. To be asked before run_state changes.
 */
bool crash_happened(const struct state *state, bool fresh);

/* Moves packets and events from `stored` to `lost_in_crash` until both ledgers are true again.
 * Returns the packets moved. Doing it again moves nothing. */
uint64_t crash_book(struct state *state);
