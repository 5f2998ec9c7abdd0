/*
 * /metrics: Prometheus text, from one list (metrics.def) that makes docs/metrics.md too.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "status.h"

/* What control counts itself. */
struct metrics_control {
	uint64_t start_ns; /* since 1970 */
	uint64_t reloads, reloads_failed;
	uint64_t dataplane_starts, dataplane_deaths;
	uint64_t gateway_starts, gateway_deaths;
};

/* status NULL: there is no dataplane to tell of. */
void metrics_print(FILE *out, const struct status *status, const struct metrics_control *control);

/* docs/metrics.md. */
void metrics_markdown(FILE *out);
