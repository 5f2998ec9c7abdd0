/* What `weir loadtest` tells: a line for each trial, a table, JSON, a drawing. */
#pragma once

#include <stdio.h>

#include "loadtest.h"

/* For loadtest.progress: a line on stderr. */
void loadtest_report_trial(const struct loadtest_size *size, const struct loadtest_trial *trial);

void loadtest_report_text(FILE *out, const struct loadtest *t);

/* False: it could not be written. */
bool loadtest_report_json(FILE *out, const struct loadtest *t);

/* "64 bytes", "captured" */
const char *loadtest_size_name(const struct loadtest_size *size, char text[32]);

/* What keeps the rate from being higher, and where: of the lowest rate that failed, or the
 * highest of all if none did. */
enum verdict_stage loadtest_bound(const struct loadtest_size *size, const char **why);

/* Before hours of trials: gnuplot is there, and the file can be written. 0, or -errno with the
 * reason, or what is to be installed. */
int loadtest_plot_check(const char *path, char *err, size_t err_size);

/* Draws to the file, as SVG. 0, or -errno with the reason. */
int loadtest_plot(const struct loadtest *t, const char *path, char *err, size_t err_size);
