/*
 * Why there is no gateway, as its supervisor tells: one line in run_dir, "NEXT_START_NS REASON",
 * for `weir status` and `weir groups`, which read what processes leave behind. The gateway's own
 * report cannot tell it: one that never came to listen has written none. Written by control, read
 * by all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define GATEWAY_FAILURE_NAME "gateway.failure"

struct gateway_failure {
	uint64_t next_start_ns; /* since 1970 */
	char reason[512];	/* without control characters */
};

void gateway_failure_write(const char *run_dir, const char *reason, uint64_t next_start_ns);
void gateway_failure_clear(const char *run_dir);
/* False: none is told. Only a control that lives starts it again: ask for it first. */
bool gateway_failure_read(const char *run_dir, struct gateway_failure *out);

/* "REASON; tried again in 1.2 s" */
void gateway_failure_print(FILE *out, const struct gateway_failure *failure);
