/*
 * What became of the packets of one trial, by the sender's counts and the appliance's ledger before
 * and after it: how many were lost, where, and why. A pure function of these.
 *
 * Lost is what was sent and is neither stored nor left out because the config or its kind says so
 * (filtered, unrouted, not UDP ...).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "appliance.h"

/* The way of a packet. */
enum verdict_stage {
	STAGE_NONE,   /* nothing was lost, and the rate asked for was reached */
	STAGE_SENDER, /* sent no faster */
	STAGE_NIC,    /* left the sender, and no lane got it: cable, kernel, NIC, socket */
	STAGE_LANE,   /* the lane's cores had no time left */
	STAGE_DISK,   /* the lane waited for the disk, or there was no room on it */
	STAGES,
};

/* "sender" ... */
const char *verdict_stage_name(enum verdict_stage stage);

/* The sender's side of a trial. */
struct verdict_sent {
	double asked;		/* packets a second; 0: as fast as it goes */
	uint64_t taken;		/* packets that the device took */
	uint64_t failed;	/* of these, not sent by the driver's or the kernel's count */
	double seconds;		/* from the first to the last */
	uint64_t offered_again; /* packets, each time that the device had no room */
	uint64_t starved;	/* looks for a packet that was not read from disk yet */
	bool shared_memory;	/* the device has room when a lane has read (memif) */
};

struct verdict {
	uint64_t sent, received, stored;       /* packets */
	uint64_t extra;			       /* received beyond what was sent: others send too */
	double rate;			       /* sent a second */
	bool reached;			       /* near enough to what was asked for */
	uint64_t on_the_way;		       /* sent and not received; of these: */
	uint64_t missed, no_mbuf, port_errors; /* counted by the port */
	uint64_t shed_no_slab, shed_storage, truncated, lost_in_crash;
	uint64_t lost;		  /* packets */
	double loss;		  /* share of packets, or of their events if that is more */
	double rx_busy, log_busy; /* share of its time, of the lane's core that was busiest */
	double write_ms;	  /* mean of a write or sync */
	double writes_in_flight;  /* mean, of all log cores */
	bool passed;
	enum verdict_stage stage; /* that lost most, or kept the rate down */
	char why[240];		  /* for people */
};

/* loss_max: the share that may be lost. */
void verdict_of(const struct verdict_sent *sent, const struct appliance_look *before,
		const struct appliance_look *after, double loss_max, struct verdict *v);
