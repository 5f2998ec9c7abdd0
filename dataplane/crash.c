#include "crash.h"

bool crash_happened(const struct state *state, bool fresh)
{
	uint32_t run = atomic_load(&((struct state *)(uintptr_t)state)->run_state);

	return !fresh && run != STATE_STOPPED && run != 0;
}

/* Packets that the partition's log holds since the block began: the log core noted the count for
 * each batch before it wrote any of it, and recovery cuts between batches. */
static uint64_t packets_in_log(const struct state_partition *p)
{
	uint64_t end = state_load(&p->log_end), count = state_load(&p->recent_count);

	if (end <= state_load(&p->block_offset))
		return 0;
	for (uint64_t i = 0; i < count && i < STATE_RECENT; i++) {
		const struct state_recent *r = &p->recent[(count - 1 - i) % STATE_RECENT];

		if (state_load(&r->end_offset) == end)
			return state_load(&r->packets);
	}
	return state_load(&p->packets_stored);
}

/* What decoders made is what ended somewhere. */
static void balance_events(struct state_partition *p)
{
	uint64_t sum = 0;

	for (unsigned row = 0; row < EVENT_ROWS; row++)
		if (row != EVENT_decoded)
			sum += state_load(&p->events[row]);
	state_store(&p->events[EVENT_decoded], sum);
}

/* Makes the partition's event ledger true; returns the packets that are in its log. Events that the
 * counters did not know yet (state.h) and that are not in the log are in no row: only their packets
 * were begun. */
static uint64_t book_partition(struct state_partition *p)
{
	uint64_t in_log = state_load(&p->log_end) - state_load(&p->block_offset);
	uint64_t told = state_load(&p->events[EVENT_stored]);

	if (told > in_log)
		state_add(&p->events[EVENT_lost_in_crash], told - in_log);
	state_store(&p->events[EVENT_stored], in_log);
	balance_events(p);
	uint64_t packets = packets_in_log(p);
	state_store(&p->packets_stored, packets);
	return packets;
}

static uint64_t other_rows(const struct state_rx *rx)
{
	uint64_t sum = 0;

	for (unsigned row = 0; row < LEDGER_ROWS; row++)
		if (row != LEDGER_stored_none)
			sum += state_load(&rx->ledger[row]);
	return sum;
}

/* What may still be stored of a port's packets: all but those that other rows took. */
static uint64_t room_of(const struct state_rx *rx)
{
	uint64_t begun = state_load(&rx->begun), others = other_rows(rx);

	return begun > others ? begun - others : 0;
}

static uint64_t book_port(struct state_rx *rx, uint64_t room, uint64_t stored)
{
	state_store(&rx->ledger[LEDGER_stored_none], stored);
	state_add(&rx->ledger[LEDGER_lost_in_crash_none], room - stored);
	state_store(&rx->received, state_load(&rx->begun));
	atomic_store_explicit(&rx->seq, 0, memory_order_release); /* it may have died odd */
	return room - stored;
}

/* Shares the packets in the lane's log out over its ports. Which port a lost packet came by is not
 * known when there are several: each is given up to what it counted; what is then left in the log
 * was never accounted, and goes to the ports that had begun more. */
static uint64_t book_lane(struct state *s, unsigned lane, uint64_t in_log)
{
	uint64_t lost = 0;
	uint64_t stored[PLAN_PORTS_MAX], room[PLAN_PORTS_MAX];

	for (unsigned port = 0; port < s->ports; port++) {
		const struct state_rx *rx = state_rx(s, lane, port);
		uint64_t told = state_load(&rx->ledger[LEDGER_stored_none]);

		room[port] = room_of(rx);
		stored[port] = told < room[port] ? told : room[port];
		if (stored[port] > in_log)
			stored[port] = in_log;
		in_log -= stored[port];
	}
	for (unsigned port = 0; port < s->ports; port++) {
		uint64_t more = room[port] - stored[port];

		if (more > in_log)
			more = in_log;
		in_log -= more;
		lost += book_port(state_rx(s, lane, port), room[port], stored[port] + more);
	}
	return lost;
}

uint64_t crash_book(struct state *s)
{
	uint64_t lost = 0;

	for (unsigned lane = 0; lane < s->lanes; lane++) {
		uint64_t in_log = 0;

		for (unsigned slot = 0; slot < s->streams_max; slot++) {
			struct state_partition *p = state_partition(s, lane, slot);

			if (atomic_load(&p->open))
				in_log += book_partition(p);
		}
		lost += book_lane(s, lane, in_log);
	}
	return lost;
}
