#include "rx_batch.h"

#include <string.h>

#include "rx_lane.h"
#include "topology.h"

enum { LINGER_AGAIN_NS = 200 * 1000 };

const uint8_t rx_null_key[RX_KEY_READABLE] = {1}; /* zigzag of -1 */

/* The one that has been free longest. The lines of one just read are still in the log core's cache,
 * and to write them costs half the rate. No more than lane->hot_slabs take turns, so that they stay
 * in some cache; the others wait for the day that the device stalls. (docs/performance.md, "Which
 * slab next") */
static struct slab *take_free_slab(struct lane *lane)
{
	void *slab, *leaves;

	if (likely(rte_ring_sc_dequeue(lane->free, &slab) == 0)) {
		if (unlikely(rte_ring_count(lane->free) >= lane->hot_slabs) &&
		    rte_ring_sc_dequeue(lane->free, &leaves) == 0)
			lane->reserve[lane->reserve_count++] = leaves;
		return slab;
	}
	if (lane->reserve_count)
		return lane->reserve[--lane->reserve_count];
	state_add(&lane->state->slabs_short, 1);
	return NULL;
}

bool rx_batch_set_time(struct rx_batch *b, int64_t ts_ms)
{
	int64_t delta = ts_ms - b->base_ts_ms;
	uint8_t framed[16] = {0};

	if (delta > INT32_MAX || delta < INT32_MIN)
		return false;
	b->ts_len = (uint32_t)(rx_put_varint(framed, rx_zigzag64(delta)) - framed);
	memcpy(&b->ts, framed, sizeof(b->ts)); /* 33 bits: 5 bytes at the most */
	b->ts_ms = ts_ms;
	if (ts_ms > b->max_ts_ms)
		b->max_ts_ms = ts_ms;
	return true;
}

static uint8_t open_batch(struct lane *lane, const struct rx_stream *stream, uint32_t need)
{
	struct rx_batch *b = &lane->batches[stream->slot];
	struct state_partition *partition = &lane->partitions[stream->slot];

	if (atomic_load_explicit(&partition->storage_failed, memory_order_relaxed))
		return LEDGER_shed_storage;
	struct slab *slab = take_free_slab(lane);
	if (!slab)
		return LEDGER_shed_no_slab;

	uint32_t adjust = atomic_load_explicit(&partition->phase_adjust, memory_order_relaxed);
	uint32_t phase = ((uint32_t)b->given_bytes + adjust) % SLAB_BLOCK;
	slab->data = SLAB_BLOCK + phase;
	slab->slot = stream->slot;
	slab->opened_ns = lane->now.mono_ns;
	b->slab = slab;
	b->cursor = slab->base + slab->data + RECORD_BATCH_HEAD;
	uint32_t body = stream->batch_bytes - RECORD_BATCH_HEAD;
	b->limit = b->cursor + (body > need ? body : need);
	b->base_ts_ms = b->max_ts_ms = lane->now_ms;
	rx_batch_set_time(b, lane->now_ms);
	b->records = b->packets = 0;
	b->value_bytes = 0;
	b->told_records = b->told_packets = 0;
	b->told_value_bytes = 0;
	b->due_ns = lane->now.mono_ns + stream->linger_ns;
	if (b->due_ns < lane->linger_due_ns)
		lane->linger_due_ns = b->due_ns;
	lane->open_slots[lane->open_count++] = stream->slot;
	return RX_OK;
}

uint8_t rx_batch_make_room(struct lane *lane, const struct rx_stream *stream, uint32_t need)
{
	if (lane->batches[stream->slot].cursor)
		rx_batch_close(lane, stream->slot);
	return open_batch(lane, stream, need);
}

static void tell(struct lane *lane, uint16_t slot)
{
	struct rx_batch *b = &lane->batches[slot];
	struct state_partition *p = &lane->partitions[slot];
	uint32_t records = b->records - b->told_records;

	if (!records)
		return;
	state_add(&p->events[EVENT_decoded], records);
	state_add(&p->events[EVENT_stored], records);
	state_add(&p->packets_stored, b->packets - b->told_packets);
	state_add(&p->value_bytes, b->value_bytes - b->told_value_bytes);
	b->told_records = b->records;
	b->told_packets = b->packets;
	b->told_value_bytes = b->value_bytes;
}

void rx_batch_tell(struct lane *lane)
{
	for (unsigned i = 0; i < lane->untold_count; i++) {
		lane->batches[lane->untold[i]].untold = false;
		tell(lane, lane->untold[i]);
	}
	lane->untold_count = 0;
}

static void forget_open_slot(struct lane *lane, uint16_t slot)
{
	for (unsigned i = 0; i < lane->open_count; i++)
		if (lane->open_slots[i] == slot) {
			lane->open_slots[i] = lane->open_slots[--lane->open_count];
			return;
		}
}

void rx_batch_close(struct lane *lane, uint16_t slot)
{
	struct rx_batch *b = &lane->batches[slot];
	struct slab *slab = b->slab;

	tell(lane, slot);
	slab->end = (uint32_t)(b->cursor - slab->base);
	slab->records = b->records;
	slab->packets = b->packets;
	slab->base_ts_ms = b->base_ts_ms;
	slab->max_ts_ms = b->max_ts_ms;
	b->given_bytes += slab->end - slab->data;
	b->cursor = b->limit = NULL;
	b->slab = NULL;
	forget_open_slot(lane, slot);
	/* The ring holds more than all slabs of the lane: this cannot fail. */
	rte_ring_sp_enqueue(lane->filled, slab);
	topology_wake_log(lane);
}

bool rx_batch_log_is_behind(const struct lane *lane)
{
	unsigned ours = rte_ring_count(lane->free) + lane->reserve_count + lane->open_count;
	unsigned log_has = lane->slabs_count > ours ? lane->slabs_count - ours : 0;

	return log_has && log_has * 2 >= (unsigned)(lane->slabs_count - lane->open_count);
}

unsigned rx_batch_linger(struct lane *lane)
{
	unsigned closed = 0;

	/* A stalled device must not use up the slabs on batches of a few events: they stay open and
	 * grow, which costs no latency, since the log would not get to them yet. */
	if (unlikely(rx_batch_log_is_behind(lane))) {
		lane->linger_due_ns = lane->now.mono_ns + LINGER_AGAIN_NS;
		return 0;
	}
	lane->linger_due_ns = UINT64_MAX;
	for (unsigned i = 0; i < lane->open_count;) {
		const struct rx_batch *b = &lane->batches[lane->open_slots[i]];

		if (b->due_ns <= lane->now.mono_ns) {
			rx_batch_close(lane, lane->open_slots[i]); /* another takes place i */
			closed++;
			continue;
		}
		if (b->due_ns < lane->linger_due_ns)
			lane->linger_due_ns = b->due_ns;
		i++;
	}
	return closed;
}

void rx_batch_close_all(struct lane *lane)
{
	while (lane->open_count)
		rx_batch_close(lane, lane->open_slots[lane->open_count - 1]);
	lane->linger_due_ns = UINT64_MAX;
}
