/*
 * Appends one event to its stream's open batch. What every decoder ends in.
 */
#pragma once

#include "rx_headers.h"
#include "rx_lane.h"

/*
 * The value is `len` bytes at `off` of the packet's data; gathered when the mbuf has several
 * segments, so the event is copied once in any case. RX_OK, or the row under which it is shed.
 * `first`: no event of this packet was stored before.
 */
static inline uint8_t rx_append(struct lane *lane, const struct rx_stream *stream,
				const struct rx_packet *p, uint32_t off, uint32_t len, bool first)
{
	struct rx_batch *b = &lane->batches[stream->slot];
	const uint8_t no_headers = 0;
	struct rx_record r = {
		.key = p->key,
		.key_len = p->key_len,
		.value_len = len,
		.headers = &no_headers,
		.headers_len = 1,
	};
	uint8_t headers[RX_HEADERS_ROOM];

	if (unlikely(stream->headers)) {
		r.headers_len = rx_headers(headers, stream->headers, p, lane->now.real_ns);
		r.headers = headers;
	}
	uint32_t need = RX_RECORD_OVERHEAD + r.key_len + len + r.headers_len;
	if (unlikely(!b->limit || b->cursor + need > b->limit)) {
		uint8_t row = rx_batch_make_room(lane, stream, need);

		if (row != RX_OK) {
			struct state_partition *partition = &lane->partitions[stream->slot];
			state_add(&partition->events[EVENT_decoded], 1);
			state_add(&partition->events[EVENT_shed], 1);
			return row;
		}
	}
	int64_t ts_ms = lane->now_ms;
	r.ts_delta = ts_ms - b->base_ts_ms;
	r.offset_delta = b->records;
	if (ts_ms > b->max_ts_ms)
		b->max_ts_ms = ts_ms;
	uint8_t *value = rx_record_begin(b->cursor, &r);
	if (likely(p->mbuf->nb_segs == 1))
		rx_copy(value, rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, off), len);
	else
		rx_gather(value, p->mbuf, off, len);
	b->cursor = rx_record_end(value + len, &r);
	b->records++;
	b->packets += first;
	b->value_bytes += len;
	return RX_OK;
}
