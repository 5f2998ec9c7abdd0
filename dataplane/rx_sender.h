/*
 * Keys: the sender's address and port as text, "192.0.2.7:514" or "[2001:db8::7]:514" (RFC 5952),
 * framed as in a record: its length as a varint (one byte, since it is below 64), then the text.
 *
 * IPv4 is written anew for each packet, from small tables and with no branch that is hard to
 * foretell; so it does not matter how many senders there are. IPv6 costs as much as all the rest of
 * a packet, and senders repeat, so each lane keeps a direct-mapped cache of it.
 *
 * What does not go the short way (rx_run_datagram.h) takes two steps, rx_sender_take() and
 * rx_sender_key(): what the first one stored or fetched is there when the second one looks at it,
 * if such packets follow each other.
 *
 * One thread: the lane's polling core.
 */
#pragma once

#include <stdint.h>

#include <rte_prefetch.h>
#include <rte_vect.h>

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

/* Decimals without leading zeros. Of a port, all but the last two digits: the text, lowest byte
 * first, nothing when there are no others, and from bit 32 on its length. Two digits. */
extern const uint64_t rx_sender_hundreds[656];
extern const uint16_t rx_sender_pairs[100];

/* Of each octet of an address: its text with a dot behind it, and what it adds to two sums: the
 * number of rx_sender_places that fits (two bits an octet: digits beyond one), and the length. */
struct rx_sender_octet {
	uint32_t text; /* lowest byte first */
	uint32_t sums; /* the length from bit 16 on */
};
extern const struct rx_sender_octet rx_sender_octets[4][256];

/* Where in four such texts, of four bytes each, the bytes of the address lie. */
typedef uint8_t rx_sender_bytes __attribute__((vector_size(16)));
extern const rx_sender_bytes rx_sender_places[256];

/* Texts, before it is known where they go. */
struct rx_sender_port {
	uint64_t hundreds; /* of rx_sender_hundreds */
	unsigned len;	   /* of all of it */
	uint16_t pair;
};

struct rx_sender_v4 {
	rx_sender_bytes address; /* "192.0.2.7." */
	unsigned address_len;
	struct rx_sender_port port;
};

static __rte_always_inline struct rx_sender_port rx_sender_port(uint16_t port)
{
	const uint64_t hundreds = (uint64_t)port * 42949673 >> 32; /* a hundredth of it, exactly */
	struct rx_sender_port s = {
		.hundreds = rx_sender_hundreds[hundreds],
		.pair = rx_sender_pairs[port - hundreds * 100],
	};

	s.len = (unsigned)(s.hundreds >> 32) + 2;
	if (unlikely(port < 10)) {
		s.pair >>= 8;
		s.len--;
	}
	return s;
}

/* "65535"; five bytes are written at most. */
static __rte_always_inline void rx_sender_put_port(uint8_t *p, const struct rx_sender_port *s)
{
	const uint32_t hundreds = (uint32_t)s->hundreds;

	__builtin_memcpy(p, &hundreds, sizeof(hundreds));
	__builtin_memcpy(p + (s->hundreds >> 32), &s->pair, sizeof(s->pair));
}

/* Byte i of what comes out is byte places[i] of `from`. */
static __rte_always_inline rx_sender_bytes rx_sender_pick(rx_sender_bytes from,
							  rx_sender_bytes places)
{
#ifdef __SSSE3__
	return (rx_sender_bytes)_mm_shuffle_epi8((__m128i)from, (__m128i)places);
#else
	rx_sender_bytes to;

	for (int i = 0; i < 16; i++)
		to[i] = from[places[i]];
	return to;
#endif
}

/* The address is in network order, the port in host order. */
static __rte_always_inline struct rx_sender_v4 rx_sender_v4(const uint8_t *address, uint16_t port)
{
	typedef uint32_t words __attribute__((vector_size(16)));
	const uint64_t a = address[0], b = address[1], c = address[2], d = address[3];
	const struct rx_sender_octet(*octets)[256] = rx_sender_octets;
	const words texts = {octets[0][a].text, octets[1][b].text, octets[2][c].text,
			     octets[3][d].text};
	const uint32_t sums =
		octets[0][a].sums + octets[1][b].sums + octets[2][c].sums + octets[3][d].sums;
	struct rx_sender_v4 s;

	s.address = rx_sender_pick((rx_sender_bytes)texts, rx_sender_places[(uint16_t)sums]);
	s.address_len = sums >> 16;
	s.port = rx_sender_port(port);
	return s;
}

/* "192.0.2.7:514", 21 bytes at most, and not a byte more is written than the longest has. */
static __rte_always_inline void rx_sender_put_v4(uint8_t *p, const struct rx_sender_v4 *s)
{
	__builtin_memcpy(p, &s->address, sizeof(s->address));
	p += s->address_len;
	p[-1] = ':';
	rx_sender_put_port(p, &s->port);
}

/* The key: framed. */
static __rte_always_inline void rx_sender_put_key_v4(uint8_t *p, const struct rx_sender_v4 *s)
{
	*p = (uint8_t)((s->address_len + s->port.len) << 1); /* zigzag */
	rx_sender_put_v4(p + 1, s);
}

/* The texts; both return the length, write no NUL, and need RX_SENDER_TEXT_ROOM bytes. The
 * address is in network order, the port in host order. */
unsigned rx_sender_format_v4(uint8_t *text, const uint8_t *address, uint16_t port);
unsigned rx_sender_format_v6(uint8_t *text, const uint8_t *address, uint16_t port);

/* A miss: formats the packet's sender into its entry. */
void rx_sender_fill_v6(struct rx_sender_v6 *entry, const struct rx_packet *p);

#define RX_SENDER_MIX UINT64_C(0x9e3779b97f4a7c15)

/* First step, for a parsed packet. */
static inline void rx_sender_take(struct rx_senders *s, struct rx_packet *p)
{
	uint64_t a, b;

	if (likely(!p->is_ipv6)) {
		const struct rx_sender_v4 v4 = rx_sender_v4(p->ip + 12, p->src_port);
		rx_sender_put_key_v4(p->key, &v4);
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
