/*
 * The common case of rx_append(), many packets at a time: decoder `datagram`, key by sender over
 * IPv4, no headers, all in one piece. The batch stays in registers, and a record's head is one
 * store. The same bytes come out, and what does not fit the case goes to rx_append().
 */
#pragma once

#include "rx_append.h"
#include "rx_parse.h"

enum {
	/* Above these rx_append() takes over: their varints are longer. */
	RX_RUN_TS_MAX = 2,	  /* bytes of the timestamp delta */
	RX_RUN_RECORDS = 1 << 13, /* the offset delta takes two bytes ... */
	RX_RUN_OFF_2 = 1 << 6,	  /* ... from here on */
	RX_RUN_VALUE = 1 << 12,	  /* the value's length and the record's take two bytes */
};

/* Does a stream's config allow it? */
static inline bool rx_run_possible(const struct rx_stream *stream)
{
	return stream->decoder == PLAN_DECODER_datagram && stream->key == PLAN_KEY_SENDER &&
	       !stream->headers;
}

/* A varint of two bytes, as a word: 7 bits of v, a bit that says that more follow, 7 bits. */
static __rte_always_inline uint64_t rx_run_varint2(uint64_t v)
{
	return v + (v & ~UINT64_C(0x7f)) + 0x80;
}

/* Appends packets p[0..n) until one is not of the first one's kind, or has no room: the number
 * done. A function of its own, so that what it works with stays in registers. */
static __rte_noinline unsigned rx_append_run(struct lane *lane, const struct rx_stream *stream,
					     const struct rx_packet *p, unsigned n)
{
	struct rx_batch *b = &lane->batches[stream->slot];
	const uint64_t kind = p->kind;
	const struct rx_packet *const first = p, *end = p + n;
	const uint64_t ts = b->ts << 8; /* behind the attributes, which are 0 */
	const uint32_t off_shift = 8 + 8 * b->ts_len;
	uint64_t bytes = 0, records = b->records;
	uint8_t *cursor = b->cursor;

	if (!b->limit || b->ts_ms != lane->now_ms || b->ts_len > RX_RUN_TS_MAX ||

	    records + n > RX_RUN_RECORDS || (kind & RX_PACKET_KIND) != RX_PACKET_PLAIN)
		return 0;
	if (records < RX_RUN_OFF_2 && records + n > RX_RUN_OFF_2)
		end = p + (RX_RUN_OFF_2 - records);
	const uint8_t *const limit = b->limit - (RX_RECORD_OVERHEAD + 1);
	const bool off_2 = records >= RX_RUN_OFF_2;
	const uint32_t fixed = 2 + b->ts_len + 1 + off_2; /* of the body: without key and value */

	for (; p < end; p++) {
		struct rx_sender_v4 *sender = p->sender;
		uint64_t value_len = p->payload_len;

		if (unlikely(p->kind != kind || value_len >= RX_RUN_VALUE))
			break;
		if (unlikely(sender->tag != p->sender_tag))
			rx_sender_fill_v4(sender, p);
		uint64_t key_len = (uint64_t)(sender->framed[0] >> 1) + 1;
		if (unlikely(cursor + key_len + value_len > limit))
			break;

		uint64_t off = records * 2, value_2 = value_len * 2;
		uint64_t mid = ts | (off_2 ? rx_run_varint2(off) : off) << off_shift;
		uint64_t body = fixed + key_len + value_len + 1 + (value_len >= 64),
			 body_2 = body * 2;
		uint64_t head;
		uint16_t value_head;
		uint8_t *at = cursor;

		if (likely(body >= 64)) {
			head = rx_run_varint2(body_2) | mid << 16;
			at += 2;
		} else {
			head = body_2 | mid << 8;
			at += 1;
		}
		__builtin_memcpy(cursor, &head, sizeof(head));
		cursor = at + body;
		at += fixed - 1;
		__builtin_memcpy(at, sender->framed, RX_SENDER_V4_FRAMED);
		at += key_len;
		value_head = (uint16_t)(value_len >= 64 ? rx_run_varint2(value_2) : value_2);
		__builtin_memcpy(at, &value_head, sizeof(value_head));
		rx_copy(cursor - 1 - value_len, p->ip + (RX_PLAIN_PAYLOAD - RX_PLAIN_IP),
			(uint32_t)value_len);
		cursor[-1] = 0; /* no headers */
		bytes += value_len;
		records++;
	}
	b->cursor = cursor;
	b->records = (uint32_t)records;
	b->packets += (uint32_t)(p - first);
	b->value_bytes += bytes;
	return (unsigned)(p - first);
}
