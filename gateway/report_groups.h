/* The groups' part of the report. The gateway's thread. */
#pragma once

#include "catalog.h"
#include "groups/groups.h"
#include "report.h"

/* All groups, members and commits, between report_begin() and report_publish(). */
void report_groups(struct report *report, const struct groups *groups,
		   const struct catalog *catalog);
