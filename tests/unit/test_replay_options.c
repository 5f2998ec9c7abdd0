/* The command line of weir replay. */
#include <criterion/criterion.h>
#include <getopt.h>
#include <sched.h>
#include <string.h>

#include "control/weir.h"
#include "replay/options.h"

enum { ARGS_MAX = 40 };

/* Splits at blanks. */
static int parse(struct options *o, const char *line)
{
	static char text[512];
	char *argv[ARGS_MAX] = {(char[]){"replay"}};
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word && argc < ARGS_MAX - 1; word = strtok(NULL, " "))
		argv[argc++] = word;
	optind = 0; /* getopt begins anew */
	return options_parse(o, argc, argv);
}

Test(replay_options, what_is_meant_when_nothing_is_said)
{
	static struct options o;

	cr_assert_eq(parse(&o, "a.pcap --to net_null0"), OPTIONS_RUN);
	cr_assert_eq(o.sending.replay.paths_count, 1);
	cr_assert_str_eq(o.sending.replay.paths[0], "a.pcap");
	cr_assert_str_eq(o.sending.replay.device, "net_null0");
	cr_assert_eq(o.trial.pace.kind, PACE_CAPTURED);
	cr_assert_eq(o.trial.pace.value, 1);
	cr_assert_eq(o.trial.loops, 1);
	cr_assert_eq(o.trial.for_ns, 0);
	cr_assert_eq(o.sending.replay.burst, 32);
	cr_assert_eq(o.sending.replay.queues, 1);
	cr_assert_null(o.sending.replay.cpus);
	cr_assert_eq(o.sending.replay.spread, 0);
}

Test(replay_options, all_of_them)
{
	static struct options o;

	cr_assert_eq(parse(&o, "a b c -t net_null0 --rate 2Mpps --loop 7 --for 10s --rewrite-dst "
			       "10.20.0.5:514 --rewrite-mac auto --spread-sources 1000 --stamp "
			       "--burst 64 --queues 3 --memory 1GiB --json"),
		     OPTIONS_RUN);
	cr_assert_eq(o.sending.replay.paths_count, 3);
	cr_assert_eq(o.trial.pace.kind, PACE_PACKETS);
	cr_assert_eq(o.trial.pace.value, 2e6);
	cr_assert_eq(o.trial.loops, 7);
	cr_assert_eq(o.trial.for_ns, UINT64_C(10000000000));
	cr_assert_eq(o.sending.replay.to.version, 4);
	cr_assert_eq(o.sending.replay.to.port, 514);
	cr_assert(o.sending.replay.resolve_mac && !o.sending.replay.to.set_macs);
	cr_assert_eq(o.sending.replay.spread, 1000);
	cr_assert(o.sending.replay.stamp && o.json);
	cr_assert_eq(o.sending.replay.burst, 64);
	cr_assert_eq(o.sending.replay.queues, 3);
	cr_assert_eq(o.sending.replay.memory_bytes, UINT64_C(1) << 30);
}

Test(replay_options, cores)
{
	static struct options o;
	struct config_cpus cpus = {0};
	char line[64], there[256];
	int mine = sched_getcpu();

	cr_assert(options_parse_cores("2,4-5", &cpus));
	cr_assert(cpus.count == 3 && cpus.list[0] == 2 && cpus.list[2] == 5);
	snprintf(line, sizeof(line), "a --to net_null0 --cores %d", mine);
	cr_assert_eq(parse(&o, line), OPTIONS_RUN);
	cr_assert_eq(o.sending.replay.cpus[0], mine);
	cpus = (struct config_cpus){.count = 2, .list = {(uint16_t)mine, 1023}};
	cr_assert_not(options_cores_are_there(&cpus, there, sizeof(there)));
	cpus.count = 1;
	cr_assert(options_cores_are_there(&cpus, there, sizeof(there)));
	/* What it names is what it takes. */
	cpus.count = 0;
	cr_assert(options_parse_cores(there, &cpus) && cpus.count, "%s", there);
	cr_assert(options_cores_are_there(&cpus, there, sizeof(there)));
}

Test(replay_options, for_some_time_means_again_and_again)
{
	static struct options o;

	cr_assert_eq(parse(&o, "a --to net_null0 --for 2s"), OPTIONS_RUN);
	cr_assert_eq(o.trial.loops, 0);
	cr_assert_eq(parse(&o, "a --to net_null0 --for 2s --loop 1"), OPTIONS_RUN);
	cr_assert_eq(o.trial.loops, 1);
	cr_assert_eq(parse(&o, "a --to net_null0 --loop forever"), OPTIONS_RUN);
	cr_assert_eq(o.trial.loops, 0);
}

Test(replay_options, what_is_refused)
{
	static const char *const wrong[] = {
		"--to net_null0",
		"a",
		"a --to net_null0 --speed 0",
		"a --to net_null0 --speed -1",
		"a --to net_null0 --speed nan",
		"a --to net_null0 --speed 2x",
		"a --to net_null0 --speed 0.0000000001",
		"a --to net_null0 --rate 0.0000000000001pps",
		"a --to net_null0 --rate 9999999999999999999pps",
		"a --to net_null0 --rate 5",
		"a --to net_null0 --rate 5MBps",
		"a --to net_null0 --rate 1e6pps",
		"a --to net_null0 --rate 0x10pps",
		"a --to net_null0 --rate 1pps --topspeed",
		"a --to net_null0 --loop 0",
		"a --to net_null0 --loop never",
		"a --to net_null0 --for 10",
		"a --to net_null0 --rewrite-dst 10.0.0",
		"a --to net_null0 --rewrite-dst 10.0.0.1:0",
		"a --to net_null0 --rewrite-dst 10.0.0.1:65536",
		"a --to net_null0 --rewrite-mac 02:00:00:00:00",
		"a --to net_null0 --rewrite-mac auto",
		"a --to net_null0 --rewrite-mac auto --rewrite-dst fd80::5",
		"a --to net_null0 --spread-sources 0",
		"a --to net_null0 --spread-sources 16777215",
		"a --to net_null0 --spread-sources 2 --queues 3",
		"a --to net_null0 --burst 0",
		"a --to net_null0 --burst 513",
		"a --to net_null0 --queues 17",
		"a --to net_null0 --cores 1,2",
		"a --to net_null0 --cores 1-",
		"a --to net_null0 --cores 1023",
		"a --to net_null0 --memory lots",
		"a --to net_null0 --nosuch",
	};
	static struct options o;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(parse(&o, wrong[i]), WEIR_USAGE, "%s", wrong[i]);
}

Test(replay_options, rates)
{
	struct pace_spec p;

	cr_assert(options_parse_rate("1.5Mpps", &p) && p.kind == PACE_PACKETS && p.value == 1.5e6);
	cr_assert(options_parse_rate("10Gbps", &p) && p.kind == PACE_BITS && p.value == 1e10);
	cr_assert(options_parse_rate("500pps", &p) && p.value == 500);
	cr_assert(options_parse_rate("64kbps", &p) && p.value == 64000);
	cr_assert_not(options_parse_rate("", &p));
	cr_assert_not(options_parse_rate("Mpps", &p));
	cr_assert_not(options_parse_rate("1..5pps", &p));
}

Test(replay_options, destinations)
{
	struct rewrite_to to;
	static const uint8_t v6[16] = {0xfd, 0x80, [15] = 5};

	cr_assert(options_parse_destination("10.20.0.5", &to));
	cr_assert(to.version == 4 && to.port == 0 && memcmp(to.address, "\x0a\x14\0\5", 4) == 0);
	cr_assert(options_parse_destination("fd80::5", &to));
	cr_assert(to.version == 6 && to.port == 0 && memcmp(to.address, v6, 16) == 0);
	cr_assert(options_parse_destination("[fd80::5]:514", &to));
	cr_assert(to.version == 6 && to.port == 514);
	cr_assert(options_parse_destination("[fd80::5]", &to) && to.port == 0);
	cr_assert_not(options_parse_destination("[fd80::5", &to));
	cr_assert_not(options_parse_destination("[fd80::5]514", &to));
	cr_assert_not(options_parse_destination("10.20.0.5:", &to));
	cr_assert_not(options_parse_destination(":514", &to));
}

Test(replay_options, mac_addresses)
{
	uint8_t mac[6];

	cr_assert(options_parse_mac("02:00:5e:AA:00:ff", mac));
	cr_assert_eq(memcmp(mac, "\x02\x00\x5e\xaa\x00\xff", 6), 0);
	cr_assert_not(options_parse_mac("2:0:5e:AA:0:ff", mac));
	cr_assert_not(options_parse_mac("02-00-5e-AA-00-ff", mac));
	cr_assert_not(options_parse_mac("02:00:5e:AA:00:f:", mac));
}
