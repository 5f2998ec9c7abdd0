/*
 * Ethernet, one VLAN tag, IPv4 or IPv6, UDP: finds the payload, or the row of the ledger.
 *
 * Reads only within the first segment and the lengths it has checked. Formats: IEEE 802.3 and
 * 802.1Q, RFC 791, RFC 8200, RFC 768.
 */
#pragma once

#include <stdbool.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "rx_packet.h"

enum { RX_IPV6_EXTENSIONS_MAX = 8 };

static inline uint16_t rx_be16(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v); /* better code than rte_be_to_cpu_16() */
}

/* The UDP header at `off` from the start of the data; `ip_end` is where the IP datagram ends. */
static inline uint8_t rx_parse_udp(struct rx_packet *p, const uint8_t *data, uint32_t off,
				   uint32_t ip_end, uint32_t contiguous)
{
	if (off + sizeof(struct rte_udp_hdr) > ip_end ||
	    off + sizeof(struct rte_udp_hdr) > contiguous)
		return LEDGER_malformed_udp_header;
	const uint8_t *udp = data + off;
	uint32_t len = rx_be16(udp + 4);

	if (len < sizeof(struct rte_udp_hdr) || off + len > ip_end)
		return LEDGER_malformed_udp_header;
	p->src_port = rx_be16(udp);
	p->dst_port = rx_be16(udp + 2);
	p->payload_off = off + (uint32_t)sizeof(struct rte_udp_hdr);
	p->payload_len = len - (uint32_t)sizeof(struct rte_udp_hdr);
	return RX_OK;
}

static inline uint8_t rx_parse_ipv4(struct rx_packet *p, const uint8_t *data, uint32_t off,
				    uint32_t contiguous, uint32_t packet_len)
{
	if (off + sizeof(struct rte_ipv4_hdr) > contiguous)
		return LEDGER_malformed_truncated;
	const uint8_t *ip = data + off;
	uint32_t header = (uint32_t)(ip[0] & 0x0f) * 4;
	uint32_t total = rx_be16(ip + 2);

	if ((ip[0] >> 4) != 4 || header < sizeof(struct rte_ipv4_hdr) || total < header)
		return LEDGER_malformed_ipv4_header;
	if (ip[9] != IPPROTO_UDP)
		return LEDGER_not_for_us_not_udp;
	if (off + total > packet_len)
		return LEDGER_malformed_truncated;
	if (rx_be16(ip + 6) & 0x3fff) /* more fragments, or an offset */
		return LEDGER_undecodable_fragment;
	p->ip = ip;
	p->ip_off = (uint16_t)off;
	p->is_ipv6 = 0;
	return rx_parse_udp(p, data, off + header, off + total, contiguous);
}

static inline bool rx_is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

/* Follows extension headers to UDP. RFC 8200 section 4; at most RX_IPV6_EXTENSIONS_MAX of them. */
static inline uint8_t rx_parse_ipv6_extensions(struct rx_packet *p, const uint8_t *data,
					       uint32_t at, uint32_t end, uint32_t contiguous,
					       uint8_t next)
{
	for (int i = 0;; i++) {
		if (next == IPPROTO_UDP)
			return rx_parse_udp(p, data, at, end, contiguous);
		if (!rx_is_extension(next))
			return LEDGER_not_for_us_not_udp;
		if (i == RX_IPV6_EXTENSIONS_MAX || at + 8 > end || at + 8 > contiguous)
			return LEDGER_malformed_ipv6_header;
		const uint8_t *extension = data + at;
		if (next == IPPROTO_FRAGMENT) {
			/* An offset, or more to come: a true fragment, perhaps of UDP. Else it is
			 * whole (RFC 6946). */
			if (rx_be16(extension + 2) & 0xfff9)
				return extension[0] == IPPROTO_UDP || rx_is_extension(extension[0])
					       ? LEDGER_undecodable_fragment
					       : LEDGER_not_for_us_not_udp;
			at += 8;
		} else {
			at += ((uint32_t)extension[1] + 1) * 8;
		}
		next = extension[0];
	}
}

static inline uint8_t rx_parse_ipv6(struct rx_packet *p, const uint8_t *data, uint32_t off,
				    uint32_t contiguous, uint32_t packet_len)
{
	uint32_t body = off + (uint32_t)sizeof(struct rte_ipv6_hdr);

	if (body > contiguous)
		return LEDGER_malformed_truncated;
	const uint8_t *ip = data + off;
	uint32_t end = body + rx_be16(ip + 4);

	if ((ip[0] >> 4) != 6)
		return LEDGER_malformed_ipv6_header;
	p->ip = ip;
	p->ip_off = (uint16_t)off;
	p->is_ipv6 = 1;
	if (likely(ip[6] == IPPROTO_UDP)) {
		if (end > packet_len)
			return LEDGER_malformed_truncated;
		return rx_parse_udp(p, data, body, end, contiguous);
	}
	uint8_t row = rx_parse_ipv6_extensions(p, data, body, end, contiguous, ip[6]);
	if (row != LEDGER_not_for_us_not_udp && end > packet_len)
		return LEDGER_malformed_truncated;
	return row;
}

enum {
	RX_PLAIN_IP = 14,
	RX_PLAIN_SENDER = RX_PLAIN_IP + 12, /* the source address */
	RX_PLAIN_UDP = RX_PLAIN_IP + 20,
	RX_PLAIN_PAYLOAD = RX_PLAIN_UDP + 8,
};

/* Flags of an mbuf that keep a packet from being plain: a tag that the NIC took off, or data that
 * is not the mbuf's own. */
#define RX_PLAIN_NOT (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

/* Of a plain packet's UDP header: bytes of the payload; the ports, in host order. */
static __rte_always_inline uint32_t rx_plain_payload(uint64_t udp)
{
	return ((uint32_t)(udp >> 16) & 0xffff) - 8;
}

static __rte_always_inline uint16_t rx_plain_from(uint64_t udp)
{
	return (uint16_t)(udp >> 48);
}

static __rte_always_inline uint16_t rx_plain_to(uint64_t udp)
{
	return (uint16_t)(udp >> 32);
}

/* Nearly every packet is plain: no tag, IPv4 without options, UDP, whole, in one piece. Few
 * branches; false: look again, one by one, for the reason. *udp is the UDP header as a number:
 * source port highest, then destination port, length (at least 8, and within the packet), checksum.
 */
static __rte_always_inline bool rx_plain(const struct rte_mbuf *m, const uint8_t *data,
					 uint64_t *udp)
{
	/* Little endian, from the EtherType on: 0x0800, version 4 with 5 words, any TOS, total
	 * length. From the fragment field on: no bits but "don't fragment", any TTL, protocol 17.
	 */
	const uint64_t head_mask = 0xffffff, head = 0x450008;
	const uint64_t rest_mask = 0xff00ff3f, rest = (uint64_t)IPPROTO_UDP << 24;
	uint64_t at_type, at_fragment, word;

	if (unlikely(m->data_len < RX_PLAIN_PAYLOAD))
		return false;
	__builtin_memcpy(&at_type, data + 12, sizeof(at_type));
	__builtin_memcpy(&at_fragment, data + RX_PLAIN_IP + 6, sizeof(at_fragment));
	__builtin_memcpy(&word, data + RX_PLAIN_UDP, sizeof(word));
	*udp = word = __builtin_bswap64(word);
	uint32_t total = __builtin_bswap16((uint16_t)(at_type >> 32));
	/* A length that is too small comes out as a large payload. */
	uint64_t needs = RX_PLAIN_PAYLOAD - RX_PLAIN_IP + (uint64_t)rx_plain_payload(word);

	if (unlikely(((at_type & head_mask) ^ head) | ((at_fragment & rest_mask) ^ rest) |
		     (m->ol_flags & RX_PLAIN_NOT) | (m->data_len ^ m->pkt_len)))
		return false;
	return likely(!((RX_PLAIN_IP + total > m->pkt_len) | (needs > total)));
}

/* Fills in ip, lengths and ports of a plain packet, in whole words. */
static __rte_always_inline void rx_parse_plain(struct rx_packet *p, const uint8_t *data,
					       uint64_t udp)
{
	uint64_t word = RX_PLAIN_PAYLOAD | (uint64_t)rx_plain_payload(udp) << 32;

	p->ip = data + RX_PLAIN_IP;
	__builtin_memcpy(&p->payload_off, &word, sizeof(word));
	word = RX_PLAIN_IP | udp >> 48 << 16 | (udp & UINT64_C(0xffff00000000)) |
	       (uint64_t)RX_NO_VLAN << 48;
	__builtin_memcpy(&p->ip_off, &word, sizeof(word));
}

/* Fills in p but for key and stream; returns RX_OK or the row of the ledger. */
static inline uint8_t rx_parse(struct rx_packet *p, struct rte_mbuf *m)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t contiguous = m->data_len, packet_len = m->pkt_len;
	uint32_t off = sizeof(struct rte_ether_hdr);

	p->mbuf = m;
	p->kind = 0;
	p->one_piece = contiguous == packet_len;
	p->vlan = RX_NO_VLAN;
	if (unlikely(contiguous < off))
		return LEDGER_malformed_ethernet;
	uint16_t type = rx_be16(data + 12);

	if (unlikely(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED))
		p->vlan = m->vlan_tci & 0x0fff;
	if (unlikely(type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ)) {
		if (contiguous < off + sizeof(struct rte_vlan_hdr))
			return LEDGER_malformed_ethernet;
		if (p->vlan != RX_NO_VLAN) /* a second tag behind the one the NIC took off */
			return LEDGER_not_for_us_not_ip;
		p->vlan = rx_be16(data + off) & 0x0fff;
		type = rx_be16(data + off + 2);
		off += (uint32_t)sizeof(struct rte_vlan_hdr);
	}
	if (likely(type == RTE_ETHER_TYPE_IPV4))
		return rx_parse_ipv4(p, data, off, contiguous, packet_len);
	if (type == RTE_ETHER_TYPE_IPV6)
		return rx_parse_ipv6(p, data, off, contiguous, packet_len);
	return LEDGER_not_for_us_not_ip;
}
