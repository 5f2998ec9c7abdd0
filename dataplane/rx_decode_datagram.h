/* Decoder `datagram`: one UDP payload is one event. An empty payload is an event with no bytes. */
#pragma once

#include "rx_append.h"

static __rte_always_inline uint8_t rx_decode_datagram(struct lane *lane,
						      const struct rx_stream *stream,
						      const struct rx_packet *p)
{
	uint8_t row = rx_append(lane, stream, p, p->payload_off, p->payload_len, true);

	return row == RX_OK ? LEDGER_stored_none : row;
}
