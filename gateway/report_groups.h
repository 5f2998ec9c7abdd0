/*
 * The groups' part of the report, told a bit at a time: groups may hold millions of partitions, and
 * nobody is served meanwhile. The gateway's thread.
 */
#pragma once

#include "catalog.h"
#include "groups/groups.h"
#include "report.h"

/* How far it is told. */
struct report_groups {
	unsigned slot; /* of the group at hand; those before are told */
	bool begun;    /* it is being told, and was then: */
	uint64_t life, members_moves, offsets_moves;
	enum group_state state;
	unsigned tries;
	/* Where its rows begin, and what is told of it next. */
	struct report_mark mark;
	uint32_t index;
	const struct group_member *member; /* NULL: all are told */
	int32_t member_row;
	uint32_t member_partitions;
	struct group_assigned assigned;
	size_t offset;
	uint32_t telling; /* of all reports and tries this one's number */
};

/* Anew, after report_begin(). */
void report_groups_begin(struct report_groups *at);
/* Goes on with groups, members and commits until that time, by now_us(), or the end: true. */
bool report_groups_go_on(struct report_groups *at, struct report *report,
			 const struct groups *groups, const struct catalog *catalog,
			 uint64_t until_us);
