/*
 * Decoder `lines`: events end with LF or with the packet; one CR before the end is cut; empty lines
 * are no events.
 */
#pragma once

#include <string.h>

#include "rx_run.h"

/* The line at `at`: up to *end; returns where the next one begins. */
static __rte_always_inline const uint8_t *rx_line(const uint8_t *at, const uint8_t *all,
						  const uint8_t **end)
{
	const uint8_t *lf = memchr(at, '\n', (size_t)(all - at));

	*end = lf ? lf : all;
	if (*end > at && (*end)[-1] == '\r')
		--*end;
	return lf ? lf + 1 : all;
}

/* A run (rx_run.h): appends the lines from *from up to `all` until one does not fit the case, to
 * which *from then points: the number of events. */
static __rte_noinline unsigned rx_run_lines(struct lane *lane, const struct rx_stream *stream,
					    const struct rx_packet *p, const uint8_t **from,
					    const uint8_t *all)
{
	struct rx_batch *b = &lane->batches[stream->slot];
	const uint8_t *const key = rx_key(stream, p);
	const uint64_t key_len = rx_key_len(key);
	const uint8_t *at = *from, *end;
	uint64_t bytes = 0;
	unsigned events = 0;
	uint8_t *cursor = b->cursor;
	struct rx_run run;

	if (!rx_run_begin(lane, b, &run))
		return 0;
	for (const uint8_t *next; at < all; at = next) {
		next = rx_line(at, all, &end);
		uint64_t len = (uint64_t)(end - at);
		if (unlikely(!len))
			continue;
		if (unlikely(len >= RX_RUN_VALUE || events == run.room ||
			     cursor + key_len + len > run.limit))
			break;
		uint8_t *const record = cursor;
		uint8_t *to = rx_run_head(record, &run, key_len, len, &cursor);
		to = rx_put_key(to, key, (uint32_t)key_len);
		rx_run_tail(to, len, cursor);
		rx_copy(cursor - 1 - len, at, (uint32_t)len);
		bytes += len;
		events++;
		rx_run_fetch_ahead(record, cursor);
	}
	*from = at;
	b->cursor = cursor;
	b->records += events;
	b->value_bytes += bytes;
	return events;
}

static inline uint8_t rx_decode_lines(struct lane *lane, const struct rx_stream *stream,
				      const struct rx_packet *p)
{
	const uint8_t *data = rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->payload_off);
	const bool in_runs = likely(p->one_piece && !stream->headers);
	uint8_t result = LEDGER_undecodable_no_event;

	if (unlikely(!p->one_piece)) {
		rx_gather(lane->scratch, p->mbuf, p->payload_off, p->payload_len);
		data = lane->scratch;
	}
	const uint8_t *const all = data + p->payload_len;
	for (const uint8_t *at = data, *end, *next; at < all; at = next) {
		bool first = result != LEDGER_stored_none;

		if (in_runs && rx_run_lines(lane, stream, p, &at, all)) {
			lane->batches[stream->slot].packets += first;
			result = LEDGER_stored_none;
			first = false;
		}
		next = rx_line(at, all, &end);
		if (end == at)
			continue;
		uint8_t row = rx_append(lane, stream, p, p->payload_off + (uint32_t)(at - data),
					(uint32_t)(end - at), first);
		if (row == RX_OK)
			result = LEDGER_stored_none;
		else if (first)
			result = row;
	}
	return result;
}
