/* What the guard lets through a lane: streams, by case. */
#pragma once

#include "dataplane/api/plan.h"
#include "dataplane/rx_route.h"

struct guard_case {
	const char *name;
	void (*add_streams)(struct plan *plan);
	/* What a route gets that only EAL could make from the plan; NULL: nothing. */
	int (*finish_route)(struct rx_route *route);
};

/* NULL: there is none of that name. */
const struct guard_case *guard_case_find(const char *name);
