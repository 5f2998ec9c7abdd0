/*
 * A run (rx_run.h) of plain packets (rx_parse.h) for decoder `datagram`, key by sender: each goes
 * from its frame straight into the open batch of its stream, and nothing about it is kept between.
 */
#pragma once

#include "rx_parse.h"
#include "rx_run.h"

/* A stream's open batch, while packets go into it. */
struct rx_run_at {
	struct rx_run run;
	struct rx_batch *batch; /* NULL: none */
	uint8_t *cursor;
	uint64_t bytes;
};

static __rte_always_inline void rx_run_leave(struct rx_run_at *at, unsigned packets)
{
	struct rx_batch *b = at->batch;

	if (!b)
		return;
	b->cursor = at->cursor;
	b->records += packets;
	b->packets += packets;
	b->value_bytes += at->bytes;
	if (packets < RX_RUN_SHORT)
		rx_run_fetch_next(at->cursor);
}

/* False: the stream, or what comes next in its batch, is none of the common case. */
static __rte_always_inline bool rx_run_enter(struct rx_run_at *at, struct lane *lane,
					     uint16_t index)
{
	at->batch = NULL;
	if (index == RX_NO_STREAM || !lane->route->streams[index].runs)
		return false;
	const uint16_t slot = lane->route->streams[index].slot;
	struct rx_batch *b = &lane->batches[slot];

	if (!rx_run_begin(lane, b, &at->run))
		return false;
	lane_note_untold(lane, slot);
	at->batch = b;
	at->cursor = b->cursor;
	at->bytes = 0;
	return true;
}

/* Stores packets mbufs[0..n) until one is not of the common case, or finds no room: the number
 * stored. Their frames' bytes are added to *frames. */
static __rte_noinline unsigned rx_run_datagram(struct lane *lane, struct rte_mbuf **mbufs,
					       unsigned n, uint64_t *frames)
{
	const uint16_t *by_port = lane->route->by_port;
	struct rx_run_at at = {0};
	unsigned index = RX_NO_STREAM + 1u /* none at all */, i, first = 0, end = n;
	uint64_t sum = 0;

	for (i = 0; i < end; i++) {
		const struct rte_mbuf *m = mbufs[i];
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
		uint64_t udp;

		if (i + RX_FETCH_AHEAD < n)
			rx_fetch(mbufs[i + RX_FETCH_AHEAD]);
		if (unlikely(!rx_plain(m, data, &udp)))
			break;
		if (unlikely(by_port[rx_plain_to(udp)] != index)) {
			rx_run_leave(&at, i - first);
			first = i;
			index = by_port[rx_plain_to(udp)];
			if (!rx_run_enter(&at, lane, (uint16_t)index))
				break;
			end = RTE_MIN(n, i + at.run.room);
		}
		if (!at.batch) /* no port's stream is the index before the first packet */
			__builtin_unreachable();
		const uint64_t value_len = rx_plain_payload(udp);
		const struct rx_sender_v4 sender =
			rx_sender_v4(data + RX_PLAIN_SENDER, rx_plain_from(udp));
		const uint64_t key_len = 1 + sender.address_len + sender.port.len;

		if (unlikely(value_len >= RX_RUN_VALUE ||
			     at.cursor + key_len + value_len > at.run.limit))
			break;
		uint8_t *const record = at.cursor;
		uint8_t *to = rx_run_head(record, &at.run, key_len, value_len, &at.cursor);
		rx_sender_put_key_v4(to, &sender);
		rx_run_tail(to + key_len, value_len, at.cursor);
		rx_copy(at.cursor - 1 - value_len, data + RX_PLAIN_PAYLOAD, (uint32_t)value_len);
		at.bytes += value_len;
		rx_run_fetch_ahead(record, at.cursor);
		sum += m->pkt_len;
	}
	*frames += sum;
	rx_run_leave(&at, i - first);
	return i;
}
