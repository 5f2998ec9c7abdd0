/*
 * What is wrong with a config, all of it: every finding has a place, the key, what was found and
 * what would be right. A finding is an error (the file cannot be used) or a warning.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_FINDINGS_MAX = 500, CONFIG_PATH_TEXT = 256 };

/* Both count from 1; line 0: the file as a whole. */
struct config_pos {
	uint32_t line, column;
	bool bad; /* the value that stands there was refused: no further check of it makes sense */
};

struct config_finding {
	struct config_pos pos;
	bool warning;
	char key[CONFIG_PATH_TEXT];
	char found[192];
	char expected[640];
};

struct config_report {
	char file[512];
	struct config_finding *findings; /* in order of their line once sorted */
	unsigned count, errors;
	unsigned left_out; /* findings beyond CONFIG_FINDINGS_MAX */
};

void config_report_init(struct config_report *report, const char *file);
void config_report_free(struct config_report *report);

/* found: as it is to be printed (config_quote() for a value of the file); "": expected is all that
 * is said. */
__attribute__((format(printf, 5, 6))) void config_error(struct config_report *report,
							struct config_pos pos, const char *key,
							const char *found, const char *expected,
							...);
__attribute__((format(printf, 4, 5))) void config_warning(struct config_report *report,
							  struct config_pos pos, const char *key,
							  const char *format, ...);

/* "FILE:LINE:COLUMN: KEY: found FOUND, expected EXPECTED", one a line, in order of the file. */
void config_report_print(struct config_report *report, FILE *out);

/* One finding as such a line, without a newline. */
void config_finding_text(const struct config_report *report, const struct config_finding *finding,
			 char *text, size_t size);

/* Printable form of a text of the file, in double quotes, shortened when long. */
const char *config_quote(const char *text, size_t length, char *out, size_t size);
