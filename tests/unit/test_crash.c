/*
 * What a dataplane that died had in flight, booked from hand-made state blocks: each test sets what
 * the dead one counted and what recovery found, and says where the packets must stand afterwards.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/crash.h"
#include "plans.h"

static struct state *state;
static char run_dir[64];

static void make_state(unsigned ports, unsigned lanes, unsigned streams)
{
	bool fresh;

	snprintf(run_dir, sizeof(run_dir), "/tmp/test-crash-%d", getpid());
	struct plan *p = plan_new(run_dir, "/tmp/data");
	p->ports_count = (uint16_t)ports;
	p->lanes_count = (uint16_t)lanes;
	p->streams_max = (uint16_t)streams;
	state = state_create(p, 1000000000, &fresh);
	cr_assert_not_null(state);
	cr_assert(fresh);
	free(p);
}

static void drop_state(void)
{
	state_close(state);
	state_unlink(run_dir);
}

/* As the lane counts packets that it stored: begun and told. */
static void told(unsigned lane, unsigned port, uint64_t begun, uint64_t received, uint64_t stored)
{
	struct state_rx *rx = state_rx(state, lane, port);

	state_store(&rx->begun, begun);
	state_store(&rx->received, received);
	state_store(&rx->ledger[LEDGER_stored_none], stored);
	state_store(&rx->ledger[LEDGER_unrouted_none], received - stored);
}

static struct state_partition *partition(unsigned lane, unsigned slot, uint64_t events,
					 uint64_t packets, uint64_t log_end)
{
	struct state_partition *p = state_partition(state, lane, slot);

	state_store(&p->events[EVENT_decoded], events);
	state_store(&p->events[EVENT_stored], events);
	state_store(&p->packets_stored, packets);
	state_store(&p->log_end, log_end);
	atomic_store(&p->open, 1);
	return p;
}

/* As the log core notes a batch. */
static void note(struct state_partition *p, uint64_t end_offset, uint64_t packets)
{
	uint64_t n = state_load(&p->recent_count);

	state_store(&p->recent[n % STATE_RECENT].end_offset, end_offset);
	state_store(&p->recent[n % STATE_RECENT].packets, packets);
	state_store(&p->recent_count, n + 1);
}

static void expect_row(unsigned lane, unsigned port, enum ledger row, uint64_t want)
{
	struct state_rx_copy c;

	cr_assert(state_read_rx(state, lane, port, &c));
	cr_expect_eq(c.ledger[row], want, "lane %u port %u %s: %llu, not %llu", lane, port,
		     ledger_info[row].term, (unsigned long long)c.ledger[row],
		     (unsigned long long)want);
}

static void expect_event(const struct state_partition *p, enum event_row row, uint64_t want)
{
	cr_expect_eq(state_load(&p->events[row]), want, "%s: %llu, not %llu", event_info[row].name,
		     (unsigned long long)state_load(&p->events[row]), (unsigned long long)want);
}

/* Both ledgers, everywhere. */
static void expect_balance(void)
{
	for (unsigned lane = 0; lane < state->lanes; lane++) {
		uint64_t stored = 0, packets = 0;

		for (unsigned port = 0; port < state->ports; port++) {
			struct state_rx_copy c;
			uint64_t sum = 0;

			cr_assert(state_read_rx(state, lane, port, &c));
			for (unsigned row = 0; row < LEDGER_ROWS; row++)
				sum += c.ledger[row];
			cr_expect_eq(c.received, sum);
			cr_expect_eq(c.received, state_load(&state_rx(state, lane, port)->begun));
			stored += c.ledger[LEDGER_stored_none];
		}
		for (unsigned slot = 0; slot < state->streams_max; slot++) {
			struct state_partition *p = state_partition(state, lane, slot);
			uint64_t events = 0;

			for (unsigned row = EVENT_decoded + 1; row < EVENT_ROWS; row++)
				events += state_load(&p->events[row]);
			cr_expect_eq(state_load(&p->events[EVENT_decoded]), events);
			packets += state_load(&p->packets_stored);
		}
		cr_expect_eq(stored, packets, "lane %u: ports say %llu stored, streams %llu", lane,
			     (unsigned long long)stored, (unsigned long long)packets);
	}
}

Test(crash, is_told_from_a_clean_stop)
{
	make_state(1, 1, 1);
	cr_expect(!crash_happened(state, true));
	cr_expect(!crash_happened(state, false)); /* nobody ran yet */
	for (uint32_t run = STATE_STARTING; run <= STATE_FAILED; run++) {
		atomic_store(&state->run_state, run);
		cr_expect_eq(crash_happened(state, false), run != STATE_STOPPED);
		cr_expect(!crash_happened(state, true));
	}
	drop_state();
}

Test(crash, nothing_lost)
{
	make_state(1, 1, 1);
	told(0, 0, 100, 100, 90);
	struct state_partition *p = partition(0, 0, 90, 90, 90);
	note(p, 90, 90);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 90);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 0);
	expect_event(p, EVENT_stored, 90);
	expect_balance();
	drop_state();
}

Test(crash, batches_that_did_not_reach_the_disk)
{
	make_state(1, 1, 1);
	told(0, 0, 100, 100, 90);
	struct state_partition *p = partition(0, 0, 270, 90, 120);
	note(p, 60, 20); /* three events a packet */
	note(p, 120, 40);
	note(p, 240, 80);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 40);
	expect_row(0, 0, LEDGER_unrouted_none, 10);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 50);
	expect_event(p, EVENT_stored, 120);
	expect_event(p, EVENT_lost_in_crash, 150);
	expect_balance();
	drop_state();
}

Test(crash, a_burst_that_was_begun_and_not_accounted)
{
	make_state(1, 1, 1);
	told(0, 0, 132, 100, 100);
	struct state_partition *p = partition(0, 0, 100, 100, 100);
	note(p, 100, 100);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 100);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 32);
	expect_balance();
	drop_state();
}

Test(crash, a_batch_that_was_written_and_not_accounted)
{
	make_state(1, 1, 1);
	told(0, 0, 132, 100, 100);
	struct state_partition *p = partition(0, 0, 100, 100, 120);
	note(p, 60, 60);
	note(p, 120, 120);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 120);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 12);
	expect_event(p, EVENT_stored, 120);
	expect_event(p, EVENT_decoded, 120);
	expect_event(p, EVENT_lost_in_crash, 0);
	expect_balance();
	drop_state();
}

/* Killed between the two halves of an account: rows and sequence are half done. */
/* Decoded was told, stored not yet. */
Test(crash, dead_between_two_counters_of_events)
{
	make_state(1, 1, 1);
	told(0, 0, 100, 100, 100);
	struct state_partition *p = partition(0, 0, 100, 100, 100);
	state_add(&p->events[EVENT_decoded], 60);
	state_add(&p->events[EVENT_shed], 7);
	note(p, 100, 100);
	crash_book(state);
	expect_event(p, EVENT_stored, 100);
	expect_event(p, EVENT_shed, 7);
	expect_event(p, EVENT_decoded, 107);
	drop_state();
}

Test(crash, dead_within_an_account)
{
	make_state(1, 1, 1);
	told(0, 0, 132, 132, 100); /* received is up to date, the rows are not */
	struct state_rx *rx = state_rx(state, 0, 0);
	state_store(&rx->ledger[LEDGER_unrouted_none], 7);
	state_store(&rx->seq, 41);
	struct state_partition *p = partition(0, 0, 100, 100, 100);
	note(p, 100, 100);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 100);
	expect_row(0, 0, LEDGER_unrouted_none, 7);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 25);
	expect_balance();
	drop_state();
}

Test(crash, several_ports_of_a_lane)
{
	make_state(3, 1, 2);
	told(0, 0, 100, 100, 50);
	told(0, 1, 200, 200, 200);
	told(0, 2, 30, 30, 30);
	struct state_partition *a = partition(0, 0, 180, 180, 180);
	struct state_partition *b = partition(0, 1, 100, 100, 40);
	note(a, 180, 180);
	note(b, 40, 40);
	note(b, 90, 90);
	crash_book(state);
	uint64_t stored = 0, lost = 0;
	for (unsigned port = 0; port < 3; port++) {
		stored += state_load(&state_rx(state, 0, port)->ledger[LEDGER_stored_none]);
		lost += state_load(&state_rx(state, 0, port)->ledger[LEDGER_lost_in_crash_none]);
	}
	cr_expect_eq(stored, 220);
	cr_expect_eq(lost, 60);
	expect_balance();
	drop_state();
}

/* The unaccounted packets came by the first port, the last has no room for them. */
Test(crash, written_but_not_accounted_on_the_first_port)
{
	make_state(2, 1, 1);
	told(0, 0, 110, 100, 100);
	told(0, 1, 50, 50, 50);
	struct state_partition *p = partition(0, 0, 150, 150, 160);
	note(p, 150, 150);
	note(p, 160, 160);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 110);
	expect_row(0, 1, LEDGER_stored_none, 50);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 0);
	expect_row(0, 1, LEDGER_lost_in_crash_none, 0);
	expect_balance();
	drop_state();
}

Test(crash, lanes_do_not_mix)
{
	make_state(1, 3, 1);
	for (unsigned lane = 0; lane < 3; lane++) {
		told(lane, 0, 100, 100, 100);
		note(partition(lane, 0, 100, 100, 100 - 10 * lane), 100 - 10 * lane,
		     100 - 10 * lane);
	}
	crash_book(state);
	for (unsigned lane = 0; lane < 3; lane++)
		expect_row(lane, 0, LEDGER_lost_in_crash_none, 10 * lane);
	expect_balance();
	drop_state();
}

/* A partition that already held something when the block began. */
Test(crash, an_older_log)
{
	make_state(1, 1, 1);
	told(0, 0, 100, 100, 100);
	struct state_partition *p = partition(0, 0, 100, 100, 5070);
	state_store(&p->block_offset, 5000);
	note(p, 5070, 70);
	note(p, 5100, 100);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 70);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 30);
	expect_event(p, EVENT_stored, 70);
	expect_balance();
	drop_state();
}

/* Nothing of this block's batches survived: cut back to where it began, or the directory wiped
 * (then topology_partitions.c moved block_offset down). */
Test(crash, everything_lost)
{
	make_state(1, 1, 2);
	told(0, 0, 100, 100, 100);
	struct state_partition *a = partition(0, 0, 60, 60, 5000);
	state_store(&a->block_offset, 5000);
	note(a, 5060, 60);
	struct state_partition *b = partition(0, 1, 40, 40, 0);
	note(b, 40, 40);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 0);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 100);
	expect_event(a, EVENT_lost_in_crash, 60);
	expect_event(b, EVENT_lost_in_crash, 40);
	expect_balance();
	drop_state();
}

/* Offsets are given again after a crash: the later note counts. */
Test(crash, twice)
{
	make_state(1, 1, 1);
	told(0, 0, 100, 100, 100);
	struct state_partition *p = partition(0, 0, 100, 100, 50);
	note(p, 50, 50);
	note(p, 100, 100);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 50);
	/* The second life: 40 packets more, of two events each, then 10 more that are lost. */
	struct state_rx *rx = state_rx(state, 0, 0);
	state_add(&rx->begun, 50);
	state_add(&rx->received, 50);
	state_add(&rx->ledger[LEDGER_stored_none], 50);
	state_add(&p->events[EVENT_decoded], 100);
	state_add(&p->events[EVENT_stored], 100);
	state_add(&p->packets_stored, 50);
	note(p, 100, 75);
	note(p, 130, 90);
	note(p, 150, 100);
	state_store(&p->log_end, 100);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 75);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 75);
	expect_event(p, EVENT_stored, 100);
	expect_event(p, EVENT_lost_in_crash, 100);
	expect_balance();
	drop_state();
}

/* More batches than notes, the newest of them in the log. */
Test(crash, notes_wrap)
{
	make_state(1, 1, 1);
	told(0, 0, 10000, 10000, 10000);
	struct state_partition *p = partition(0, 0, 10000, 10000, 9990);
	for (uint64_t end = 10; end <= 10000; end += 10)
		note(p, end, end);
	crash_book(state);
	expect_row(0, 0, LEDGER_stored_none, 9990);
	expect_row(0, 0, LEDGER_lost_in_crash_none, 10);
	expect_balance();
	drop_state();
}

/* Partitions that no lane writes any more are none of the ledger's. */
Test(crash, partitions_that_are_not_open_are_left_alone)
{
	make_state(1, 1, 2);
	told(0, 0, 10, 10, 10);
	note(partition(0, 0, 10, 10, 10), 10, 10);
	struct state_partition *p = partition(0, 1, 0, 0, 77);
	atomic_store(&p->open, 0);
	crash_book(state);
	expect_event(p, EVENT_stored, 0);
	expect_balance();
	drop_state();
}
