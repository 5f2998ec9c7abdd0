/* The gateway's report, published at once. */
#pragma once

#include "gateway/report.h"

static inline int report_publish(struct report *report, const struct report_counters *counters,
				 const char *address, const char *data_dir)
{
	int rc = report_publish_begin(report, counters, address, data_dir);

	for (int more = rc == 0; more == 1;)
		rc = more = report_publish_more(report);
	return rc;
}
