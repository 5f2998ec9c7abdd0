/* What a reload says it changes, and slots that follow an old state block. */
#include <stdio.h>

#include "control/plan_diff.h"
#include "control/plan_slots.h"
#include "sample_state.h"

static struct plan *a, *b;

static void setup(void)
{
	a = sample_plan("/tmp/weir-test-plan-diff");
	b = sample_plan("/tmp/weir-test-plan-diff");
}

static void teardown(void)
{
	free(a);
	free(b);
}

TestSuite(plan_diff, .init = setup, .fini = teardown, .timeout = 20);

static void says(const char *want)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned lines = plan_diff(a, b, out);

	fclose(out);
	cr_assert_str_eq(text, want);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines--;
	cr_assert_eq(lines, 0);
	cr_assert_eq(plan_diff(a, b, NULL) == 0, want[0] == '\0');
	free(text);
}

Test(plan_diff, nothing)
{
	b->generation = 5;
	says("");
}

Test(plan_diff, keys_of_streams)
{
	b->streams[0].linger_ns = 5000000;
	b->streams[0].compression = PLAN_COMPRESSION_ZSTD;
	b->streams[0].compression_level = 3;
	b->streams[0].headers = PLAN_HEADER_SRC | PLAN_HEADER_RX_NS;
	b->streams[1].retention_bytes = UINT64_C(100) << 30;
	b->streams[1].retention_age_ns = UINT64_C(7) * 86400 * 1000000000;
	b->streams[1].key = PLAN_KEY_NONE;
	b->streams[1].decoder = PLAN_DECODER_lines;
	b->streams[1].listen[0].last = 2060;
	says("streams.syslog.headers: [] -> [src, rx_ns]\n"
	     "streams.syslog.linger: 2ms -> 5ms\n"
	     "streams.syslog.compression: none -> zstd (level 3)\n"
	     "streams.netflow.match: 2055-2056 -> 2055-2060\n"
	     "streams.netflow.decoder: datagram -> lines\n"
	     "streams.netflow.key: sender -> none\n"
	     "streams.netflow.retention.size: unlimited -> 100GiB\n"
	     "streams.netflow.retention.age: unlimited -> 7d\n");
}

Test(plan_diff, keys_of_the_whole)
{
	b->idle = PLAN_IDLE_ADAPTIVE;
	b->rest_ns = 250000;
	b->burst = 32;
	b->sync_off = 1;
	says("lanes.idle: spin -> adaptive\nlanes.rest: 0 -> 250us\nlanes.burst: 64 -> "
	     "32\nstorage.sync: 5ms -> off\n");
}

Test(plan_diff, streams_come_and_go)
{
	b->streams[0].used = 0;
	b->streams[2] = b->streams[1];
	strcpy(b->streams[2].name, "metrics");
	b->streams[2].listen[0] = (struct plan_listen){8125, 8125};
	b->streams[2].order = 0;
	says("streams.metrics: added (8125)\nstreams.syslog: removed\n");
}

Test(plan_diff, order_counts_when_it_really_changed)
{
	b->streams[0].order = 1;
	b->streams[1].order = 0;
	says("streams.syslog: position 1 -> 2\nstreams.netflow: position 2 -> 1\n");
}

/* The same filter at another place of the common table is no change; another instruction is. */
Test(plan_diff, filters_by_their_instructions)
{
	a->streams[0].listens = b->streams[0].listens = 0;
	a->streams[0].filter_insns = b->streams[0].filter_insns = 2;
	a->filter_insns[0].code = b->filter_insns[7].code = 0x30;
	a->filter_insns[1].code = b->filter_insns[8].code = 0x06;
	b->streams[0].filter_first = 7;
	says("");
	b->filter_insns[8].k = 65535;
	says("streams.syslog.filter: changed (2 -> 2 instructions)\n");
}

Test(plan_diff, slots_follow_the_block)
{
	struct state *state = sample_state(a);

	/* The file lists them the other way round, and has a new one in front. */
	struct plan_stream syslog = b->streams[0], netflow = b->streams[1];
	memset(b->streams, 0, sizeof(b->streams));
	b->streams[0] = netflow;
	strcpy(b->streams[0].name, "metrics");
	b->streams[1] = netflow;
	b->streams[2] = syslog;
	cr_assert_eq(plan_slots_follow(b, state), 0);
	cr_assert_str_eq(b->streams[0].name, "syslog");
	cr_assert_str_eq(b->streams[1].name, "netflow");
	cr_assert_str_eq(b->streams[2].name, "metrics");
	cr_assert(b->streams[0].used && b->streams[1].used && b->streams[2].used);
	cr_assert_not(b->streams[3].known);

	/* One that the file has no more stays known, so its counters keep their name. */
	memset(b->streams, 0, sizeof(b->streams));
	b->streams[0] = netflow;
	cr_assert_eq(plan_slots_follow(b, state), 0);
	cr_assert_str_eq(b->streams[0].name, "syslog");
	cr_assert(b->streams[0].known && !b->streams[0].used);
	cr_assert_str_eq(b->streams[1].name, "netflow");

	/* Too many names for the slots: left alone, and said. */
	for (unsigned i = 0; i < 4; i++) {
		b->streams[i] = netflow;
		snprintf(b->streams[i].name, sizeof(b->streams[i].name), "new%u", i);
	}
	cr_assert_lt(plan_slots_follow(b, state), 0);
	cr_assert_str_eq(b->streams[0].name, "new0");
	state_close(state);
	state_unlink(a->run_dir);
}
