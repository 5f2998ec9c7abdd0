/* The list of metrics, and how a sample is written: for metrics*.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "status.h"

enum metric {
#define METRIC(id, name, type, labels, help) METRIC_##id,
#include "metrics.def"
#undef METRIC
	METRICS
};

struct metric_info {
	const char *name, *type, *labels, *help;
};

extern const struct metric_info metric_list[METRICS];

/* The HELP and TYPE lines. */
void metric_head(FILE *out, enum metric m);
/* A label's value with what the format wants escaped. */
const char *metric_label(const char *value, char *text, size_t size);
/* A metric without labels, head included. */
void metric_single(FILE *out, enum metric m, uint64_t value);
void metric_single_seconds(FILE *out, enum metric m, uint64_t ns);

/* metrics_gateway.c; status->gateway is there. */
void metrics_print_gateway(FILE *out, const struct status *status);
