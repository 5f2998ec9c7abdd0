/*
 * The loop that every sending core runs:
 *
 *     1. what is due (feed) is copied into packet buffers, and rewritten
 *     2. the burst is offered to the device, again and again until it has taken all
 *     3. errors of timing are counted, of those that it took
 *
 * Step 2 alone may call the kernel: the driver does, or the device has had no room for long.
 */
#include "send.h"

#include <sched.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include "dataplane/clock.h"

enum { YIELD_AFTER = 256 };

static inline void add(_Atomic uint64_t *counter, uint64_t n)
{
	/* One writer: no locked instruction. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Sender v of all when this is the k-th packet of the queue: queue q has those with v mod queues =
 * q, so that each stays in its order. All fragments of a datagram have one sender. */
static inline uint32_t sender_of(const struct send_options *o, const struct rewrite_shape *shape,
				 uint64_t k)
{
	if (shape->fragment)
		k = shape->fragment / o->queues; /* what is left of it: see feed_queue_of() */

	uint32_t mine = (o->spread - o->queue + o->queues - 1) / o->queues;

	return o->spread < o->queues ? (uint32_t)(k % o->spread)
				     : (uint32_t)(k % mine) * o->queues + o->queue;
}

static inline void fill(struct sender *s, struct rte_mbuf *m, const struct feed_frame *frame,
			uint64_t now)
{
	const struct send_options *o = &s->options;
	uint8_t *bytes = rte_pktmbuf_mtod(m, uint8_t *);

	m->data_len = frame->len;
	m->pkt_len = frame->len;
	__builtin_memcpy(bytes, frame->bytes, frame->len);
	if (o->spread)
		rewrite_source(bytes, &frame->shape, sender_of(o, &frame->shape, s->number));
	if (o->stamp && frame->shape.stamp) {
		struct stamp stamp = {o->run, (uint8_t)o->queue, s->stamped, clock_at(now).real_ns};
		s->stamped_at[s->stamped++ % SEND_BURST_MAX] = s->number;
		rewrite_stamp(bytes, &frame->shape, &stamp);
	}
	s->number++;
}

/* Step 1. Returns how many. */
static inline unsigned gather(struct sender *s, struct rte_mbuf **burst, uint64_t *at, uint64_t now)
{
	const struct send_options *o = &s->options;
	/* (Whoever was off its processor at the end sends nothing that was due behind it.) */
	uint64_t since = (now < o->end ? now : o->end) - o->start;
	uint64_t left = o->packets - s->number;
	unsigned n = 0, most = o->burst < left ? o->burst : (unsigned)left;

	while (n < most) {
		struct feed_frame *frame = feed_peek(&s->cursor);

		if (!frame) {
			if (!s->cursor.ended && n == 0)
				add(&s->counts.starved, 1);
			break;
		}
		at[n] = s->cursor.base + frame->at;
		if (o->paced && at[n] > since)
			break;
		if (!s->spares) {
			if (rte_pktmbuf_alloc_bulk(o->pool, s->spare, o->burst) != 0)
				break;
			s->spares = o->burst;
		}
		burst[n] = s->spare[--s->spares];
		fill(s, burst[n], frame, now);
		feed_advance(&s->cursor, frame);
		n++;
	}
	return n;
}

/* Why to stop now, if so. */
static inline enum send_end ends(const struct sender *s, uint64_t now)
{
	if (unlikely(atomic_load_explicit(s->options.stop, memory_order_relaxed)))
		return SEND_STOPPED;
	return unlikely(now >= s->options.end) ? SEND_TIME_UP : SEND_RUNNING;
}

/* The last n packets never left: nor did their stamps. */
static void give_up(struct sender *s, struct rte_mbuf **burst, unsigned n)
{
	s->counts.given_up += n;
	while (s->stamped && s->stamped_at[(s->stamped - 1) % SEND_BURST_MAX] >= s->number - n)
		s->stamped--;
	rte_pktmbuf_free_bulk(burst, n);
}

/* Step 3. These were taken by the device when it was asked at `now`. */
static inline void count_errors(struct sender *s, const uint64_t *at, unsigned n, uint64_t now)
{
	uint64_t since = now - s->options.start;

	for (unsigned i = 0; i < n; i++) {
		uint64_t actual = since - s->previous_since;
		uint64_t intended = at[i] - s->previous_at;

		if (s->has_previous)
			histogram_count(&s->counts.gap_error,
					actual > intended ? actual - intended : intended - actual);
		histogram_count(&s->counts.late, since - at[i]);
		s->has_previous = true;
		s->previous_since = since;
		s->previous_at = at[i];
	}
}

/* Step 2. Until all are taken, or there is a reason to stop. */
static inline void offer(struct sender *s, struct rte_mbuf **burst, const uint64_t *at, unsigned n)
{
	const struct send_options *o = &s->options;
	uint64_t stall = rte_rdtsc() + SEND_STALL_S * clock_tsc_hz();
	uint64_t bytes = 0;
	unsigned done = 0, vain = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += burst[i]->pkt_len;
	for (;;) {
		uint64_t asked = rte_rdtsc();
		unsigned taken =
			rte_eth_tx_burst(o->port, o->queue, burst + done, (uint16_t)(n - done));
		uint64_t now = rte_rdtsc();

		if (taken) {
			stall = now + SEND_STALL_S * clock_tsc_hz();
			s->counts.last_tsc = now;
			if (o->paced)
				count_errors(s, at + done, taken, asked);
		}
		done += taken;
		if (likely(done == n))
			break;
		add(&s->counts.offered_again, n - done);
		s->end = now > stall ? SEND_STALLED : ends(s, now);
		if (s->end != SEND_RUNNING) {
			for (unsigned i = done; i < n; i++)
				bytes -= burst[i]->pkt_len;
			give_up(s, burst + done, n - done);
			break;
		}
		/* Whom we wait for may want this very processor. */
		if (++vain % YIELD_AFTER == 0)
			sched_yield();
		rte_pause();
	}
	add(&s->counts.packets, done);
	add(&s->counts.bytes, bytes);
}

int send_run(void *ctx)
{
	struct sender *s = ctx;
	struct rte_mbuf *burst[SEND_BURST_MAX];
	uint64_t at[SEND_BURST_MAX] = {0};

	while (rte_rdtsc() < s->options.start)
		rte_pause();
	while (s->end == SEND_RUNNING) {
		uint64_t now = rte_rdtsc();
		unsigned n = gather(s, burst, at, now);

		if (n) {
			if (!s->counts.first_tsc)
				s->counts.first_tsc = now;
			offer(s, burst, at, n);
			if (s->end != SEND_RUNNING)
				break;
		} else if (s->cursor.ended || s->number == s->options.packets) {
			s->end = SEND_DONE;
			break;
		} else {
			rte_pause();
		}
		s->end = ends(s, now);
	}
	rte_pktmbuf_free_bulk(s->spare, s->spares);
	s->spares = 0;
	return 0;
}
