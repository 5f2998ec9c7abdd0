/* The status object and its two renderings, from a real state block. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "control/status.h"
#include "sample_gateway.h"
#include "sample_state.h"

static char dir[64];
static struct plan *plan;
static struct state *state;

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/weir-test-status-%d", (int)getpid());
	plan = sample_plan(dir);
	state = sample_state(plan);
}

static void teardown(void)
{
	state_close(state);
	state_unlink(dir);
	free(plan);
}

TestSuite(status, .init = setup, .fini = teardown, .timeout = 40);

static struct status *get(void)
{
	struct status *st;

	cr_assert_eq(status_read(dir, &st), 0);
	return st;
}

static json_int_t number(const json_t *json, const char *path)
{
	char copy[128], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save))
		json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
					   : json_object_get(json, part);
	cr_assert(json_is_integer(json), "%s is no integer", path);
	return json_integer_value(json);
}

Test(status, no_block_no_status)
{
	struct status *st;

	cr_assert_eq(status_read("/nonexistent/run", &st), -ENOENT);
}

Test(status, sums_lanes_ports_and_totals)
{
	struct status *st = get();

	cr_assert(st->balanced, "%s", st->imbalance);
	cr_assert_eq(st->packets.received, 171);
	cr_assert_eq(st->lanes[0].packets.received, 130);
	cr_assert_eq(st->ports[0].packets.received, 151);
	cr_assert_eq(status_term(&st->packets, "malformed"), 4);
	cr_assert_eq(st->events.rows[EVENT_decoded], 162);
	cr_assert_eq(st->lanes[1].events.rows[EVENT_decoded], 42);
	cr_assert_eq(st->streams_count, 2);
	cr_assert_eq(st->partitions_count, 3);
	cr_assert_float_eq(st->lanes[0].busy_ratio, 0.75, 1e-9);
	cr_assert(status_ready(st));
	cr_assert_str_eq(status_run_name(st), "running");
	cr_assert_eq(st->control_pid, 0);
	status_free(st);
}

Test(status, json_has_the_documented_shape)
{
	struct status *st = get();
	json_t *json = status_json(st);

	cr_assert_str_eq(json_string_value(json_object_get(json, "run_state")), "running");
	cr_assert(json_is_true(json_object_get(json, "balanced")));
	cr_assert_eq(number(json, "pid"), getpid());
	cr_assert_eq(number(json, "plan_generation"), 1);
	cr_assert_eq(number(json, "starts"), 2);
	cr_assert_eq(number(json, "crashes"), 1);
	cr_assert_geq(json_real_value(json_object_get(json, "uptime_s")), 4.9);
	cr_assert_eq(number(json, "ledger/packets/received"), 171);
	cr_assert_eq(number(json, "ledger/packets/received_bytes"), 17100);
	cr_assert_eq(number(json, "ledger/packets/stored"), 160);
	cr_assert_eq(number(json, "ledger/packets/malformed"), 4);
	cr_assert_eq(number(json, "ledger/packets/causes/malformed.truncated"), 4);
	cr_assert_eq(number(json, "ledger/packets/causes/shed.no_slab"), 0);
	cr_assert_eq(number(json, "ledger/events/decoded"), 162);
	cr_assert_eq(number(json, "ledger/lanes/1/lane"), 1);
	cr_assert_eq(number(json, "ledger/lanes/1/packets/received"), 41);
	cr_assert_eq(number(json, "ledger/lanes/1/events/shed"), 2);
	cr_assert_eq(number(json, "ledger/ports/1/packets/received"), 20);
	cr_assert_eq(number(json, "ledger/streams/0/packets/stored"), 150);
	cr_assert_eq(number(json, "ledger/streams/1/packets/shed"), 2);
	cr_assert_eq(number(json, "ledger/streams/1/events/stored"), 10);
	cr_assert_eq(number(json, "ledger/streams/0/value_bytes"), 7500);
	cr_assert_eq(number(json, "ports/0/missed"), 17);
	cr_assert(json_is_null(
		json_object_get(json_array_get(json_object_get(json, "ports"), 1), "missed")));
	cr_assert_eq(number(json, "partitions/1/partition"), 1);
	cr_assert_eq(number(json, "partitions/1/log_start"), 10);
	cr_assert_eq(number(json, "partitions/1/log_end"), 35);
	cr_assert_eq(number(json, "partitions/1/durable_end"), 30);
	cr_assert_eq(number(json, "partitions/1/visible_end"), 30);
	cr_assert_eq(number(json, "partitions/1/segments"), 2);
	cr_assert_eq(number(json, "partitions/1/bytes"), 4096);
	cr_assert_eq(number(json, "partitions/1/leader_epoch"), 3);
	cr_assert_eq(number(json, "lanes/0/lane"), 0);
	json_decref(json);
	status_free(st);
}

/* Every term and event of the lists has its member, so a new row cannot be forgotten. */
Test(status, json_has_every_row)
{
	struct status *st = get();
	json_t *json = status_json(st);
	json_t *packets = json_object_get(json_object_get(json, "ledger"), "packets");
	json_t *events = json_object_get(json_object_get(json, "ledger"), "events");

	for (int row = 0; row < LEDGER_ROWS; row++)
		cr_assert(json_is_integer(json_object_get(packets, ledger_info[row].term)));
	for (int row = 0; row < EVENT_ROWS; row++)
		cr_assert(json_is_integer(json_object_get(events, event_info[row].name)));
	json_decref(json);
	status_free(st);
}

static char *text_of(const struct status *st)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	status_print(out, st);
	fclose(out);
	return text;
}

Test(status, text_says_what_matters)
{
	struct status *st = get();
	char *text = text_of(st);

	cr_assert_not_null(strstr(text, "\nbalanced\n"));
	cr_assert_not_null(strstr(text, "malformed (truncated)"));
	cr_assert_null(strstr(text, "ipv6_header"), "rows of zero stay out of the text");
	cr_assert_not_null(strstr(text, "unknown"), "what a driver cannot tell is not 0");
	cr_assert_not_null(strstr(text, "syslog-1"));
	cr_assert_not_null(strstr(text, "control    not running (packets keep flowing)"));
	free(text);
	status_free(st);
}

Test(status, gateway_and_its_groups)
{
	pid_t gateway = sample_gateway(dir, plan->storage_path);
	struct status *st = get();
	char *text = text_of(st);
	json_t *json = status_json(st), *group;

	cr_assert_not_null(strstr(text, "running, pid"));
	cr_assert_not_null(strstr(text, "127.0.0.1:9092"));
	cr_assert_not_null(strstr(text, "3 connections"));
	cr_assert_not_null(strstr(text, "within 128 us, 99 % within 4.1 ms"), "%s", text);
	cr_assert_not_null(strstr(text, "group readers: Stable, 1 member, range"));
	cr_assert_not_null(strstr(text, "group o\"dd?: Empty, 0 members"));
	cr_assert_eq(number(json, "gateway/pid"), gateway);
	cr_assert_eq(number(json, "gateway/requests/Fetch"), 11);
	cr_assert_eq(number(json, "gateway/fetch_histogram/7"), 2);
	cr_assert_eq(number(json, "gateway/groups/0/offsets/0/visible_end"), 30, "the dataplane's");
	cr_assert_eq(number(json, "gateway/groups/0/offsets/0/lag"), 18);
	cr_assert_eq(number(json, "gateway/groups/0/offsets/1/lag"), 5, "as the gateway saw it");
	group = json_array_get(json_object_get(json_object_get(json, "gateway"), "groups"), 1);
	group = json_array_get(json_object_get(group, "offsets"), 0);
	cr_assert(json_is_null(json_object_get(group, "lag")), "a partition that is gone");
	json_decref(json);
	free(text);
	status_free(st);
	sample_gateway_end(gateway);
	st = get();
	text = text_of(st);
	cr_assert_not_null(strstr(text, "gateway    dead"));
	cr_assert_not_null(strstr(text, "group readers: no gateway, 0 members"));
	cr_assert_null(strstr(text, "kcat"), "nobody is connected any more");
	free(text);
	status_free(st);
	sample_gateway_remove(dir);
}

Test(status, a_missing_packet_is_named)
{
	state_add(&state_rx(state, 1, 0)->received, 1);
	struct status *st = get();
	char *text = text_of(st);

	cr_assert_not(st->balanced);
	cr_assert_not_null(strstr(st->imbalance, "lane 1, port 0"));
	cr_assert_not_null(strstr(text, "NOT BALANCED"));
	free(text);
	status_free(st);
}

/* Two errors that cancel out in the total are errors all the same. */
Test(status, lanes_balance_each_for_itself)
{
	state_add(&state_rx(state, 1, 0)->received, 1);
	state_add(&state_rx(state, 0, 0)->ledger[LEDGER_unrouted_none], 1);
	struct status *st = get();

	cr_assert_eq(st->packets.received, 172);
	cr_assert_not(st->balanced);
	status_free(st);
}

Test(status, events_balance_too)
{
	state_add(&state_partition(state, 1, 1)->events[EVENT_decoded], 1);
	struct status *st = get();

	cr_assert_not(st->balanced);
	cr_assert_not_null(strstr(st->imbalance, "events of netflow-1"));
	status_free(st);
}

Test(status, a_dead_dataplane_is_called_dead)
{
	pid_t child = fork();
	int ignored;

	if (child == 0)
		_exit(0);
	/* A zombie is dead, too. */
	siginfo_t info;
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	atomic_store(&state->pid, (uint32_t)child);
	struct status *st = get();
	cr_assert_str_eq(status_run_name(st), "dead");
	cr_assert_not(status_ready(st));
	status_free(st);
	waitpid(child, &ignored, 0);
	st = get();
	cr_assert_str_eq(status_run_name(st), "dead");
	status_free(st);
	atomic_store(&state->run_state, STATE_STOPPED);
	st = get();
	cr_assert_str_eq(status_run_name(st), "stopped");
	status_free(st);
}

Test(status, a_stuck_dataplane_is_not_ready)
{
	state_store(&state->heartbeat_ns, sample_now_ns() - UINT64_C(5000000000));
	struct status *st = get();

	cr_assert_str_eq(status_run_name(st), "running");
	cr_assert_not(status_ready(st));
	status_free(st);
}

Test(status, a_failure_tells_why)
{
	atomic_store(&state->run_state, STATE_FAILED);
	strcpy(state->error, "fdatasync: Input/output error");
	struct status *st = get();
	char *text = text_of(st);

	cr_assert_str_eq(status_run_name(st), "failed");
	cr_assert_not_null(strstr(text, "fdatasync: Input/output error"));
	free(text);
	status_free(st);
}

static atomic_bool writer_ends;

/* Bursts as a polling core counts them. */
static void *write_bursts(void *arg)
{
	struct state_rx *rx = state_rx(state, 0, 0);
	struct state_partition *p = state_partition(state, 0, 0);
	unsigned n = 0;

	while (!atomic_load_explicit(&writer_ends, memory_order_relaxed)) {
		atomic_store_explicit(&rx->seq, state_load(&rx->seq) + 1, memory_order_relaxed);
		atomic_thread_fence(memory_order_release);
		state_add(&rx->received, 32);
		state_add(&rx->ledger[LEDGER_stored_none], 30);
		state_add(&rx->ledger[LEDGER_shed_no_slab], 2);
		atomic_store_explicit(&rx->seq, state_load(&rx->seq) + 1, memory_order_release);
		state_add(&p->events[EVENT_decoded], 32);
		state_add(&p->events[EVENT_stored], 30);
		state_add(&p->events[EVENT_shed], 2);
		for (volatile int spin = 0; spin < 300; spin++)
			;
		if (++n % 1000 == 0)
			usleep(100);
	}
	return NULL;
}

Test(status, balances_while_a_lane_writes)
{
	pthread_t writer;

	pthread_create(&writer, NULL, write_bursts, NULL);
	for (int i = 0; i < 2000; i++) {
		struct status *st = get();
		cr_assert(st->balanced, "look %d: %s", i, st->imbalance);
		status_free(st);
	}
	atomic_store(&writer_ends, true);
	pthread_join(writer, NULL);
}
