/* The streams of the plan: slots, filters. Private to plan_build.c. */
#pragma once

#include "config.h"

/*
 * Gives every stream of the config a slot of the plan, whose streams_max is set, and compiles the
 * filters. Names that previous knows keep their slots. *key is set on failure.
 */
int plan_streams_build(const struct config *config, const struct plan *previous, struct plan *plan,
		       char *key, size_t key_size, char *err, size_t err_size);
