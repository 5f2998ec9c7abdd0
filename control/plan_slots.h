/*
 * The first plan of a dataplane that will find an old state block: the block's counters belong to
 * slots, so a name that has one there gets the same one again.
 */
#pragma once

#include "dataplane/api/plan.h"
#include "dataplane/api/state.h"

/* Moves the plan's streams to the slots that the block has for their names; the block's other names
 * stay known. 0, or -ENOSPC when they do not all fit: the plan is then as it was. */
int plan_slots_follow(struct plan *plan, const struct state *state);
