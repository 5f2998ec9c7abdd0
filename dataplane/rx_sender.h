/*
 * Keys: the sender's address and port as text, "192.0.2.7:514" or "[2001:db8::7]:514" (RFC 5952),
 * framed as in a record: its length as a varint (one byte, since it is below 64), then the text.
 *
 * IPv4 is written anew for each packet, from small tables and with no branch that is hard to
 * foretell; so it does not matter how many senders there are. IPv6 costs as much as all the rest of
 * a packet, and senders repeat, so each lane keeps a direct-mapped cache of it.
 *
 * Two steps over the burst, rx_sender_take() and rx_sender_key(): what the first one stored or
 * fetched is there when the second one looks at it.
 *
 * One thread: the lane's polling core.
 */
#pragma once

#include <stdint.h>

#include <rte_prefetch.h>

#include "rx_packet.h"

enum {
	RX_SENDER_V6_BITS = 13,
	RX_SENDER_V6_FRAMED = 48, /* 1 + [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 is 48 */
	RX_SENDER_TEXT_ROOM = 64,
};

struct rx_sender_v6 {
	uint64_t tag; /* rx_sender_take(): a hash, so the address is compared, too; 0: empty */
	uint8_t address[16];
	uint8_t framed[RX_SENDER_V6_FRAMED];
	uint16_t port;
	uint8_t pad[54];
};
_Static_assert(sizeof(struct rx_sender_v6) == 128, "two lines");

struct rx_senders {
	struct rx_sender_v6 v6[1u << RX_SENDER_V6_BITS];
};

/* Decimals without leading zeros: the text from the lowest byte on, its length from bit 32 on. Of
 * an octet, a dot behind it; of a port all but the last two digits, nothing when there are no
 * others; two digits. */
extern const uint64_t rx_sender_octets[256], rx_sender_hundreds[656];
extern const uint16_t rx_sender_pairs[100];

static __rte_always_inline uint8_t *rx_put_decimal(uint8_t *p, uint64_t decimal)
{
	uint32_t text = (uint32_t)decimal;

	__builtin_memcpy(p, &text, sizeof(text));
	return p + (decimal >> 32);
}

/* "65535"; returns its end. */
static __rte_always_inline uint8_t *rx_sender_put_port(uint8_t *p, uint32_t port)
{
	const uint64_t hundreds = (uint64_t)port * 42949673 >> 32; /* a hundredth of it, exactly */
	const uint16_t *pair = &rx_sender_pairs[port - hundreds * 100];

	if (unlikely(port < 10)) {
		*p = (uint8_t)('0' + port);
		return p + 1;
	}
	p = rx_put_decimal(p, rx_sender_hundreds[hundreds]);
	__builtin_memcpy(p, pair, sizeof(*pair));
	return p + sizeof(*pair);
}

/* "192.0.2.7:514", 21 bytes at most, and not a byte more is written than the longest has. The
 * address is in network order, the port in host order. Returns its end. */
static __rte_always_inline uint8_t *rx_sender_put_v4(uint8_t *p, const uint8_t *address,
						     uint16_t port)
{
	for (int i = 0; i < 4; i++)
		p = rx_put_decimal(p, rx_sender_octets[address[i]]);
	p[-1] = ':';
	return rx_sender_put_port(p, port);
}

/* The texts; both return the length, write no NUL, and need RX_SENDER_TEXT_ROOM bytes. The
 * address is in network order, the port in host order. */
unsigned rx_sender_format_v4(uint8_t *text, const uint8_t *address, uint16_t port);
unsigned rx_sender_format_v6(uint8_t *text, const uint8_t *address, uint16_t port);

/* A miss: formats the packet's sender into its entry. */
void rx_sender_fill_v6(struct rx_sender_v6 *entry, const struct rx_packet *p);

#define RX_SENDER_MIX UINT64_C(0x9e3779b97f4a7c15)

/* First step, for a parsed packet. */
static __rte_always_inline void rx_sender_take_v4(struct rx_packet *p, uint16_t src_port)
{
	uint8_t *end = rx_sender_put_v4(p->key + 1, p->ip + 12, src_port);

	p->key[0] = (uint8_t)((end - (p->key + 1)) << 1); /* zigzag */
}

static inline void rx_sender_take(struct rx_senders *s, struct rx_packet *p)
{
	uint64_t a, b;

	if (likely(!p->is_ipv6)) {
		rx_sender_take_v4(p, p->src_port);
		return;
	}
	__builtin_memcpy(&a, p->ip + 8, sizeof(a));
	__builtin_memcpy(&b, p->ip + 16, sizeof(b));
	p->sender_tag = (((a ^ p->src_port) * RX_SENDER_MIX + b) * RX_SENDER_MIX) | 1;
	p->sender = &s->v6[p->sender_tag >> (64 - RX_SENDER_V6_BITS)];
	rte_prefetch0(p->sender);
}

/* Second step: the framed key, at least 24 readable bytes. Valid until the next call for the lane,
 * since another sender may take the entry. */
static inline const uint8_t *rx_sender_key(const struct rx_packet *p)
{
	if (likely(!p->is_ipv6))
		return p->key;
	struct rx_sender_v6 *e = p->sender;

	if (unlikely(e->tag != p->sender_tag || e->port != p->src_port ||
		     __builtin_memcmp(e->address, p->ip + 8, 16) != 0))
		rx_sender_fill_v6(e, p);
	return e->framed;
}
