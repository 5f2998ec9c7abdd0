/* What `weir replay` tells while it runs and at the end. */
#pragma once

#include <stdio.h>

#include "options.h"

/* For replay_trial.progress: one live line on stderr, for a terminal. */
void report_progress(double seconds, uint64_t packets, uint64_t bytes, void *ctx);
void report_progress_end(void);

/* On stderr, before anything is sent: of a pause so long that it looks like a hang. */
void report_pause(const struct options *o, const struct replay *r);

/* Afterwards: what is left out, read in part or not as one might expect. */
void report_notes(const struct replay *r);

void report_text(FILE *out, const struct options *o, const struct replay *r,
		 const struct replay_result *result);

/* False: it could not be written. */
bool report_json(FILE *out, const struct options *o, const struct replay *r,
		 const struct replay_result *result);
