/*
 * What the gateway tells about itself: one file in run_dir, which `weir status`, `weir groups` and
 * /metrics read. Written whole under another name and then renamed, about once a second; its header
 * is marked as stopped at a clean end. In the byte order of the machine.
 *
 *   struct report_header | groups × struct report_group | members × struct report_member
 *                        | offsets × struct report_offset
 *
 * A member and an offset name their group by its index. Names end with a zero byte; longer ones
 * than fit are cut. report.c holds the reader, report_write.c the writer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REPORT_NAME "gateway.report"
/* Locked by the gateway (fcntl) while it lives: one for each run_dir. */
#define REPORT_LOCK_NAME "gateway.lock"

#define REPORT_MAGIC UINT64_C(0x5452504752494557) /* "WEIRGRPT" */

enum {
	REPORT_VERSION = 1,
	REPORT_KEYS = 96,      /* API keys counted one by one; larger ones with the last */
	REPORT_LATENCIES = 24, /* row i: below 2^i us; the last: all the rest */
	REPORT_NAME_MAX = 256,
	REPORT_HOST_MAX = 64,
	REPORT_STATE_MAX = 32,
	REPORT_PATH_MAX = 1024,
	REPORT_BYTES_MAX = 64 << 20, /* of the whole file; rows beyond are left out */
};

/* Since the gateway's start, but for the two gauges. One writer: the gateway's thread. */
struct report_counters {
	uint64_t connections;	  /* gauge */
	uint64_t waiting;	  /* gauge: requests that wait for records or members */
	uint64_t accepted;	  /* connections in all */
	uint64_t refused;	  /* closed at once: LIMIT_CONNECTIONS, or out of memory */
	uint64_t malformed;	  /* closed for a request that cannot be answered */
	uint64_t overdue;	  /* closed for being idle or slow longer than is allowed */
	uint64_t sent_bytes;	  /* to clients, all in all */
	uint64_t sent_file_bytes; /* of these: record batches, straight from segments */
	uint64_t requests[REPORT_KEYS];
	/* Fetches that found records at once, from the whole request in memory to the answer ready
	 * to be sent. */
	uint64_t fetch_latency[REPORT_LATENCIES];
	uint64_t fetch_latency_us; /* their sum */
};

struct report_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes, group_bytes, member_bytes, offset_bytes; /* of one each */
	uint32_t groups, members, offsets;				/* how many */
	uint32_t left_out; /* rows that did not fit into REPORT_BYTES_MAX */
	uint32_t pid;
	uint32_t stopped; /* 1: it ended cleanly; the rest is as it was then */
	uint32_t reserved;
	uint64_t started_ns, written_ns; /* since 1970 */
	char address[REPORT_HOST_MAX];	 /* where it listens */
	char data_dir[REPORT_PATH_MAX];
	struct report_counters counters;
};

struct report_group {
	char id[REPORT_NAME_MAX];
	char state[REPORT_STATE_MAX]; /* as Kafka calls it: "Stable", "Empty", ... */
	char protocol_type[REPORT_NAME_MAX], protocol[REPORT_NAME_MAX]; /* "": none chosen */
	int32_t generation;
	uint32_t members;
	uint32_t
		altered; /* the reader's: id is not the whole name, so another one may read alike */
	uint32_t reserved;
};

struct report_member {
	uint32_t group;
	uint32_t partitions; /* assigned to it */
	char id[REPORT_NAME_MAX];
	char instance[REPORT_NAME_MAX]; /* group.instance.id; "": not static */
	char client[REPORT_NAME_MAX];
	char host[REPORT_HOST_MAX];
};

struct report_offset {
	uint32_t group;
	int32_t partition;
	char topic[REPORT_NAME_MAX];
	uint64_t committed;
	int64_t committed_ms; /* when; since 1970 */
	/* The partition as the gateway sees it. */
	uint64_t log_start;
	int64_t end; /* visible end; -1: there is no such partition, or not now */
	/* Who has it: the member's index; -1: nobody, or unknown. */
	int32_t member;
	uint32_t altered; /* as in a group: topic */
};

_Static_assert(sizeof(struct report_counters) == 8 * (8 + REPORT_KEYS + REPORT_LATENCIES + 1),
	       "no holes");
_Static_assert(sizeof(struct report_header) == 8 + 4 * 12 + 16 + REPORT_HOST_MAX + REPORT_PATH_MAX +
						       sizeof(struct report_counters),
	       "no holes");
_Static_assert(sizeof(struct report_group) == 3 * REPORT_NAME_MAX + REPORT_STATE_MAX + 16,
	       "no holes");
_Static_assert(sizeof(struct report_member) == 8 + 3 * REPORT_NAME_MAX + REPORT_HOST_MAX,
	       "no holes");
_Static_assert(sizeof(struct report_offset) == 8 + REPORT_NAME_MAX + 4 * 8 + 8, "no holes");

/*
 * The writer; one thread.
 *
 *   report_begin(r);
 *   uint32_t g = report_add_group(r, &group);
 *   int32_t m = report_add_member(r, &(struct report_member){.group = g, ...});
 *   report_add_offset(r, &(struct report_offset){.group = g, .member = m, ...});
 *   report_publish_begin(r, &counters, address, data_dir);
 *   while (report_publish_more(r) == 1)
 *           ... other things, but no rows
 *
 * Rows are copied. Where memory ends, or REPORT_BYTES_MAX, rows are left out and counted: their
 * index is UINT32_MAX or -1, and rows that name such a group are left out too.
 */
struct report;

/* Takes run_dir for this process: -EBUSY: another gateway has it. -ENAMETOOLONG; what making and
 * locking a file there give. */
int report_create(struct report **out, const char *run_dir);
/* Marks the file as stopped, with what was published last, and lets run_dir go. NULL is nothing. */
void report_destroy(struct report *report);

/* Forgets the rows of before. */
void report_begin(struct report *report);
/* Its index, for members and offsets; .members is counted by report_add_member(). */
uint32_t report_add_group(struct report *report, const struct report_group *group);
int32_t report_add_member(struct report *report, const struct report_member *member);
void report_add_offset(struct report *report, const struct report_offset *offset);
/* A member's partitions, when they have been counted. */
void report_count_partitions(struct report *report, int32_t member, uint32_t partitions);
/* How far the rows go, and back to there. */
struct report_mark {
	uint32_t groups, members, offsets, left_out;
};
struct report_mark report_mark(const struct report *report);
void report_cut(struct report *report, const struct report_mark *mark);
/* One more row has no place, for a reason of the caller's. */
void report_leave_out(struct report *report);
/* Takes the place of the file of before, in pieces. Of the second, 1: there is more to write; 0: it
 * is done. -errno: that one stays. */
int report_publish_begin(struct report *report, const struct report_counters *counters,
			 const char *address, const char *data_dir);
int report_publish_more(struct report *report);

/* A name of length len, which need not end with a zero byte, into a row's field. */
void report_name(char *field, size_t field_size, const void *name, size_t len);

/* "Fetch"; NULL: not one that has a name here. */
const char *report_api_name(unsigned key);

/* Counts a Fetch that took this long. */
void report_count_fetch(struct report_counters *counters, uint64_t us);

/*
 * The reader: the file of one moment, checked: every size and index in it can be relied on, names
 * are UTF-8 without control characters.
 */
struct report_view {
	struct report_header header;
	const struct report_group *groups;
	const struct report_member *members;
	const struct report_offset *offsets;
	bool alive; /* its writer lives */
};

/* 0: the caller gives *out back with report_free(). -ENOENT: no gateway ran there; -EPROTO: of
 * another version; -EBADMSG: damaged; -ENOMEM; what opening and reading give. */
int report_read(const char *run_dir, struct report_view **out);
void report_free(struct report_view *view);

/* The process that has run_dir now; 0: none. Neither this nor report_read() is for the process that
 * wrote: closing any descriptor of the lock lets it go. */
pid_t report_owner(const char *run_dir);
