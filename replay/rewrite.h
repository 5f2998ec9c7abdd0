/*
 * Changes to a frame on its way out: addresses, ports, a stamp. Checksums are updated by what
 * changed (RFC 1624), so a right one stays right, a wrong one wrong, and a UDP checksum of 0 (none)
 * 0.
 *
 * rewrite_shape_of() looks at a frame once; the others take its word and read nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "stamp.h"

/* Where things are, as offsets from the frame's start; 0: not there. */
struct rewrite_shape {
	uint8_t version;  /* of IP: 4, 6, or 0 */
	uint8_t protocol; /* behind IP and its extensions */
	uint16_t ip;
	uint16_t ports;	   /* UDP's or TCP's header; not in a later fragment */
	uint16_t checksum; /* UDP, TCP or ICMPv6: it covers the addresses too */
	uint16_t stamp;	   /* the last STAMP_BYTES of the payload of a whole UDP datagram */
	bool whole;	   /* a UDP datagram in one piece */
	uint32_t fragment; /* the same number for all fragments of a datagram; 0: is none */
};

/* Looks through at most two VLAN tags. Never reads beyond frame[len - 1]. */
void rewrite_shape_of(const uint8_t *frame, uint32_t len, struct rewrite_shape *shape);

struct rewrite_to {
	uint8_t version;     /* of the address below: 4, 6; 0: it stays */
	uint8_t address[16]; /* IPv4: the first four */
	uint16_t port;	     /* 0: it stays */
	bool set_macs;
	uint8_t destination_mac[6], source_mac[6];
};

/* Where the frame goes. False: it is of the other IP version, or of none; its MACs are set all the
 * same. */
bool rewrite_destination(uint8_t *frame, const struct rewrite_shape *shape,
			 const struct rewrite_to *to);

/* Makes the frame come from sender v: 10.0.0.0 + v + 1, or fd77:6972::(v + 1), port 1024 + v mod
 * 60,000. */
void rewrite_source(uint8_t *frame, const struct rewrite_shape *shape, uint32_t v);

/* Writes the stamp; only where shape->stamp is set. */
void rewrite_stamp(uint8_t *frame, const struct rewrite_shape *shape, const struct stamp *stamp);

/* Makes the frame `size` bytes long, in out[0..size): its payload is cut, or goes on from its
 * beginning. False: no whole UDP datagram, or its headers alone are longer. */
bool rewrite_size(const uint8_t *frame, const struct rewrite_shape *shape, uint32_t size,
		  uint8_t *out);

/* A number that is the same for all packets of one sender: spreads senders over queues. */
uint32_t rewrite_sender_hash(const uint8_t *frame, const struct rewrite_shape *shape);
