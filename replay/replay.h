/*
 * Captured traffic as load: one device, one set of captures, any number of trials one after the
 * other. Main thread, once a process (EAL).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "device.h"
#include "feed.h"
#include "histogram.h"
#include "pace.h"
#include "send.h"

struct replay_options {
	const char *const *paths;
	unsigned paths_count;
	const char *device;
	unsigned queues, burst;
	const uint16_t *cpus;  /* one for each queue; NULL: any */
	uint64_t memory_bytes; /* that captures may take; 0: half of what is available */
	uint32_t spread;       /* senders; 0: as captured */
	bool stamp;
	uint32_t frame_longest;	 /* the most that replay_load() asks for; 0: none */
	struct rewrite_to to;	 /* source_mac is the device's */
	bool resolve_mac;	 /* ask by ARP who has to.address */
	const atomic_bool *stop; /* ends replay_open(), or a trial */
};

struct replay_trial {
	struct pace_spec pace;
	uint64_t loops;	  /* 0: without end */
	uint64_t for_ns;  /* 0: until all is sent */
	uint64_t packets; /* at most; 0: all */
	/* Once a second while it runs; may be NULL. */
	void (*progress)(double seconds, uint64_t packets, uint64_t bytes, void *ctx);
	void *ctx;
};

struct replay_result {
	uint16_t run;	       /* of its stamps */
	enum send_end end;     /* the worst of all queues */
	uint64_t taken, bytes; /* what the driver took */
	uint64_t sent;	       /* of these, without those that it counted as errors */
	double seconds;	       /* from the first packet to the last */
	uint64_t offered_again, starved, given_up, stamped;
	struct histogram gap_error, late; /* cycles; empty for PACE_TOPSPEED */
	struct device_counts device;	  /* during the trial */
};

struct replay;

/* Reads the captures, starts EAL, opens the device. 0, or -errno with the reason. */
int replay_open(struct replay **out, const struct replay_options *options, char *err,
		size_t err_size);
void replay_close(struct replay *r);

/* Reads the captures anew, each frame made frame_size bytes long; 0: as captured. Between trials.
 * After a failure only replay_close() may follow. 0, or -errno with the reason. */
int replay_load(struct replay *r, uint32_t frame_size, char *err, size_t err_size);

const struct feed *replay_feed(const struct replay *r);
const struct device *replay_device(const struct replay *r);
bool replay_hugepages(const struct replay *r);
uint64_t replay_ns(uint64_t cycles);

/* Sends. 0, or -errno with the reason; what was sent is in *result in any case. */
int replay_run(struct replay *r, const struct replay_trial *trial, struct replay_result *result,
	       char *err, size_t err_size);
