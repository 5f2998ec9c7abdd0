/*
 * From a config file all the way to a plan that the dataplane will take. What `weir check` and
 * `weir plan` have in common.
 */
#pragma once

#include "config.h"
#include "place.h"

/*
 * Reads and checks file, places it on this machine, builds the first plan of it and has
 * weir-dataplane try its filters. NULL when it cannot be used: the report (initialised by the
 * caller) has errors. plan and placement may be NULL.
 */
struct config *plan_file_check(const char *file, struct config_report *report, struct plan *plan,
			       struct placement *placement);
