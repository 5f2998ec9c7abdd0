/*
 * Retention by size and age: once a second, for each partition with a limit, finds the oldest
 * segments that may go and asks the dataplane to let them go. Whole segments only, oldest first,
 * never the active one. As in Kafka, a size limit is what stays at least: a segment goes only if
 * what is left is not below it; and a segment's age is that of its newest record.
 */
#pragma once

#include "dataplane/api/plan.h"
#include "dataplane/api/state.h"
#include "dataplane_link.h"

struct retention_limits {
	uint64_t bytes;	 /* 0: none */
	uint64_t age_ns; /* 0: none */
};

/* One look at a partition's directory. */
struct retention_verdict {
	uint64_t log_start; /* the first offset to keep */
	uint64_t segments;  /* how many would go */
	uint64_t bytes;
	uint64_t next_look_ns; /* realtime at which age can be due next; UINT64_MAX: not before a
				  roll */
};

/*
 * What may go from a partition's directory (its *.log files, the base offset being the name).
 * Everything from active_base on stays; active_bytes is its size that counts, log_bytes what the
 * log holds in all (0: unknown). 0 or -errno.
 */
int retention_judge(const char *dir_path, uint64_t active_base, uint64_t active_bytes,
		    uint64_t log_bytes, const struct retention_limits *limits, uint64_t now_ns,
		    struct retention_verdict *verdict);

struct retention;

int retention_create(struct retention **out, struct dataplane_link *link, const char *run_dir);
/* Before the link goes. */
void retention_destroy(struct retention *retention);

/* One round by the limits of the running plan. */
void retention_round(struct retention *retention, const struct plan *plan);
