/*
 * The Weir under load, by its own word: GET /api/status (docs/json.md). One thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/api/log_dir.h"

enum {
	APPLIANCE_TERMS_MAX = 32,
	APPLIANCE_LANES_MAX = 64,
	APPLIANCE_COMMITS = 16, /* entry i: below 2^i * 64 us; the last: all above */
};

struct appliance_term {
	char name[40]; /* of the ledger: "stored", "not_for_us" ... */
	uint64_t packets;
};

/* Seconds in rounds that did work, of its polling core and its log core. */
struct appliance_lane {
	double rx_busy, log_busy;
};

struct appliance_partition {
	char stream[LOG_STREAM_NAME_MAX];
	uint32_t partition;
	uint64_t log_end, visible_end;
	bool failed; /* no room: what is not visible waits for it */
};

/* What it said at one time; sums over all ports, lanes, cores. */
struct appliance_look {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	bool runs, balanced;
	uint64_t starts, pid; /* of dataplanes: how many, and which it is now */
	uint64_t received, stored, shed_no_slab, shed_storage, lost_in_crash, truncated;
	uint64_t events_decoded, events_shed;
	struct appliance_term terms[APPLIANCE_TERMS_MAX];
	unsigned terms_count;
	uint64_t missed, no_mbuf, port_errors;
	bool missed_unknown; /* a port's driver cannot tell */
	struct appliance_lane lanes[APPLIANCE_LANES_MAX];
	unsigned lanes_count, cores_count;
	uint64_t slabs_queued;
	uint64_t writes, write_ns, syncs, sync_ns, commits[APPLIANCE_COMMITS];
	struct appliance_partition *partitions;
	size_t partitions_count;
};

struct appliance;

/* url: http://HOST:PORT, where control listens. 0, or -errno with the reason. */
int appliance_open(struct appliance **out, const char *url, char *err, size_t err_size);
void appliance_close(struct appliance *a);

/* Asks. What an earlier look holds is freed. 0, or -errno with the reason. */
int appliance_look(struct appliance *a, struct appliance_look *look, char *err, size_t err_size);
void appliance_look_free(struct appliance_look *look);

/* Both were said of one ledger, the first one first. False: it began anew, and what lies between
 * them cannot be told. */
bool appliance_same_ledger(const struct appliance_look *before, const struct appliance_look *after);

/* Packets that came, were they received or counted as lost by a port. */
uint64_t appliance_arrived(const struct appliance_look *look);

/* The same, as soon as nothing has come for a while and all that came is visible; for a longer
 * while as long as fewer than expected arrived. One that answered before may be silent for 15 s:
 * weir-control can have been started again. -ETIMEDOUT: it does not come to rest; -EINTR: *stop. */
int appliance_rest(struct appliance *a, uint64_t expected, struct appliance_look *look,
		   const atomic_bool *stop, char *err, size_t err_size);
