/* The plan for people and for programs: which core does what and why, and what memory it takes. */
#pragma once

#include <stdio.h>

#include "config.h"
#include "place.h"

struct plan_print {
	const char *file;
	const struct config *config;
	const struct plan *plan;
	const struct placement *placement;
	const struct config_report *report; /* its warnings are shown too */
};

void plan_print_text(const struct plan_print *p, FILE *out);
/* One object; docs/json.md has its names. 0, or -ENOMEM. */
int plan_print_json(const struct plan_print *p, FILE *out);
