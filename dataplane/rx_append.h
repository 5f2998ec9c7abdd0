/*
 * Appends one event to its stream's open batch. What every decoder ends in.
 */
#pragma once

#include "rx_headers.h"
#include "rx_lane.h"

_Static_assert(sizeof(((struct rx_packet *)0)->key) == RX_KEY_READABLE, "keys are copied whole");

/* An event's key, framed; its length with that. */
static __rte_always_inline const uint8_t *rx_key(const struct rx_stream *stream,
						 const struct rx_packet *p)
{
	return likely(stream->key == PLAN_KEY_SENDER) ? rx_sender_key(p) : rx_null_key;
}

static __rte_always_inline uint32_t rx_key_len(const uint8_t *key)
{
	return key == rx_null_key ? 1 : (uint32_t)(key[0] >> 1) + 1;
}

/* The rare half: a new batch, or an event that is shed. */
static __rte_noinline uint8_t rx_append_make_room(struct lane *lane, const struct rx_stream *stream,
						  uint32_t need)
{
	uint8_t row = rx_batch_make_room(lane, stream, need);

	if (row != RX_OK) {
		struct state_partition *partition = &lane->partitions[stream->slot];
		state_add(&partition->events[EVENT_decoded], 1);
		state_add(&partition->events[EVENT_shed], 1);
	}
	return row;
}

/*
 * The value is `len` bytes at `off` of the packet's data; gathered when the mbuf has several
 * segments, so the event is copied once in any case. RX_OK, or the row under which it is shed.
 * `first`: no event of this packet was stored before.
 */
static __rte_always_inline uint8_t rx_append(struct lane *lane, const struct rx_stream *stream,
					     const struct rx_packet *p, uint32_t off, uint32_t len,
					     bool first)
{
	static const uint8_t no_headers[1] = {0};
	struct rx_batch *b = &lane->batches[stream->slot];
	const uint8_t *key = rx_key(stream, p);
	uint32_t key_len = rx_key_len(key);
	const uint8_t *headers = no_headers;
	uint32_t headers_len = 1;

	if (unlikely(stream->headers)) {
		headers_len = rx_headers(lane->headers, stream->headers, p, lane->now.real_ns);
		headers = lane->headers;
	}
	uint32_t need = RX_RECORD_OVERHEAD + key_len + len + headers_len;
	if (unlikely(!b->limit || b->cursor + need > b->limit)) {
		uint8_t row = rx_append_make_room(lane, stream, need);

		if (row != RX_OK)
			return row;
	}
	if (unlikely(b->ts_ms != lane->now_ms) && !rx_batch_set_time(b, lane->now_ms)) {
		uint8_t row = rx_append_make_room(lane, stream, need);

		if (row != RX_OK)
			return row;
	}
	struct rx_record r = {
		.ts = b->ts,
		.ts_len = b->ts_len,
		.offset_delta = b->records,
		.key = key,
		.key_len = key_len,
		.value_len = len,
		.headers = headers,
		.headers_len = headers_len,
	};
	uint8_t *value = rx_record_begin(b->cursor, &r);
	if (likely(p->one_piece))
		rx_copy(value, rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, off), len);
	else
		rx_gather(value, p->mbuf, off, len);
	b->cursor = rx_record_end(value + len, &r);
	b->records++;
	b->packets += first;
	b->value_bytes += len;
	return RX_OK;
}
