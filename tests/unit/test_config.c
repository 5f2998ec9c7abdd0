#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config.h"
#include "control/config_keys.h"
#include "control/config_value.h"

#define PORTS	"ports:\n  - {device: net_null0}\n"
#define STREAMS "streams:\n  - {name: a, listen: {udp: 514}}\n"

static struct config_report report;

static struct config *parse(const char *text)
{
	config_report_free(&report);
	config_report_init(&report, "test.yaml");
	return config_parse(text, strlen(text), "test.yaml", &report);
}

static struct config *good(const char *text)
{
	struct config *config = parse(text);

	if (!config)
		config_report_print(&report, stderr);
	cr_assert_not_null(config, "refused:\n%s", text);
	return config;
}

/* The one error of a text. */
static void bad(const char *text, const char *expected)
{
	struct config *config = parse(text);
	char line[2048];

	cr_assert_null(config, "accepted:\n%s", text);
	cr_assert_geq(report.count, 1);
	config_finding_text(&report, &report.findings[0], line, sizeof(line));
	cr_assert_not_null(strstr(line, expected), "got \"%s\", expected \"%s\"", line, expected);
}

Test(config, defaults_come_from_the_table)
{
	struct config *c = good(PORTS STREAMS);

	cr_assert_str_eq(c->run_dir, "/run/weir");
	cr_assert_eq(c->hugepages, CONFIG_SWITCH_AUTO);
	cr_assert_eq(c->max_streams, CONFIG_AUTO);
	cr_assert_str_eq(c->ports[0].name, "port0");
	cr_assert_str_eq(c->ports[0].device, "net_null0");
	cr_assert_eq(c->ports[0].promiscuous, 1);
	cr_assert_not(c->ports[0].is_pci);
	cr_assert_eq(c->lanes.idle, PLAN_IDLE_ADAPTIVE);
	cr_assert_eq(c->lanes.burst, 64);
	cr_assert_str_eq(c->storage.path, "/var/lib/weir");
	cr_assert_eq(c->storage.segment_bytes, 1u << 30);
	cr_assert_eq(c->storage.sync_ns, 2000000);
	cr_assert_eq(c->storage.visible, PLAN_VISIBLE_DURABLE);
	cr_assert_eq(c->storage.write_depth, 4);
	cr_assert_eq(c->streams[0].decoder, PLAN_DECODER_datagram);
	cr_assert_eq(c->streams[0].key, PLAN_KEY_SENDER);
	cr_assert_eq(c->streams[0].headers, 0);
	cr_assert_eq(c->streams[0].batch_bytes, 256 << 10);
	cr_assert_eq(c->streams[0].linger_ns, 1000000);
	cr_assert_eq(c->streams[0].segment_bytes, 1u << 30);
	cr_assert_eq(c->streams[0].retention_bytes, 0);
	cr_assert_eq(c->streams[0].retention_age_ns, UINT64_C(604800000000000));
	cr_assert_str_eq(c->control.listen.text, "127.0.0.1:9600");
	cr_assert_str_eq(c->gateway.listen.text, "127.0.0.1:9092");
	cr_assert_str_eq(c->gateway.advertised, "");
	cr_assert_str_eq(c->gateway.groups, "/var/lib/weir/weir.groups");
	config_free(c);
}

Test(config, values_arrive)
{
	struct config *c = good(
		"run_dir: /tmp/w/\nhugepages: off\nmax_streams: 9\neal_args: [--a, b]\n"
		"ports:\n"
		"  - {name: up, device: \"3b:00.0\", queues: 2, rx_descriptors: 4096, mtu: 9000,\n"
		"     promiscuous: no, verify_checksums: true, multicast: ff3e::1,\n"
		"     address: [10.20.0.5/24, \"2001:db8::5/64\"]}\n"
		"lanes: {count: 2, idle: spin, rest: 70us, cores: 2-3, log_cores: [4], slabs: 99, "
		"burst: 32}\n"
		"storage: {path: /d, segment_size: 64MiB, segment_age: 1h, sync: off, visible: "
		"written,\n  direct: off, write_depth: 2, prepare: 1MiB, sink: true}\n"
		"streams:\n"
		"  - {name: a, listen: {udp: [514, 600-700]}, headers: [rx_ns, src], key: none,\n"
		"     decoder: lines, batch_size: 1MiB, linger: 500us, compression: zstd,\n"
		"     compression_level: 7, retention: {size: 1.5GiB, age: 12h}}\n"
		"  - {name: b, filter: \"udp dst port 9\", segment_size: 32MiB, segment_age: "
		"never}\n"
		"  - {name: c, listen: {udp: any}, headers: vlan}\n"
		"control: {listen: \"[::1]:9600\"}\n"
		"gateway: {listen: \"0.0.0.0:9092\", insecure: true, advertised: \"w.example:9\",\n"
		"  groups: /g/commits}\n");

	cr_assert_str_eq(c->run_dir, "/tmp/w", "no slash at the end");
	cr_assert_eq(c->hugepages, CONFIG_SWITCH_OFF);
	cr_assert_eq(c->max_streams, 9);
	cr_assert_eq(memcmp(c->eal_args.text, "--a\0b\0\0", 7), 0);
	cr_assert_str_eq(c->ports[0].device, "0000:3b:00.0", "with its domain");
	cr_assert(c->ports[0].is_pci);
	cr_assert_eq(c->ports[0].queues, 2);
	cr_assert_eq(c->ports[0].promiscuous, 0);
	cr_assert_eq(c->ports[0].address.count, 2);
	cr_assert_eq(c->ports[0].address.list[1].prefix, 64);
	cr_assert_eq(c->ports[0].multicast.count, 1);
	cr_assert_eq(c->lanes.rest_ns, 70000);
	cr_assert_eq(c->lanes.cores.count, 2);
	cr_assert_eq(c->lanes.cores.list[1], 3);
	cr_assert_eq(c->lanes.log_cores.list[0], 4);
	cr_assert_eq(c->storage.sync_ns, CONFIG_OFF);
	cr_assert_eq(c->storage.visible, PLAN_VISIBLE_WRITTEN);
	cr_assert_eq(c->storage.direct, PLAN_DIRECT_OFF);
	cr_assert_eq(c->storage.sink, 1);
	cr_assert_eq(c->streams_count, 3);
	cr_assert_eq(c->streams[0].udp.count, 2);
	cr_assert_eq(c->streams[0].udp.list[1].last, 700);
	cr_assert_eq(c->streams[0].headers, PLAN_HEADER_RX_NS | PLAN_HEADER_SRC);
	cr_assert_eq(c->streams[0].compression, PLAN_COMPRESSION_ZSTD);
	cr_assert_eq(c->streams[0].retention_bytes, UINT64_C(1610612736));
	cr_assert_eq(c->streams[0].segment_bytes, 64 << 20, "the storage's");
	cr_assert_eq(c->streams[0].segment_age_ns, UINT64_C(3600000000000));
	cr_assert_eq(c->streams[1].segment_bytes, 32 << 20);
	cr_assert_eq(c->streams[1].segment_age_ns, 0, "never");
	cr_assert(c->streams[2].udp.any);
	cr_assert_eq(c->streams[2].headers, PLAN_HEADER_VLAN);
	cr_assert_eq(c->control.listen.at.address.ss_family, AF_INET6);
	cr_assert_str_eq(c->gateway.listen.text, "0.0.0.0:9092");
	cr_assert_eq(c->gateway.insecure, 1);
	cr_assert_str_eq(c->gateway.advertised, "w.example:9");
	cr_assert_str_eq(c->gateway.groups, "/g/commits");
	cr_assert_eq(report.errors, 0);
	cr_assert_eq(report.count, 3, "a warning for each key that is not in use yet");
	config_free(c);
}

Test(config, relative_paths_count_from_the_working_directory)
{
	char cwd[512], expected[600];
	struct config *c = good("storage: {path: ./some/where}\n" PORTS STREAMS);

	cr_assert_not_null(getcwd(cwd, sizeof(cwd)));
	snprintf(expected, sizeof(expected), "%s/some/where", cwd);
	cr_assert_str_eq(c->storage.path, expected);
	config_free(c);
}

Test(config, maps_with_every_key_commented_out_are_empty)
{
	config_free(good("lanes:\n  #count: 1\nstorage:\ncontrol:\n" PORTS STREAMS));
}

Test(config, sizes_and_durations_are_exact)
{
	static const struct {
		const char *text;
		uint64_t value;
	} sizes[] = {{"128KiB", 131072},     {"1.5MiB", 1572864},	{"200kB", 200000},
		     {"1GB", 1000000000},    {"131073B", 131073},	{"131073", 131073},
		     {"0.5 GiB", 536870912}, {"2147483647", 2147483647}},
	  durations[] = {{"1s", 1000000000},
			 {"1.5s", 1500000000},
			 {"1min", UINT64_C(60000000000)},
			 {"2m", UINT64_C(120000000000)},
			 {"1w", UINT64_C(604800000000000)},
			 {"3000ms", UINT64_C(3000000000)},
			 {"never", 0}};
	const struct config_key *size = config_key_find("streams[].segment_size");
	const struct config_key *age = config_key_find("streams[].segment_age");
	char hint[256];
	uint64_t value;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cr_assert(config_value_parse(size, sizes[i].text, &value, hint, sizeof(hint)), "%s",
			  sizes[i].text);
		cr_assert_eq(value, sizes[i].value, "%s", sizes[i].text);
	}
	for (unsigned i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		cr_assert(config_value_parse(age, durations[i].text, &value, hint, sizeof(hint)),
			  "%s", durations[i].text);
		cr_assert_eq(value, durations[i].value, "%s", durations[i].text);
	}
}

Test(config, sizes_and_durations_print_short)
{
	char text[32];

	config_size_text(1 << 20, text, sizeof(text));
	cr_assert_str_eq(text, "1MiB");
	config_size_text(1500000, text, sizeof(text));
	cr_assert_str_eq(text, "1500kB");
	config_size_text(1025, text, sizeof(text));
	cr_assert_str_eq(text, "1025B");
	config_duration_text(90000000000, text, sizeof(text));
	cr_assert_str_eq(text, "90s");
	config_duration_text(7 * UINT64_C(86400000000000), text, sizeof(text));
	cr_assert_str_eq(text, "7d");
	config_duration_text(0, text, sizeof(text));
	cr_assert_str_eq(text, "0");
}

Test(config, one_error_does_not_hide_another)
{
	cr_assert_null(parse("prots: 1\nlanes: {count: x, idle: y}\nstreams: 5\n"));
	cr_assert_eq(report.errors, 5, "%u", report.errors);
}

Test(config, a_refused_value_brings_no_second_error)
{
	cr_assert_null(parse(PORTS "streams:\n  - {name: a, listen: {udp: 70000}}\n"));
	cr_assert_eq(report.errors, 1);
	cr_assert_null(parse(PORTS "streams:\n  - {name: a, filter: [x]}\n"));
	cr_assert_eq(report.errors, 1);
}

Test(config, thousands_of_errors_are_counted_not_kept)
{
	size_t size = 200000, n = 0;
	char *text = malloc(size);

	while (n < size - 20)
		n += (size_t)sprintf(text + n, "k%zu: 1\n", n);
	cr_assert_null(parse(text));
	cr_assert_leq(report.count, CONFIG_FINDINGS_MAX);
	cr_assert_gt(report.errors, 10000);
	cr_assert_eq(report.left_out + report.count, report.errors);
	free(text);
}

Test(config, overlap_that_leaves_something_is_fine)
{
	config_free(good(PORTS "streams:\n  - {name: a, listen: {udp: 100-200}}\n"
			       "  - {name: b, listen: {udp: 150-250}}\n"
			       "  - {name: c, listen: {udp: any}}\n"));
	bad(PORTS "streams:\n  - {name: a, listen: {udp: 100-150}}\n"
		  "  - {name: b, listen: {udp: 151-250}}\n"
		  "  - {name: c, listen: {udp: [120-160, 200]}}\n",
	    "streams[2].listen.udp: found 120-160");
}

Test(config, the_nearest_key_is_named)
{
	cr_assert_str_eq(config_key_nearest("", "prots")->path, "ports");
	cr_assert_str_eq(config_key_nearest("streams[]", "batchsize")->path,
			 "streams[].batch_size");
	cr_assert_str_eq(config_key_nearest("streams[]", "segment_szie")->path,
			 "streams[].segment_size", "the sibling, not storage's");
	cr_assert_str_eq(config_key_nearest("", "sync")->path, "storage.sync");
	cr_assert_null(config_key_nearest("", "xyzzy"));
}

Test(config, keys_are_found_as_people_write_them)
{
	cr_assert_str_eq(config_key_lookup("streams[3].retention.size")->path,
			 "streams[].retention.size");
	cr_assert_str_eq(config_key_lookup("streams.linger")->path, "streams[].linger");
	cr_assert_str_eq(config_key_lookup("linger")->path, "streams[].linger");
	cr_assert_null(config_key_lookup("segment_size"), "there are two");
	cr_assert_null(config_key_lookup("nonsense"));
}

Test(config, every_key_has_what_explains_it)
{
	for (unsigned i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];
		char text[640];

		cr_assert_not_null(key->why, "%s", key->path);
		cr_assert_gt(strlen(key->why), 10, "%s", key->path);
		config_key_expected(key, text, sizeof(text));
		cr_assert_gt(strlen(text), 5, "%s", key->path);
		if (key->type != CONFIG_MAP && key->type != CONFIG_MAPS)
			cr_assert_not_null(key->example, "%s", key->path);
	}
}
