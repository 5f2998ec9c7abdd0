/*
 * Decoder `lines`: events end with LF or with the packet; one CR before the end is cut; empty lines
 * are no events.
 */
#pragma once

#include <string.h>

#include "rx_append.h"

static inline uint8_t rx_decode_lines(struct lane *lane, const struct rx_stream *stream,
				      const struct rx_packet *p)
{
	const uint8_t *data = rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->payload_off);
	uint8_t result = LEDGER_undecodable_no_event;
	uint32_t at = 0;

	if (unlikely(!p->one_piece)) {
		rx_gather(lane->scratch, p->mbuf, p->payload_off, p->payload_len);
		data = lane->scratch;
	}
	while (at < p->payload_len) {
		const uint8_t *lf = memchr(data + at, '\n', p->payload_len - at);
		uint32_t next = lf ? (uint32_t)(lf - data) + 1 : p->payload_len;
		uint32_t end = lf ? next - 1 : next;

		if (end > at && data[end - 1] == '\r')
			end--;
		if (end > at) {
			uint8_t row = rx_append(lane, stream, p, p->payload_off + at, end - at,
						result != LEDGER_stored_none);
			if (row == RX_OK)
				result = LEDGER_stored_none;
			else if (result != LEDGER_stored_none)
				result = row;
		}
		at = next;
	}
	return result;
}
