/*
 * Packets at random for the lane's test, right ones and wrong ones, and what must become of each.
 */
#pragma once

#include <arpa/inet.h>
#include <stdio.h>

#include <rte_ring.h>

#include "frames.h"
#include "lane_model.h"

enum { ROOM = 9216 /* of an mbuf */ };

/* The test's one lane and what stands around it. */
static struct plan *plan;
static struct lane *lane;
static struct rte_mempool *pool;
static struct rte_ring *wire[MODEL_PORTS];
static struct model model;
static uint8_t frame[FRAME_MAX];

static inline void format_endpoint(char *text, size_t size, const struct frame_spec *s, bool source)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(s->ipv6 ? AF_INET6 : AF_INET, source ? s->src : s->dst, address, sizeof(address));
	snprintf(text, size, s->ipv6 ? "[%s]:%u" : "%s:%u", address,
		 source ? s->src_port : s->dst_port);
}

static inline void add_header(struct model_record *r, uint32_t *len, unsigned *count,
			      const char *name, const char *value)
{
	size_t at = strlen(r->headers);

	snprintf(r->headers + at, sizeof(r->headers) - at, "%s=%s|", name, value);
	*len += 2 + (uint32_t)(strlen(name) + strlen(value)); /* both lengths below 64 */
	(*count)++;
}

/* Everything of a record but its value; returns the framed length of its headers. */
static inline uint32_t expect_around(struct model_record *r, unsigned slot,
				     const struct frame_spec *s)
{
	const struct plan_stream *stream = &plan->streams[slot];
	char text[64];
	uint32_t len = 1;
	unsigned count = 0;

	memset(r, 0, sizeof(*r));
	r->ts_ms = lane->now_ms;
	if (stream->key == PLAN_KEY_SENDER)
		format_endpoint(r->key, sizeof(r->key), s, true);
	if (stream->headers & PLAN_HEADER_SRC) {
		format_endpoint(text, sizeof(text), s, true);
		add_header(r, &len, &count, "src", text);
	}
	if (stream->headers & PLAN_HEADER_DST) {
		format_endpoint(text, sizeof(text), s, false);
		add_header(r, &len, &count, "dst", text);
	}
	if ((stream->headers & PLAN_HEADER_VLAN) && s->tags) {
		snprintf(text, sizeof(text), "%u", s->tag_id[0] & 0xfff);
		add_header(r, &len, &count, "vlan", text);
	}
	if (stream->headers & PLAN_HEADER_RX_NS) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)lane->now.real_ns);
		add_header(r, &len, &count, "rx_ns", text);
	}
	return len;
}

static inline uint8_t expect_datagram(unsigned slot, const struct frame_spec *s)
{
	struct model_record r;
	uint32_t headers = expect_around(&r, slot, s);

	r.first = true;
	r.value = frame + s->payload_off;
	r.value_len = s->payload_len;
	return model_append(&model, slot, &r, headers) ? LEDGER_stored_none : LEDGER_shed_no_slab;
}

static inline uint8_t expect_lines(unsigned slot, const struct frame_spec *s)
{
	uint8_t *at = frame + s->payload_off, *end = at + s->payload_len;
	bool any = false, stored = false;

	while (at < end) {
		uint8_t *lf = at;
		struct model_record r;

		while (lf < end && *lf != '\n')
			lf++;
		uint32_t len = (uint32_t)(lf - at);
		if (len && at[len - 1] == '\r')
			len--;
		if (len) {
			uint32_t headers = expect_around(&r, slot, s);

			r.first = !stored;
			r.value = at;
			r.value_len = len;
			any = true;
			stored |= model_append(&model, slot, &r, headers);
		}
		at = lf + 1;
	}
	if (stored)
		return LEDGER_stored_none;
	return any ? LEDGER_shed_no_slab : LEDGER_undecodable_no_event;
}

static inline uint8_t expect_routed(const struct frame_spec *s)
{
	unsigned slot = (unsigned)s->dst_port - 1000;
	struct model_slot *m = &model.slots[slot];

	if (s->dst_port < 1000 || s->dst_port > 1005)
		return LEDGER_unrouted_none;
	uint8_t row = plan->streams[slot].decoder == PLAN_DECODER_lines ? expect_lines(slot, s)
									: expect_datagram(slot, s);
	if (row == LEDGER_shed_no_slab && atomic_load(&lane->partitions[slot].storage_failed))
		row = LEDGER_shed_storage;
	m->packets_stored += row == LEDGER_stored_none;
	m->packets_shed += row == LEDGER_shed_no_slab || row == LEDGER_shed_storage;
	m->packets_undecodable += row == LEDGER_undecodable_no_event;
	return row;
}

static inline uint32_t random_length(void)
{
	switch (rand() % 20) {
	case 0:
		return (uint32_t)rand() % 65508;
	case 1:
		return 1400 + (uint32_t)rand() % 8000;
	case 2:
		return 0;
	default:
		return (uint32_t)rand() % 400;
	}
}

/* Bytes at random, with few or many ends of lines; anywhere in them a payload may begin. */
static inline const uint8_t *random_payload(void)
{
	static uint8_t noise[1 << 18];
	static bool filled;

	for (uint32_t i = 0, lf = 2; !filled && i < sizeof(noise); i++) {
		if (i % 8192 == 0)
			lf = 2 + (uint32_t)rand() % 60;
		noise[i] = (uint8_t)((unsigned)rand() % lf == 0 ? '\n'
				     : rand() % 20 == 0		? '\r'
								: rand());
	}
	filled = true;
	return noise + (unsigned)rand() % (sizeof(noise) - FRAME_MAX);
}

/* A burst of packets that are much alike, as one stream's often are: the port, or 0. */
static uint16_t train;
static uint32_t train_length;

static inline void train_spec(struct frame_spec *s)
{
	*s = frame_default(0);
	s->src[3] = (uint8_t)(rand() % 3);
	s->dst_port = train;
	s->payload_len = train_length + (uint32_t)rand() % 3;
	s->payload = random_payload();
}

static inline void choose_train(void)
{
	static const uint32_t lengths[] = {0, 1, 20, 60, 61, 62, 126, 1000, 4094, 8158, 8190};

	train = (uint16_t)(rand() % 2 ? 0 : rand() % 2 ? 1000 : 1000 + rand() % 6);
	train_length = rand() % 3 ? 0 : lengths[rand() % 11];
}

static inline void random_spec(struct frame_spec *s)
{
	if (train && rand() % 40) {
		train_spec(s);
		return;
	}
	*s = frame_default(rand() % 3 == 0);
	s->src[s->ipv6 ? 15 : 3] = (uint8_t)(rand() % 20);
	s->src_port = (uint16_t)(40000 + rand() % 4);
	s->dst_port = (uint16_t)(1000 + rand() % 7);
	s->tags = rand() % 5 == 0;
	s->tag_id[0] = (uint16_t)rand();
	s->option_words = rand() % 10 ? 0 : 2;
	s->extensions = rand() % 10 == 0;
	s->extension[0].type = IPPROTO_DSTOPTS;
	s->payload_len = random_length();
	s->padding = (uint32_t)rand() % 20;
	s->payload = random_payload();
}

/* Makes the frame, wrong now and then; returns its length and the row it must end under. */
static inline uint32_t random_frame(struct frame_spec *s, uint8_t *row)
{
	random_spec(s);
	*row = RX_OK;
	switch (rand() % (train ? 400 : 30)) {
	case 0:
		s->protocol = 6;
		*row = LEDGER_not_for_us_not_udp;
		break;
	case 1:
		s->lie_ip_len = 300;
		if (s->payload_len > 60000)
			s->payload_len = 100;
		*row = LEDGER_malformed_truncated;
		s->padding = 0;
		break;
	case 2:
		s->lie_udp_len = 1;
		if (s->payload_len > 60000)
			s->payload_len = 100;
		*row = LEDGER_malformed_udp_header;
		break;
	case 3:
		s->ipv6 = 0;
		s->fragment = 0x2000;
		*row = LEDGER_undecodable_fragment;
		break;
	case 4:
		s->tags = 2;
		*row = LEDGER_not_for_us_not_ip;
		break;
	case 5:
		frame_make(frame, s);
		*row = LEDGER_malformed_ethernet;
		return 1 + (uint32_t)rand() % 13;
	default:
		break;
	}
	if (s->extensions && s->ipv6 && s->payload_len > 65000)
		s->payload_len = 65000;
	return frame_make(frame, s);
}

/* The frame as mbufs; cut anywhere behind the headers, or only where a buffer is full. */
static inline struct rte_mbuf *to_mbufs(uint32_t len, uint32_t whole)
{
	struct rte_mbuf *head = NULL, **next = &head, *last = NULL;
	bool cut = rand() % 4 == 0;

	for (uint32_t at = 0; at < len || !head;) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint32_t n = len - at < ROOM ? len - at : ROOM;
		uint32_t least = at == 0 ? whole : len > 20000 ? ROOM : 1;

		if (!m) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		if (cut && n > least)
			n = least + (uint32_t)rand() % (n - least + 1);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame + at, n);
		at += n;
		*next = m;
		next = &m->next;
		if (head != m) {
			head->nb_segs++;
			head->pkt_len += n;
		}
		last = m;
	}
	last->next = NULL;
	return head;
}

static inline void send_burst(unsigned port)
{
	unsigned n = (unsigned)rand() % (plan->burst + 1u);

	if (rand() % 4 == 0)
		n = 0;
	choose_train();
	for (unsigned i = 0; i < n; i++) {
		struct frame_spec s;
		uint8_t row;
		uint32_t len = random_frame(&s, &row);
		struct rte_mbuf *m = to_mbufs(len, len < s.payload_off ? len : s.payload_off);

		if (!m)
			return; /* enough is under way */
		if (row == RX_OK)
			row = expect_routed(&s);
		model.rows[port][row]++;
		model.received[port]++;
		model.bytes[port] += len;
		cr_assert_eq(rte_ring_sp_enqueue(wire[port], m), 0);
	}
}
