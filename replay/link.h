/*
 * What a capture's link type makes of a packet, and how it becomes an Ethernet frame.
 *
 * Formats: https://www.tcpdump.org/linktypes.html
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LINK_ETHERNET_HEADER = 14 };

/* MAC addresses of frames that had none: locally administered. */
#define LINK_MADE_DESTINATION                                                                      \
	{                                                                                          \
		0x02, 0, 0, 0, 0, 0x01                                                             \
	}
#define LINK_MADE_SOURCE                                                                           \
	{                                                                                          \
		0x02, 0, 0, 0, 0, 0x02                                                             \
	}

/* `skip` bytes of the captured packet give way to `header` bytes of Ethernet: 0, or 14. */
struct link_cut {
	uint32_t skip, header;
	uint8_t bytes[LINK_ETHERNET_HEADER];
};

/* A link type (DLT_*, as libpcap has it) that link_cut_of() knows. */
bool link_known(int type);

/* Reads packet[0..len). False: too short for its link type, or of no protocol that Ethernet
 * carries. */
bool link_cut_of(int type, const uint8_t *packet, uint32_t len, struct link_cut *cut);
