/* What became of a trial's packets, and which stage is named, from made-up counts. */
#include <criterion/criterion.h>
#include <string.h>

#include "replay/verdict.h"

/* A second at 1,000 packets/s of which all are stored; tests change what they are about. */
static struct verdict_sent sent;
static struct appliance_look before, after;
static struct verdict v;

static void all_is_well(void)
{
	sent = (struct verdict_sent){.asked = 1000, .taken = 1000, .seconds = 1};
	/* What was before does not count. */
	before = (struct appliance_look){.received = 77,
					 .stored = 50,
					 .shed_no_slab = 20,
					 .shed_storage = 7,
					 .missed = 5,
					 .no_mbuf = 4,
					 .lost_in_crash = 3,
					 .truncated = 2,
					 .events_decoded = 50,
					 .events_shed = 27,
					 .lanes_count = 2};
	after = before;
	after.received += 1000;
	after.stored += 1000;
	after.events_decoded += 1000;
	after.lanes[0].rx_busy = after.lanes[0].log_busy = 0.1;
}

static void judge(double loss_max)
{
	verdict_of(&sent, &before, &after, loss_max, &v);
}

/* n packets that were sent stand elsewhere. */
static void lose(uint64_t n, uint64_t *to)
{
	after.stored -= n;
	*to += n;
}

static void expect(const char *stage, uint64_t lost, const char *why)
{
	judge(0);
	cr_assert_str_eq(verdict_stage_name(v.stage), stage, "%s", v.why);
	cr_assert_eq(v.lost, lost, "%lu lost", v.lost);
	cr_assert(strstr(v.why, why), "'%s' is not in: %s", why, v.why);
}

Test(verdict, nothing_is_lost)
{
	all_is_well();
	judge(0);
	cr_assert(v.passed && v.reached);
	cr_assert(v.sent == 1000 && v.received == 1000 && v.stored == 1000 && v.lost == 0);
	cr_assert_eq(v.stage, STAGE_NONE);
	cr_assert_eq(v.rate, 1000);
}

/* The config does not want them, or they are not UDP: rightly put aside. */
Test(verdict, what_is_left_out_is_not_lost)
{
	uint64_t aside = 0;

	all_is_well();
	lose(400, &aside);
	judge(0);
	cr_assert(v.passed && v.stored == 600 && v.lost == 0);
}

Test(verdict, some_loss_is_accepted)
{
	all_is_well();
	lose(5, &after.shed_no_slab);
	judge(0.005);
	cr_assert(v.passed);
	judge(0.0049);
	cr_assert_not(v.passed);
}

Test(verdict, on_the_way)
{
	all_is_well();
	after.stored -= 100;
	after.received -= 100;
	after.missed += 60;
	after.no_mbuf += 40;
	expect("nic", 100, "60 missed, 40 without a buffer");
	cr_assert_not(v.passed);
	after.missed_unknown = true;
	expect("nic", 100, "cannot tell");
}

Test(verdict, others_send_too)
{
	all_is_well();
	after.received += 3;
	judge(0);
	cr_assert(v.passed && v.extra == 3 && v.lost == 0);
}

/* What the sender's kernel dropped was never sent: the rate was not reached, and nothing lost. */
Test(verdict, dropped_by_the_sender)
{
	all_is_well();
	sent.failed = 100;
	after.received -= 100;
	after.stored -= 100;
	expect("sender", 0, "100 packets were dropped on the sender's side");
	cr_assert_not(v.passed);
	cr_assert_eq(v.rate, 900);
}

Test(verdict, too_slow_a_sender)
{
	all_is_well();
	sent.asked = 1021; /* 98 % of it were sent */
	expect("sender", 0, "core was not fast enough");
	sent.asked = 1020;
	judge(0);
	cr_assert(v.passed && v.stage == STAGE_NONE);
	sent.asked = 2000;
	sent.starved = 1;
	expect("sender", 0, "from disk");
	sent.starved = 0;
	sent.offered_again = 100000;
	expect("sender", 0, "takes no more");
}

/* Shared memory loses nothing: when it is full, it is the lane that has not read. */
Test(verdict, shared_memory_is_full)
{
	all_is_well();
	sent.asked = 0;
	sent.shared_memory = true;
	sent.offered_again = 500; /* now and then */
	expect("sender", 0, "core was not fast enough");
	cr_assert(v.passed, "at top speed");
	sent.offered_again = 100000;
	after.lanes[1].rx_busy = 0.95;
	expect("lane", 0, "busy 95 %");
	cr_assert(v.passed);
}

Test(verdict, no_free_slab)
{
	all_is_well();
	lose(100, &after.shed_no_slab);
	after.events_shed += 100;
	after.lanes[1].log_busy = 0.97;
	expect("lane", 100, "log core was busy 97 %");
	after.lanes[1].log_busy = 0.3;
	expect("lane", 100, "too few slabs");
	after.writes = 9;
	after.syncs = 1;
	after.write_ns = after.sync_ns = 1000000000;
	expect("disk", 100, "took 200.00 ms, 2.0 in flight");
	after.lanes[1].log_busy = 0.97;
	expect("lane", 100, "log core was busy 97 %");
}

Test(verdict, no_room)
{
	all_is_well();
	lose(100, &after.shed_storage);
	expect("disk", 100, "no room on the disk");
}

/* Several causes: the one that cost most is named. */
Test(verdict, what_lost_most)
{
	all_is_well();
	lose(10, &after.shed_no_slab);
	lose(20, &after.shed_storage);
	after.received -= 15;
	after.stored -= 15;
	expect("disk", 45, "no room");
	after.received -= 15;
	after.stored -= 15;
	expect("nic", 60, "reached no lane");
}

Test(verdict, a_crash_and_a_cut)
{
	all_is_well();
	lose(9, &after.lost_in_crash);
	expect("lane", 9, "died");
	all_is_well();
	lose(9, &after.truncated);
	expect("nic", 9, "cut");
}

/* A packet of ten events is stored when one of them is. */
Test(verdict, events_of_stored_packets)
{
	all_is_well();
	after.events_decoded = before.events_decoded + 10000;
	after.events_shed += 1000;
	expect("disk", 0, "not all events");
	cr_assert_float_eq(v.loss, 0.1, 1e-9);
	cr_assert_not(v.passed);
}

Test(verdict, a_port_that_counts_anew)
{
	all_is_well();
	after.missed = 1;
	after.no_mbuf = after.port_errors = 0;
	judge(0);
	cr_assert_eq(v.missed, 1);
	cr_assert_eq(v.no_mbuf, 0);
	cr_assert_eq(v.port_errors, 0);
}

Test(verdict, a_ledger_that_began_anew_tells_nothing)
{
	all_is_well();
	before.starts = after.starts = 1;
	before.pid = after.pid = 100;
	cr_assert(appliance_same_ledger(&before, &after));
	after.starts = 2, after.pid = 101;
	cr_assert(appliance_same_ledger(&before, &after),
		  "its dataplane died, and has a successor");
	after.starts = 1;
	cr_assert_not(appliance_same_ledger(&before, &after), "another first dataplane");
	after = before;
	after.stored--;
	cr_assert_not(appliance_same_ledger(&before, &after));
	after = before;
	before.terms_count = after.terms_count = 2;
	before.terms[1].packets = 5;
	cr_assert_not(appliance_same_ledger(&before, &after));
}
