/*
 * The way of a burst through a lane. Everything per packet happens in this file and the headers it
 * inlines: no allocation, no system call, no lock, no log line (tests/hot checks the object file).
 */
#include "rx_lane.h"

#include <string.h>

#include <rte_ethdev.h>

#include "rx_decode.h"
#include "rx_parse.h"
#include "rx_run_datagram.h"

enum {
	UNTOLD_POLLS = 16, /* bursts after which a stream's counters know its events */
};

/* What is not plain: every header looked at, every stream asked. */
static __rte_noinline void parse_other(struct lane *lane, struct rx_packet *p, struct rte_mbuf *m)
{
	p->row = rx_parse(p, m);
	p->stream = RX_NO_STREAM;
	if (p->row != RX_OK)
		return;
	p->stream = rx_route_find(lane->route, p);
	if (p->stream == RX_NO_STREAM)
		p->row = LEDGER_unrouted_none;
	else
		rx_sender_take(lane->senders, p);
}

/* What was taken of a burst. */
struct taken {
	unsigned packets, plain;
	uint64_t bytes; /* of the frames */
};

/* 2. parse, 3. route; the sender's key is written on the way. Takes one packet at least, and ends
 * before one that can go the short way, unless it is to take all: the number parsed. */
static __rte_noinline unsigned parse_and_route(struct lane *lane, struct rte_mbuf **mbufs,
					       unsigned n, bool all, struct taken *taken)
{
	const struct rx_route *route = lane->route;
	const bool filters = route->filters_count != 0;
	struct rx_packet *p = lane->packets;
	unsigned i;

	for (i = 0; i < n; i++, p++) {
		struct rte_mbuf *m = mbufs[i];
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
		uint64_t udp;

		if (i + RX_FETCH_AHEAD < n)
			rx_fetch(mbufs[i + RX_FETCH_AHEAD]);
		if (unlikely(filters || !rx_plain(m, data, &udp))) {
			parse_other(lane, p, m);
			taken->bytes += m->pkt_len;
			continue;
		}
		uint64_t stream = route->by_port[rx_plain_to(udp)];

		if (i && !all && stream != RX_NO_STREAM && route->streams[stream].runs)
			break;
		taken->bytes += m->pkt_len;
		taken->plain++;
		rx_parse_plain(p, data, udp);
		p->mbuf = m;
		p->kind = RX_PACKET_PLAIN | stream;
		if (unlikely(stream == RX_NO_STREAM)) {
			p->row = LEDGER_unrouted_none;
			continue;
		}
		const struct rx_sender_v4 sender =
			rx_sender_v4(data + RX_PLAIN_SENDER, rx_plain_from(udp));
		rx_sender_put_key_v4(p->key, &sender);
	}
	return i;
}

/* A packet that left no event is counted on its stream, too. */
static void count_unstored(struct lane *lane, const struct rx_stream *stream, uint8_t row)
{
	struct state_partition *p = &lane->partitions[stream->slot];

	if (row == LEDGER_shed_no_slab || row == LEDGER_shed_storage)
		state_add(&p->packets_shed, 1);
	else
		state_add(&p->packets_undecodable, 1);
}

/* 4. decode: each event gets its key and is copied once, into the open batch. */
static inline void decode(struct lane *lane, unsigned n)
{
	const struct rx_stream *stream = NULL;
	uint16_t last = RX_NO_STREAM;

	for (unsigned i = 0; i < n; i++) {
		const struct rx_packet *p = &lane->packets[i];

		if (unlikely(p->row != RX_OK)) {
			lane->rows[p->row]++;
			continue;
		}
		if (unlikely(p->stream != last)) {
			last = p->stream;
			stream = &lane->route->streams[last];
			lane_note_untold(lane, stream->slot);
		}
		uint8_t row = rx_decode(lane, stream, p);
		lane->rows[row]++;
		if (unlikely(row != LEDGER_stored_none))
			count_unstored(lane, stream, row);
	}
}

/* 2. to 4. Most packets go all the way from frame to batch one by one, those between them step by
 * step. */
static inline struct taken take(struct lane *lane, unsigned n)
{
	/* A filter may ask for anything, also of what another stream's port would take. */
	const bool filters = lane->route->filters_count != 0;
	struct taken taken = {0};
	bool stepped = false;

	for (unsigned i = 0; i < n && i < RX_FETCH_AHEAD; i++)
		rx_fetch(lane->mbufs[i]);
	for (;;) {
		unsigned done = filters ? 0
					: rx_run_datagram(lane, lane->mbufs + taken.packets,
							  n - taken.packets, &taken.bytes);

		lane->rows[LEDGER_stored_none] += done;
		taken.plain += done;
		taken.packets += done;
		if (likely(taken.packets == n))
			return taken;
		/* Nothing even behind a packet that went step by step, which opens batches: there
		 * is no slab, or the batch has become too large, and so it stays for this burst. */
		bool in_vain = stepped && !done;
		done = parse_and_route(lane, lane->mbufs + taken.packets, n - taken.packets,
				       in_vain, &taken);
		stepped = true;
		decode(lane, done);
		taken.packets += done;
	}
}

/* 6. account: the ledger's counters change once a burst, inside the sequence lock, so that a reader
 * sees a ledger that balances. */
static inline void account(struct lane *lane, struct state_rx *rx, unsigned n, uint64_t bytes)
{
	uint64_t seq = state_load(&rx->seq);
	state_store(&rx->seq, seq + 1);
	atomic_thread_fence(memory_order_release);
	state_add(&rx->received, n);
	state_add(&rx->received_bytes, bytes);
	state_add(&rx->ledger[LEDGER_stored_none], lane->rows[LEDGER_stored_none]);
	if (unlikely(lane->rows[LEDGER_stored_none] != n))
		for (unsigned row = 0; row < LEDGER_ROWS; row++)
			if (row != LEDGER_stored_none && lane->rows[row])
				state_add(&rx->ledger[row], lane->rows[row]);
	atomic_store_explicit(&rx->seq, seq + 2, memory_order_release);
	memset(lane->rows, 0, sizeof(lane->rows));
}

static inline unsigned poll_queue(struct lane *lane, const struct lane_queue *q)
{
	/* 1. receive */
	unsigned n = rte_eth_rx_burst(q->port, q->queue, lane->mbufs, lane->burst);
	if (n == 0)
		return 0;
	state_add(&q->state->begun, n);
	struct taken taken = take(lane, n);

	/* 5. the mbufs go home with their burst: straight into the queue's own pool, when nothing
	 * hangs on them */
	if (likely(taken.plain == n))
		rte_mempool_put_bulk(lane->mbufs[0]->pool, (void **)lane->mbufs, n);
	else
		rte_pktmbuf_free_bulk(lane->mbufs, n);

	account(lane, q->state, n, taken.bytes);
	return n;
}

unsigned lane_poll(struct lane *lane)
{
	unsigned work = 0;

	for (unsigned i = 0; i < lane->queues_count; i++)
		work += poll_queue(lane, &lane->queues[i]);
	/* The streams' counters, of which there may be many: as soon as there is time, and not much
	 * later when there is none. */
	if (lane->untold_count && (work < lane->burst || ++lane->untold_polls >= UNTOLD_POLLS)) {
		lane->untold_polls = 0;
		rx_batch_tell(lane);
	}
	state_add(&lane->state->polls, 1);
	if (work)
		state_store(&lane->state->last_packet_ns, lane->now.real_ns);
	else
		state_add(&lane->state->polls_empty, 1);

	/* 7. batches whose linger is over */
	if (unlikely(lane->now.mono_ns >= lane->linger_due_ns))
		work += rx_batch_linger(lane);
	return work;
}
