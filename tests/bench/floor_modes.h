/*
 * What lane_floor does in each of its modes. One port, one queue, one thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum floor_mode { MODE_BARE, MODE_FLOOR, MODE_CHECKED, MODE_SEAL, MODE_SEALED, MODE_LANE, MODES };

/* What a mode did so far. Lies in a shared file when the caller wants to look while it runs; one
 * writer, changed every few hundred polls. */
struct floor_counts {
	uint64_t packets; /* MODE_SEAL, MODE_SEALED: slabs */
	uint64_t bytes;	  /* of payloads; of those slabs */
	uint64_t ns;	  /* in which it was done */
	uint64_t cycles;  /* the same by the TSC */
	uint64_t pad[4];
};
_Static_assert(sizeof(struct floor_counts) == 64, "one line a mode: scripts/bench reads it");

struct floor_options {
	const char *device; /* "net_pcap0,rx_pcap=x.pcap,infinite_rx=1" */
	const char *file;   /* MODE_SEAL: where slabs go, NULL: nowhere */
	uint64_t file_bytes;
	unsigned slabs, slab_bytes, batch_bytes, burst, mbufs;
	unsigned payload_at; /* bytes of headers in front of each payload */
};

/* Port, slabs, file, lane. Ends the process with a line on stderr when something is missing. */
void floor_init(const struct floor_options *options);

/* Runs one mode for about ms milliseconds. */
void floor_run(enum floor_mode mode, unsigned ms, struct floor_counts *counts);
