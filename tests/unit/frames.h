/*
 * Frames for tests, made by hand: whatever is not set is right, whatever a test wants wrong it
 * changes afterwards or says so in the lie_ fields.
 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/api/log_format.h"

enum { FRAME_MAX = 70000, FRAME_EXTENSIONS = 10 };

struct frame_extension {
	uint8_t type;	   /* IPPROTO_HOPOPTS ... IPPROTO_FRAGMENT */
	uint8_t words;	   /* 8-byte units after the first */
	uint16_t fragment; /* offset << 3 | more */
};

struct frame_spec {
	int tags;
	uint16_t tag_type[2], tag_id[2];
	int ipv6;
	uint8_t src[16], dst[16]; /* IPv4: the first four */
	uint16_t src_port, dst_port;
	uint8_t protocol;  /* 0: UDP */
	int option_words;  /* IPv4 options, 4 bytes each */
	uint16_t fragment; /* IPv4 flags and offset */
	int extensions;
	struct frame_extension extension[FRAME_EXTENSIONS];
	const void *payload; /* NULL: counted bytes */
	uint32_t payload_len;
	uint32_t padding;	     /* behind the IP packet */
	int lie_udp_len, lie_ip_len; /* added to what is right */
	/* Filled in. */
	uint32_t ip_off, udp_off, payload_off, len;
};

static inline uint32_t frame_put_ipv6(uint8_t *out, uint32_t at, struct frame_spec *s, uint8_t last)
{
	uint8_t *ip = out + at;

	ip[0] = 0x60;
	ip[7] = 64;
	memcpy(ip + 8, s->src, 16);
	memcpy(ip + 24, s->dst, 16);
	uint8_t *next = ip + 6;
	at += 40;
	for (int i = 0; i < s->extensions; i++) {
		const struct frame_extension *e = &s->extension[i];
		*next = e->type;
		next = out + at;
		memset(out + at, 0, 8u * (e->words + 1u));
		if (e->type == IPPROTO_FRAGMENT)
			log_put16(out + at + 2, e->fragment);
		else
			out[at + 1] = e->words;
		at += 8u * (e->words + 1u);
	}
	*next = last;
	return at;
}

static inline uint32_t frame_put_ipv4(uint8_t *out, uint32_t at, struct frame_spec *s, uint8_t last)
{
	uint8_t *ip = out + at;

	ip[0] = (uint8_t)(0x45 + s->option_words);
	log_put16(ip + 6, s->fragment);
	ip[8] = 64;
	ip[9] = last;
	memcpy(ip + 12, s->src, 4);
	memcpy(ip + 16, s->dst, 4);
	memset(ip + 20, 1, 4u * (unsigned)s->option_words); /* no-operation */
	return at + 20 + 4u * (uint32_t)s->option_words;
}

/* Writes the frame to out (FRAME_MAX bytes); the length. */
static inline uint32_t frame_make(uint8_t *out, struct frame_spec *s)
{
	uint32_t at = 12;
	uint8_t last = s->protocol ? s->protocol : IPPROTO_UDP;

	memset(out, 0, 128);
	memset(out, 0x02, 12);
	for (int i = 0; i < s->tags; i++) {
		log_put16(out + at, s->tag_type[i] ? s->tag_type[i] : 0x8100);
		log_put16(out + at + 2, s->tag_id[i]);
		at += 4;
	}
	log_put16(out + at, s->ipv6 ? 0x86dd : 0x0800);
	s->ip_off = at + 2;
	s->udp_off = s->ipv6 ? frame_put_ipv6(out, s->ip_off, s, last)
			     : frame_put_ipv4(out, s->ip_off, s, last);
	s->payload_off = s->udp_off + 8;
	log_put16(out + s->udp_off, s->src_port);
	log_put16(out + s->udp_off + 2, s->dst_port);
	log_put16(out + s->udp_off + 4, (uint16_t)((int)s->payload_len + 8 + s->lie_udp_len));
	log_put16(out + s->udp_off + 6, 0);
	if (s->payload)
		memcpy(out + s->payload_off, s->payload, s->payload_len);
	else
		for (uint32_t i = 0; i < s->payload_len; i++)
			out[s->payload_off + i] = (uint8_t)('a' + i % 26);
	uint32_t end = s->payload_off + s->payload_len;
	if (s->ipv6)
		log_put16(out + s->ip_off + 4,
			  (uint16_t)((int)(end - s->ip_off - 40) + s->lie_ip_len));
	else
		log_put16(out + s->ip_off + 2, (uint16_t)((int)(end - s->ip_off) + s->lie_ip_len));
	memset(out + end, 0xee, s->padding);
	s->len = end + s->padding;
	return s->len;
}

static inline struct frame_spec frame_default(int ipv6)
{
	struct frame_spec s = {.ipv6 = ipv6, .src_port = 40000, .dst_port = 514, .payload_len = 32};
	static const uint8_t a4[4] = {192, 0, 2, 7}, b4[4] = {198, 51, 100, 9};
	static const uint8_t a6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
	static const uint8_t b6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9};

	memcpy(s.src, ipv6 ? a6 : a4, ipv6 ? 16 : 4);
	memcpy(s.dst, ipv6 ? b6 : b4, ipv6 ? 16 : 4);
	return s;
}

/* A one-segment mbuf over bytes that are the test's: no pool, no EAL. */
static inline void frame_mbuf(struct rte_mbuf *m, void *bytes, uint32_t len)
{
	memset(m, 0, sizeof(*m));
	m->buf_addr = bytes;
	m->buf_len = m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->nb_segs = 1;
}
