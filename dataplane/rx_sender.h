/*
 * Keys: the sender's address and port as text, "192.0.2.7:514" or "[2001:db8::7]:514" (RFC 5952).
 *
 * Formatting costs as much as all the rest of a packet, and senders repeat, so each lane keeps a
 * direct-mapped cache of formatted senders. A look-up is two steps over the burst, so that the
 * cache line is on its way while other packets are looked at: rx_sender_find(), rx_sender_key().
 *
 * One thread: the lane's polling core.
 */
#pragma once

#include <stdint.h>

#include <rte_prefetch.h>

#include "rx_packet.h"

enum {
	RX_SENDER_V4_BITS = 17, /* 131,072 entries of 32 bytes: 4 MiB, touched as senders come */
	RX_SENDER_V6_BITS = 13,
	RX_SENDER_V4_FRAMED = 24, /* 1 + 255.255.255.255:65535 is 22 */
	RX_SENDER_V6_FRAMED = 48, /* 1 + [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 is 48 */
	RX_SENDER_TEXT_ROOM = 64,
};

/* `framed` is the key as it stands in a record: its length as a varint (one byte, since it is below
 * 64), then the text. */
struct rx_sender_v4 {
	uint64_t tag; /* rx_sender_tag_v4(); 0: empty */
	uint8_t framed[RX_SENDER_V4_FRAMED];
};
_Static_assert(sizeof(struct rx_sender_v4) == 32, "two to a line");

struct rx_sender_v6 {
	uint64_t tag; /* rx_sender_tag_v6(): a hash, so the address is compared, too; 0: empty */
	uint8_t address[16];
	uint8_t framed[RX_SENDER_V6_FRAMED];
	uint16_t port;
	uint8_t pad[54];
};
_Static_assert(sizeof(struct rx_sender_v6) == 128, "two lines");

struct rx_senders {
	struct rx_sender_v4 v4[1u << RX_SENDER_V4_BITS];
	struct rx_sender_v6 v6[1u << RX_SENDER_V6_BITS];
};

/* The texts; both return the length, write no NUL, and need RX_SENDER_TEXT_ROOM bytes. The
 * address is in network order, the port in host order. */
unsigned rx_sender_format_v4(uint8_t *text, const uint8_t *address, uint16_t port);
unsigned rx_sender_format_v6(uint8_t *text, const uint8_t *address, uint16_t port);

/* Misses: format the packet's sender into its entry. */
void rx_sender_fill_v4(struct rx_sender_v4 *entry, const struct rx_packet *p);
void rx_sender_fill_v6(struct rx_sender_v6 *entry, const struct rx_packet *p);

#define RX_SENDER_MIX UINT64_C(0x9e3779b97f4a7c15)

/* First step, for a parsed packet: which entry, and fetch it. */
static inline void rx_sender_find_v4(struct rx_sender_v4 *entries, struct rx_packet *p,
				     uint16_t src_port)
{
	uint32_t address;

	__builtin_memcpy(&address, p->ip + 12, sizeof(address));
	/* Never 0: the top bit is set. */
	uint64_t tag = (uint64_t)address << 16 | src_port | UINT64_C(1) << 63;
	struct rx_sender_v4 *entry = &entries[(tag * RX_SENDER_MIX) >> (64 - RX_SENDER_V4_BITS)];

	rte_prefetch0(entry);
	p->sender_tag = tag;
	p->sender = entry;
}

static inline void rx_sender_find_v6(struct rx_sender_v6 *entries, struct rx_packet *p)
{
	uint64_t a, b;

	__builtin_memcpy(&a, p->ip + 8, sizeof(a));
	__builtin_memcpy(&b, p->ip + 16, sizeof(b));
	p->sender_tag = (((a ^ p->src_port) * RX_SENDER_MIX + b) * RX_SENDER_MIX) | 1;
	p->sender = &entries[p->sender_tag >> (64 - RX_SENDER_V6_BITS)];
	rte_prefetch0(p->sender);
}

static inline void rx_sender_find(struct rx_senders *s, struct rx_packet *p)
{
	if (likely(!p->is_ipv6))
		rx_sender_find_v4(s->v4, p, p->src_port);
	else
		rx_sender_find_v6(s->v6, p);
}

/* Second step: the framed key, at least 24 readable bytes. Valid until the next call for the lane,
 * since another sender may take the entry. */
static inline const uint8_t *rx_sender_key(const struct rx_packet *p)
{
	if (likely(!p->is_ipv6)) {
		struct rx_sender_v4 *e = p->sender;

		if (unlikely(e->tag != p->sender_tag))
			rx_sender_fill_v4(e, p);
		return e->framed;
	}
	struct rx_sender_v6 *e = p->sender;

	if (unlikely(e->tag != p->sender_tag || e->port != p->src_port ||
		     __builtin_memcmp(e->address, p->ip + 8, 16) != 0))
		rx_sender_fill_v6(e, p);
	return e->framed;
}
