/*
 * The load test (RFC 2544): the highest rate at which what is sent is stored, latency at that rate
 * and at half of it, the longest burst; for the frames as captured, and for each frame size.
 *
 * All trials are one process: the device stays open, so that a link or a switch need not come up
 * anew for each.
 */
#pragma once

#include "loadtest_options.h"
#include "stamp_runs.h"
#include "verdict.h"

enum loadtest_purpose {
	TRIAL_PROBE,	/* a few packets: do they arrive at all? */
	TRIAL_TOPSPEED, /* as fast as the sender goes */
	TRIAL_SEARCH,
	TRIAL_LATENCY,
	TRIAL_BURST,
	TRIAL_PURPOSES,
};

/* "probe" ... */
const char *loadtest_purpose_name(enum loadtest_purpose purpose);

/* What the stamps of one trial tell. */
struct loadtest_stamps {
	bool known;
	bool exact;			   /* arrival by rx_ns; else by the record's millisecond */
	uint64_t stamped, stored, missing; /* missing: lost, or left out by the config */
	uint64_t removed;		   /* records that retention took before they were read */
	uint64_t reordered, duplicates, early;
	struct histogram latency; /* nanoseconds */
};

struct loadtest_trial {
	enum loadtest_purpose purpose;
	double asked;	  /* packets a second; 0: as fast as it goes */
	uint64_t packets; /* asked for; 0: until the time is up */
	double seconds;
	uint64_t bytes; /* that the device took */
	struct verdict verdict;
	struct appliance_term terms[APPLIANCE_TERMS_MAX]; /* of the ledger, during the trial */
	unsigned terms_count;
	uint64_t commits[APPLIANCE_COMMITS]; /* batches, from first event to durable */
};

/* Latency at a share of the throughput. */
struct loadtest_latency {
	double share;
	unsigned trial; /* its index */
	struct loadtest_stamps stamps;
};

/* Of one frame size. */
struct loadtest_size {
	uint32_t frame_size; /* with FCS; 0: as captured */
	struct feed_counts frames;
	struct loadtest_trial *trials;
	unsigned trials_count;
	int passed,
		failed; /* trials: the highest rate that passed, the lowest that failed; -1: none */
	struct loadtest_latency latency[2];
	unsigned latency_count;
	uint64_t burst; /* longest without loss, packets */
	bool burst_all; /* none that failed was found: the sender goes no faster */
	bool burst_known;
};

struct loadtest {
	const struct loadtest_options *options;
	const atomic_bool *stop;
	/* After each trial; may be NULL. */
	void (*progress)(const struct loadtest_size *size, const struct loadtest_trial *trial);
	struct replay *replay;
	struct appliance *appliance;
	struct appliance_look before, after;
	struct loadtest_size sizes[LOADTEST_SIZES_MAX + 1];
	unsigned sizes_count;
	bool complete;
};

/* Runs all of it. 0, or -errno with the reason (-EINTR: stopped); what was found until then is
 * there in any case. */
int loadtest_run(struct loadtest *t, char *err, size_t err_size);
void loadtest_free(struct loadtest *t);

/* The command, with its own argv; returns an exit status. */
int loadtest_main(int argc, char **argv);

/* A percentile of the commits, upper end of its bucket in nanoseconds; 0: unknown, or above all. */
uint64_t loadtest_commit_ns(const struct loadtest_trial *trial, double share);

/* Highest rate that passed, packets a second; 0: none did. */
double loadtest_rate(const struct loadtest_size *size);
