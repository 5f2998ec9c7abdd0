/*
 * Keys: the sender's address and port as text, "192.0.2.7:514" or "[2001:db8::7]:514" (RFC 5952).
 *
 * Formatting costs as much as all the rest of a packet, and senders repeat, so each lane keeps a
 * direct-mapped cache of formatted senders. A look-up is two steps over the burst, so that the
 * cache line is on its way while other packets are looked at: rx_sender_prefetch(),
 * rx_sender_key().
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
	RX_SENDER_V4_TEXT = 22, /* 255.255.255.255:65535 is 21 */
	RX_SENDER_V6_TEXT = 47, /* [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 */
	RX_SENDER_TEXT_ROOM = 64,
};

struct rx_sender_v4 {
	uint64_t tag; /* address << 16 | port, RX_SENDER_USED set; 0: empty */
	uint8_t text[RX_SENDER_V4_TEXT];
	uint8_t len;
	uint8_t pad;
};
_Static_assert(sizeof(struct rx_sender_v4) == 32, "two to a line");

#define RX_SENDER_USED (UINT64_C(1) << 63)

struct rx_sender_v6 {
	uint8_t address[16];
	uint16_t port;
	uint8_t len; /* 0: empty */
	uint8_t text[RX_SENDER_V6_TEXT];
	uint8_t pad[62];
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

/* Misses. */
const struct rx_sender_v4 *rx_sender_fill_v4(struct rx_sender_v4 *entry, uint64_t tag,
					     const uint8_t *address, uint16_t port);
const struct rx_sender_v6 *rx_sender_fill_v6(struct rx_sender_v6 *entry, const uint8_t *address,
					     uint16_t port);

static inline uint64_t rx_sender_tag(const struct rx_packet *p)
{
	uint32_t address;

	__builtin_memcpy(&address, p->ip + 12, sizeof(address));
	return (uint64_t)address << 16 | p->src_port | RX_SENDER_USED;
}

static inline struct rx_sender_v4 *rx_sender_slot_v4(struct rx_senders *s, uint64_t tag)
{
	return &s->v4[(tag * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - RX_SENDER_V4_BITS)];
}

static inline struct rx_sender_v6 *rx_sender_slot_v6(struct rx_senders *s,
						     const struct rx_packet *p)
{
	uint64_t a, b;

	__builtin_memcpy(&a, p->ip + 8, sizeof(a));
	__builtin_memcpy(&b, p->ip + 16, sizeof(b));
	a = (a ^ p->src_port) * UINT64_C(0x9e3779b97f4a7c15) + b;
	return &s->v6[(a * UINT64_C(0xff51afd7ed558ccd)) >> (64 - RX_SENDER_V6_BITS)];
}

static inline void rx_sender_prefetch(struct rx_senders *s, const struct rx_packet *p)
{
	if (likely(!p->is_ipv6))
		rte_prefetch0(rx_sender_slot_v4(s, rx_sender_tag(p)));
	else
		rte_prefetch0(rx_sender_slot_v6(s, p));
}

/* Sets p->key and p->key_len. The text stays valid until the next key of the same burst is looked
 * up only in so far as no other sender takes its entry: see rx_lane.c, which frames at once. */
static inline void rx_sender_key(struct rx_senders *s, struct rx_packet *p)
{
	if (likely(!p->is_ipv6)) {
		uint64_t tag = rx_sender_tag(p);
		struct rx_sender_v4 *slot = rx_sender_slot_v4(s, tag);
		const struct rx_sender_v4 *e = slot;

		if (unlikely(slot->tag != tag))
			e = rx_sender_fill_v4(slot, tag, p->ip + 12, p->src_port);
		p->key = e->text;
		p->key_len = e->len;
		return;
	}
	struct rx_sender_v6 *slot = rx_sender_slot_v6(s, p);
	const struct rx_sender_v6 *e = slot;

	if (unlikely(slot->len == 0 || slot->port != p->src_port ||
		     __builtin_memcmp(slot->address, p->ip + 8, 16) != 0))
		e = rx_sender_fill_v6(slot, p->ip + 8, p->src_port);
	p->key = e->text;
	p->key_len = e->len;
}
