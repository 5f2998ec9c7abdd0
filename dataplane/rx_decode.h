/*
 * The decoders, made from the one list of them (api/decoders.def). A decoder takes a routed packet,
 * appends its events with rx_append(), and returns the packet's row of the ledger: stored if any
 * event of it was. To add one: rx_decode_NAME.h with rx_decode_NAME(), its #include here, its row
 * there.
 */
#pragma once

#include "rx_decode_datagram.h"
#include "rx_decode_lines.h"

/* A switch and not a table of pointers, so that each decoder is inlined into the one loop. */
static inline uint8_t rx_decode(struct lane *lane, const struct rx_stream *stream,
				const struct rx_packet *p)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): only routed packets come here */
	switch ((enum plan_decoder)stream->decoder) {
#define DECODER(name, doc)                                                                         \
	case PLAN_DECODER_##name:                                                                  \
		return rx_decode_##name(lane, stream, p);
#include "api/decoders.def"
#undef DECODER
	case PLAN_DECODERS:
		break;
	}
	return LEDGER_undecodable_no_event;
}
