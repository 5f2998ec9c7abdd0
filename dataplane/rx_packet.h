/*
 * One packet of a burst as the steps of a lane see it: where things are in the mbuf, nothing
 * copied.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "api/ledger.h"

enum {
	RX_BURST_MAX = 256,
	RX_NO_VLAN = 0xffff,
	RX_NO_STREAM = 0xffff,
	RX_OK = LEDGER_ROWS, /* rx_packet.row while no row of the ledger is decided */
};

struct rx_packet {
	struct rte_mbuf *mbuf;
	const uint8_t *ip;    /* IP header, in the first segment */
	uint32_t payload_off; /* from the start of the mbuf's data */
	uint32_t payload_len; /* as the UDP header says; lies within the packet */
	uint16_t ip_off;      /* of the IP header from the start of the mbuf's data */
	uint16_t src_port;    /* host order */
	uint16_t dst_port;    /* host order */
	uint16_t vlan;	      /* id, or RX_NO_VLAN */
	union {
		struct {
			uint16_t stream; /* index into rx_route.streams, or RX_NO_STREAM */
			uint8_t is_ipv6;
			uint8_t one_piece; /* all data is in the first segment */
			uint8_t row;	   /* enum ledger, or RX_OK */
		};
		uint64_t kind; /* all of them at once */
	};
	union {					     /* rx_sender.h */
		uint8_t key[24];		     /* IPv4: framed */
		struct {			     /* IPv6 */
			struct rx_sender_v6 *sender; /* entry of the cache that may hold it */
			uint64_t sender_tag;	     /* what that entry must say */
		};
	};
};

/* rx_packet.kind of a plain packet (rx_parse.h), but for the stream. */
#define RX_PACKET_PLAIN (((uint64_t)RX_OK << 8 | 1) << 24)

/* A plain packet's fields are stored several at once. */
_Static_assert(
	offsetof(struct rx_packet, payload_len) == offsetof(struct rx_packet, payload_off) + 4 &&
		offsetof(struct rx_packet, src_port) == offsetof(struct rx_packet, ip_off) + 2 &&
		offsetof(struct rx_packet, dst_port) == offsetof(struct rx_packet, ip_off) + 4 &&
		offsetof(struct rx_packet, vlan) == offsetof(struct rx_packet, ip_off) + 6 &&
		offsetof(struct rx_packet, is_ipv6) == offsetof(struct rx_packet, kind) + 2 &&
		offsetof(struct rx_packet, one_piece) == offsetof(struct rx_packet, kind) + 3 &&
		offsetof(struct rx_packet, row) == offsetof(struct rx_packet, kind) + 4,
	"words");
_Static_assert(sizeof(struct rx_packet) <= 64, "one line a packet");

/* A frame's first line is fetched so many packets before it is parsed. */
enum { RX_FETCH_AHEAD = 4 };

static __rte_always_inline void rx_fetch(const struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, const void *));
}
