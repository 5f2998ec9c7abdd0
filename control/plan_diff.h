/*
 * What a reload changes, one line each for people: "streams.syslog.linger: 2ms -> 5ms".
 */
#pragma once

#include <stdio.h>

#include "dataplane/api/plan.h"

/* Writes the lines to out (NULL: only counts) and returns their number. 0: the plans ask for the
 * same, whatever their generations. Only what may change while running is looked at. */
unsigned plan_diff(const struct plan *running, const struct plan *next, FILE *out);
