/*
 * Frames made by hand, parsed. Each lies at the end of a block of exactly its size, so that
 * AddressSanitizer sees a read behind it.
 */
#pragma once

#include <criterion/criterion.h>

#include "dataplane/rx_parse.h"
#include "frames.h"

static uint8_t frame[FRAME_MAX];

struct result {
	uint8_t row;
	struct rx_packet p;
};

static unsigned plain_seen;

/* The short way may refuse, but must not differ. */
static inline void check_plain(const struct rte_mbuf *m, const struct result *r)
{
	struct rx_packet p;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint64_t udp;

	memset(&p, 0xa5, sizeof(p));
	if (!rx_plain(m, data, &udp))
		return;
	rx_parse_plain(&p, data, udp);
	plain_seen++;
	cr_expect_eq(r->row, RX_OK);
	cr_expect_eq(p.ip, r->p.ip);
	cr_expect_eq(p.ip_off, r->p.ip_off);
	cr_expect_eq(p.payload_off, r->p.payload_off);
	cr_expect_eq(p.payload_len, r->p.payload_len);
	cr_expect_eq(p.src_port, r->p.src_port);
	cr_expect_eq(p.dst_port, r->p.dst_port);
	cr_expect_eq(rx_plain_from(udp), r->p.src_port);
	cr_expect_eq(rx_plain_to(udp), r->p.dst_port);
	cr_expect_eq(rx_plain_payload(udp), r->p.payload_len);
	cr_expect_eq(p.vlan, r->p.vlan);
	cr_expect_eq(r->p.is_ipv6, 0);
	cr_expect_eq(r->p.one_piece, 1);
	cr_expect_eq(p.payload_off - p.ip_off, RX_PLAIN_PAYLOAD - RX_PLAIN_IP);
}

static inline struct result parse_bytes(const uint8_t *bytes, uint32_t len, uint64_t flags,
					uint16_t tci)
{
	struct result r;
	struct rte_mbuf m;
	uint8_t *block = malloc(len ? len : 1);

	memcpy(block, bytes, len);
	/* For no bytes at all, point behind the one that malloc must give. */
	frame_mbuf(&m, len ? block : block + 1, len);
	m.ol_flags = flags;
	m.vlan_tci = tci;
	memset(&r.p, 0xa5, sizeof(r.p));
	r.row = rx_parse(&r.p, &m);
	check_plain(&m, &r);
	free(block);
	return r;
}

static inline struct result parse(struct frame_spec *s)
{
	return parse_bytes(frame, frame_make(frame, s), 0, 0);
}

static inline const char *row_name(uint8_t row)
{
	static char text[64];

	if (row == RX_OK)
		return "ok";
	snprintf(text, sizeof(text), "%s.%s", ledger_info[row].term, ledger_info[row].cause);
	return text;
}

#define ROW(r, want) cr_expect_eq((r).row, want, "%s, not " #want, row_name((r).row))

static inline void expect_found(const struct result *r, const struct frame_spec *s)
{
	ROW(*r, RX_OK);
	cr_expect_eq(r->p.payload_off, s->payload_off);
	cr_expect_eq(r->p.payload_len, s->payload_len);
	cr_expect_eq(r->p.ip_off, s->ip_off);
	cr_expect_eq(r->p.src_port, s->src_port);
	cr_expect_eq(r->p.dst_port, s->dst_port);
	cr_expect_eq(r->p.is_ipv6, s->ipv6);
	cr_expect_eq(r->p.vlan, s->tags ? s->tag_id[0] & 0xfff : RX_NO_VLAN);
}
