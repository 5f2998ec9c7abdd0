/* When each packet is meant to leave, in cycles of the time stamp counter after the start. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pace_kind {
	PACE_CAPTURED, /* the captured gaps, divided by value */
	PACE_PACKETS,  /* value packets a second */
	PACE_BITS,     /* value bits a second: of frames, without FCS, preamble and gap */
	PACE_TOPSPEED, /* all at once */
};

/* As late as no machine runs: what would be due later is due then. */
#define PACE_NEVER (UINT64_C(1) << 62)

struct pace_spec {
	enum pace_kind kind;
	double value;
};

/* Where a pass through the capture stands. */
struct pace {
	struct pace_spec spec;
	double cycles_per_unit; /* a nanosecond, a packet, a bit */
	uint64_t units, packets;
};

void pace_begin(struct pace *p, struct pace_spec spec, uint64_t cycles_per_second);

/* When the next packet leaves: gap_ns after the one before it was captured (0: the first), len
 * bytes long. */
uint64_t pace_next(struct pace *p, uint64_t gap_ns, uint32_t len);

/* When the next pass begins: a captured one after its own mean gap. */
uint64_t pace_end(const struct pace *p);
