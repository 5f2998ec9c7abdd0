/*
 * The common case of rx_append(), many packets at a time: decoder `datagram`, key by sender over
 * IPv4, no headers, all in one piece. The batch stays in registers, and a record's head is one
 * store. The same bytes come out, and what does not fit the case goes to rx_append().
 */
#pragma once

#include "rx_append.h"

enum {
	/* Above these rx_append() takes over: their varints are longer. */
	RX_RUN_TS_MAX = 2,	  /* bytes of the timestamp delta */
	RX_RUN_RECORDS = 1 << 13, /* the offset delta takes two bytes */
	RX_RUN_VALUE = 1 << 12,	  /* the value's length and the record's take two bytes */
};

/* Does a stream's config allow it? */
static inline bool rx_run_possible(const struct rx_stream *stream)
{
	return stream->decoder == PLAN_DECODER_datagram && stream->key == PLAN_KEY_SENDER &&
	       !stream->headers;
}

/* A varint of one or two bytes, as a word; its length comes in *len. */
static __rte_always_inline uint64_t rx_run_varint(uint32_t v, uint32_t *len)
{
	if (v < 0x80) {
		*len = 1;
		return v;
	}
	*len = 2;
	return (v & 0x7f) | 0x80 | (uint64_t)(v >> 7) << 8;
}

/* Appends packets p[0..n) until one is not of this kind, or has no room: the number done. */
static __rte_always_inline unsigned rx_append_run(struct lane *lane, const struct rx_stream *stream,
						  const struct rx_packet *p, unsigned n)
{
	struct rx_batch *b = &lane->batches[stream->slot];
	const uint64_t kind = p->kind;
	uint8_t *cursor = b->cursor, *const limit = b->limit;
	const uint64_t ts = b->ts << 8; /* behind the attributes, which are 0 */
	const uint32_t ts_end = 1 + b->ts_len;
	uint64_t bytes = 0;
	uint32_t records = b->records;
	unsigned i;

	if (!limit || b->ts_ms != lane->now_ms || b->ts_len > RX_RUN_TS_MAX ||
	    records + n > RX_RUN_RECORDS || (uint32_t)(kind >> 16) != RX_PACKET_PLAIN)
		return 0;
	for (i = 0; i < n; i++, p++) {
		struct rx_sender_v4 *sender = p->sender;
		uint32_t value_len = p->payload_len, len_len, off_len, val_len;

		if (unlikely(p->kind != kind || value_len >= RX_RUN_VALUE))
			break;
		if (unlikely(sender->tag != p->sender_tag))
			rx_sender_fill_v4(sender, p);
		uint32_t key_len = (uint32_t)(sender->framed[0] >> 1) + 1;
		if (unlikely(cursor + (RX_RECORD_OVERHEAD + key_len + value_len + 1) > limit))
			break;

		uint64_t off = rx_run_varint(records << 1, &off_len);
		uint64_t val = rx_run_varint(value_len << 1, &val_len);
		uint32_t mid_len = ts_end + off_len;
		uint32_t body = mid_len + key_len + val_len + value_len + 1;
		uint64_t len = rx_run_varint(body << 1, &len_len);
		uint64_t head = len | (ts | off << (8 * ts_end)) << (8 * len_len);
		uint8_t *key = cursor + len_len + mid_len, *value = key + key_len + val_len;

		__builtin_memcpy(cursor, &head, sizeof(head));
		__builtin_memcpy(key, sender->framed, RX_SENDER_V4_FRAMED);
		uint16_t val16 = (uint16_t)val;
		__builtin_memcpy(key + key_len, &val16, sizeof(val16));
		rx_copy(value, rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->payload_off),
			value_len);
		value[value_len] = 0; /* no headers */
		cursor += len_len + body;
		bytes += value_len;
		records++;
	}
	b->cursor = cursor;
	b->records = records;
	b->packets += i;
	b->value_bytes += bytes;
	return i;
}
