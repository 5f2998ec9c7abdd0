/*
 * A run (rx_run.h) of decoder `datagram`, key by sender over IPv4: packet after packet.
 */
#pragma once

#include "rx_parse.h"
#include "rx_run.h"

/* Does a stream's config allow it? */
static inline bool rx_run_datagram_possible(const struct rx_stream *stream)
{
	return stream->decoder == PLAN_DECODER_datagram && stream->key == PLAN_KEY_SENDER &&
	       !stream->headers;
}

/* Appends packets p[0..n) until one is not of the first one's kind, or has no room: the number
 * done. A function of its own, so that what it works with stays in registers. */
static __rte_noinline unsigned rx_run_datagram(struct lane *lane, const struct rx_stream *stream,
					       const struct rx_packet *p, unsigned n)
{
	struct rx_batch *b = &lane->batches[stream->slot];
	const uint64_t kind = p->kind;
	const struct rx_packet *const first = p, *end = p + n;
	uint64_t bytes = 0, records = b->records;
	uint8_t *cursor = b->cursor;
	struct rx_run run;

	if ((kind & RX_PACKET_KIND) != RX_PACKET_PLAIN || !rx_run_begin(lane, b, &run))
		return 0;
	if (records + n > run.records_max)
		end = p + (run.records_max - records);

	for (; p < end; p++) {
		const uint64_t value_len = p->payload_len;

		if (unlikely(p->kind != kind || value_len >= RX_RUN_VALUE))
			break;
		const uint64_t key_len = (uint64_t)(p->key[0] >> 1) + 1;

		if (unlikely(cursor + key_len + value_len > run.limit))
			break;
		cursor = rx_run_frame(cursor, &run, records++, p->key, key_len, false, value_len);
		rx_copy(cursor - 1 - value_len, p->ip + (RX_PLAIN_PAYLOAD - RX_PLAIN_IP),
			(uint32_t)value_len);
		bytes += value_len;
	}
	b->cursor = cursor;
	b->records = (uint32_t)records;
	b->packets += (uint32_t)(p - first);
	b->value_bytes += bytes;
	if (p - first < RX_RUN_SHORT)
		rx_run_fetch(cursor);
	return (unsigned)(p - first);
}
