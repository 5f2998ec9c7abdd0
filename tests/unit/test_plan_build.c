/* From a config's text to a plan. The machine is made up, so that the plan is the same everywhere.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/plan_build.h"
#include "control/plan_ports.h"

#define HEAD                                                                                       \
	"run_dir: /tmp/x\nports:\n  - {name: p, device: \"net_null0,size=64\", queues: 1}\n"       \
	"storage: {path: /tmp/y}\n"

static char err[1024];

static struct config *parse(const char *text)
{
	struct config_report report;

	config_report_init(&report, "test");
	struct config *c = config_parse(text, strlen(text), "test", &report);
	cr_assert_not_null(c, "%s: %s", report.count ? report.findings[0].key : "",
			   report.count ? report.findings[0].expected : "no config");
	config_report_free(&report);
	return c;
}

static int try_build(const char *text, const struct plan *previous, struct plan **out)
{
	setenv("HWLOC_SYNTHETIC", "node:1 core:4 pu:1", 1);
	setenv("HWLOC_COMPONENTS", "synthetic", 1);
	struct config *c = parse(text);
	*out = calloc(1, sizeof(**out));
	err[0] = 0;
	int rc = plan_build(c, previous, *out, err, sizeof(err));
	config_free(c);
	return rc;
}

static struct plan *build(const char *text, const struct plan *previous)
{
	struct plan *p;

	cr_assert_eq(try_build(text, previous, &p), 0, "%s", err);
	cr_assert_eq(plan_check(p, sizeof(*p), err, sizeof(err)), 0, "%s", err);
	return p;
}

Test(plan_build, what_it_builds_passes_the_dataplanes_check)
{
	struct plan *p =
		build(HEAD "streams:\n"
			   "  - {name: a, listen: {udp: [514, 1000-1010]}, decoder: lines}\n"
			   "  - {name: b, filter: \"udp and port 99\"}\n"
			   "  - {name: c, listen: {udp: any}, key: none}\n",
		      NULL);

	cr_expect_eq(p->generation, 1);
	cr_expect_eq(p->streams[0].listens, 2);
	cr_expect_eq(p->streams[0].listen[1].first, 1000);
	cr_expect_eq(p->streams[0].listen[1].last, 1010);
	cr_expect_eq(p->streams[0].decoder, PLAN_DECODER_lines);
	cr_expect_gt(p->streams[1].filter_insns, 0);
	cr_expect_eq(p->streams[2].catch_all, 1);
	cr_expect_eq(p->streams[2].key, PLAN_KEY_NONE);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(p->streams[i].order, i);
	free(p);
}

Test(plan_build, there_are_slabs_for_every_stream_that_may_come)
{
	struct plan *p =
		build(HEAD "max_streams: 64\nstreams: [{name: a, listen: {udp: 1}}]\n", NULL);

	cr_expect_gt(p->lanes[0].slabs, 64u + p->write_depth);
	cr_expect_geq(p->lanes[0].slab_bytes, plan_slab_bytes(p->streams[0].batch_bytes));
	struct plan_memory m = plan_memory(p);
	cr_expect_geq((uint64_t)p->memory_mib << 20, m.mbufs + m.slabs + m.rest);
	cr_expect_geq(m.slabs, (uint64_t)p->lanes[0].slabs * p->lanes[0].slab_bytes);
	free(p);
}

Test(plan_build, a_stream_keeps_its_slot_over_reloads)
{
	struct plan *p1 = build(
		HEAD "streams: [{name: a, listen: {udp: 1}}, {name: b, listen: {udp: 2}}]\n", NULL);
	int a = plan_stream_slot(p1, "a"), b = plan_stream_slot(p1, "b");

	/* b goes, c comes, a moves to the end of the file. */
	struct plan *p2 = build(
		HEAD "streams: [{name: c, listen: {udp: 3}}, {name: a, listen: {udp: 1}}]\n", p1);
	cr_expect_eq(p2->generation, 2);
	cr_expect_eq(plan_stream_slot(p2, "a"), a);
	cr_expect_eq(plan_stream_slot(p2, "b"), b, "the slot stays known");
	cr_expect_eq(p2->streams[b].used, 0);
	int c = plan_stream_slot(p2, "c");
	cr_expect(c >= 0 && c != a && c != b, "a slot that was never used");
	cr_expect_gt(p2->streams[a].order, p2->streams[c].order);
	cr_expect_eq(plan_may_follow(p1, p2, err, sizeof(err)), 0, "%s", err);

	struct plan *p3 = build(HEAD "streams: [{name: b, listen: {udp: 2}}]\n", p2);
	cr_expect_eq(plan_stream_slot(p3, "b"), b, "and is its own again");
	cr_expect_eq(p3->streams[b].used, 1);
	free(p1);
	free(p2);
	free(p3);
}

Test(plan_build, no_slot_left_is_refused_by_name)
{
	struct plan *p1 = build(HEAD "max_streams: 2\nstreams: [{name: a, listen: {udp: 1}}, "
				     "{name: b, listen: {udp: 2}}]\n",
				NULL);
	struct plan *p2;

	cr_expect_lt(try_build(HEAD "max_streams: 2\nstreams: [{name: a, listen: {udp: 1}}, {name: "
				    "c, listen: {udp: 2}}]\n",
			       p1, &p2),
		     0);
	cr_expect(strstr(err, "max_streams"), "%s", err);
	free(p1);
	free(p2);
}

Test(plan_build, what_cannot_change_while_running_is_named)
{
	struct plan *p1 = build(HEAD "streams: [{name: a, listen: {udp: 1}}]\n", NULL);
	struct plan *p2 =
		build(HEAD "lanes: {slabs: 200}\nstreams: [{name: a, listen: {udp: 1}}]\n", p1);

	cr_expect_eq(plan_may_follow(p1, p2, err, sizeof(err)), -EBUSY);
	cr_expect(strstr(err, "slabs"), "%s", err);
	free(p1);
	free(p2);
}

Test(plan_build, sync_off_is_not_sync_0)
{
	struct plan *off = build(
		"run_dir: /tmp/x\nports: [{name: p, device: \"net_null0,size=64\"}]\n"
		"storage: {path: /tmp/y, sync: off}\nstreams: [{name: a, listen: {udp: 1}}]\n",
		NULL);
	struct plan *zero =
		build("run_dir: /tmp/x\nports: [{name: p, device: \"net_null0,size=64\"}]\n"
		      "storage: {path: /tmp/y, sync: 0}\nstreams: [{name: a, listen: {udp: 1}}]\n",
		      NULL);

	cr_expect_eq(off->sync_off, 1);
	cr_expect_eq(zero->sync_off, 0);
	cr_expect_eq(zero->sync_ns, 0);
	free(off);
	free(zero);
}

/* A config with one port of this device, on the made-up machine of four cores. */
static struct plan *build_port(const char *device, const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "run_dir: /tmp/x\nstorage: {path: /tmp/y}\nhugepages: off\n"
		 "ports: [{name: p, device: \"%s\"}]\nstreams: [{name: a, listen: {udp: 1}}]\n%s",
		 device, more);
	return build(text, NULL);
}

static uint64_t rest_of(const char *device, const char *lanes, const char *linger)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "run_dir: /tmp/x\nports:\n  - {name: p, device: \"%s\", queues: 1}\n"
		 "storage: {path: /tmp/y}\nlanes: {%s}\nstreams:\n"
		 "  - {name: a, listen: {udp: 1}}\n  - {name: b, listen: {udp: 2}, linger: %s}\n",
		 device, lanes, linger);
	struct plan *p = build(text, NULL);
	uint64_t rest = p->rest_ns;
	free(p);
	return rest;
}

Test(plan_build, a_rest_is_as_long_as_ring_and_linger_bear)
{
	cr_expect_eq(rest_of("net_af_packet0,iface=x", "", "1s"), 250000);
	cr_expect_eq(rest_of("net_af_packet0,iface=x", "", "400us"), 100000);
	cr_expect_eq(rest_of("net_af_packet0,iface=x", "", "0"), 0);
	cr_expect_eq(rest_of("net_af_xdp0,iface=x", "", "1s"), 100000);
	cr_expect_eq(rest_of("net_memif0,role=server", "", "1s"), 100000);
	cr_expect_eq(rest_of("net_null0", "", "1s"), 0, "its ring may fill meanwhile");
	cr_expect_eq(rest_of("net_null0", "rest: 2ms", "1s"), 2000000);
	cr_expect_eq(rest_of("net_af_packet0,iface=x", "rest: 0", "1s"), 0);
}

Test(plan_build, ports_get_what_their_drivers_need)
{
	struct plan *p = build_port("net_pcap0,rx_pcap=a.pcap,rx_pcap=b.pcap", "");

	cr_expect_eq(p->lanes_count, 2, "a lane for each file");
	cr_expect_eq(p->ports[0].queues, 2);
	cr_expect_eq(p->ports[0].mbuf_room_bytes, 2048);
	free(p);
	p = build_port("net_af_packet0,iface=eth1", "lanes: {count: 2}\n");
	cr_expect_eq(p->ports[0].queues, 2, "the kernel spreads over as many as we ask for");
	cr_expect_geq(p->ports[0].mbuf_room_bytes, 16384, "it cuts what does not fit");
	free(p);
	p = build_port("net_af_packet0,iface=eth1,qpairs=3", "");
	cr_expect_eq(p->lanes_count, 3);
	free(p);
	p = build_port("net_af_xdp0,iface=eth1,queue_count=2", "");
	cr_expect_eq(p->lanes_count, 2);
	cr_expect_eq(p->ports[0].mbuf_room_bytes, 2048, "its UMEM takes no other");
	cr_expect_geq(p->ports[0].mbufs, 4096);
	free(p);
	p = build_port("0000:3b:00.0", "");
	cr_expect_eq(p->ports[0].is_pci, 1);
	cr_expect_eq(p->ports[0].rx_descriptors, 2048);
	cr_expect_geq(p->ports[0].mbufs, 2u * 2048);
	free(p);
}

Test(plan_build, infinite_rx_has_a_buffer_for_every_packet_of_the_file)
{
	char device[700], text[600];
	struct plan *p;

	snprintf(text, sizeof(text), "%s/tests/data/quickstart.pcap", getenv("WEIR_SOURCE_ROOT"));
	snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,infinite_rx=1", text);
	p = build_port(device, "");
	cr_expect_geq(p->ports[0].mbufs, 2559 + 4095);
	free(p);
}

Test(plan_build, a_reload_keeps_what_the_config_leaves_to_us)
{
	struct plan *p1 = build(HEAD "streams: [{name: a, listen: {udp: 1}}]\n", NULL), *p2;

	/* Another machine, as it were: were it placed anew, the cores would differ. */
	p1->cores[0].cpu = 77;
	p1->memory_mib += 10;
	p2 = build(HEAD "streams:\n  - {name: a, listen: {udp: 1}, batch_size: 4KiB}\n"
			"  - {name: b, listen: {udp: 2}}\n  - {name: c, listen: {udp: 3}}\n",
		   p1);
	cr_expect_eq(p2->cores[0].cpu, 77);
	cr_expect_eq(p2->lanes[0].slabs, p1->lanes[0].slabs);
	cr_expect_eq(p2->lanes[0].slab_bytes, p1->lanes[0].slab_bytes);
	cr_expect_eq(p2->streams_max, p1->streams_max);
	cr_expect_eq(p2->memory_mib, p1->memory_mib);
	cr_expect_eq(plan_may_follow(p1, p2, err, sizeof(err)), 0, "%s", err);
	free(p1);
	free(p2);
}

Test(plan_build, a_batch_beyond_the_running_slabs_needs_a_restart)
{
	struct plan *p1 = build(HEAD "streams: [{name: a, listen: {udp: 1}}]\n", NULL), *p2;

	cr_expect_eq(try_build(HEAD "streams: [{name: a, listen: {udp: 1}, batch_size: 8MiB}]\n",
			       p1, &p2),
		     -EBUSY);
	cr_expect(strstr(err, "streams[0].batch_size"), "%s", err);
	cr_expect(strstr(err, "restart"), "%s", err);
	free(p1);
	free(p2);
}

Test(plan_build, slabs_in_hot_use_fit_the_cache)
{
	struct plan *p;

	p = build(HEAD
		  "max_streams: 1\nstreams: [{name: a, listen: {udp: 1}, batch_size: 64KiB}]\n",
		  NULL);
	uint64_t bytes = (uint64_t)p->lanes[0].hot_slabs * p->lanes[0].slab_bytes;
	cr_expect(bytes > (3 << 19) && bytes <= 4 << 20, "%lu bytes", (unsigned long)bytes);
	/* The others are there for a device that stalls. */
	bytes = (uint64_t)p->lanes[0].slabs * p->lanes[0].slab_bytes - bytes;
	cr_expect(bytes > 31 << 20 && bytes <= 33 << 20, "%lu bytes", (unsigned long)bytes);
	free(p);
	p = build(HEAD "lanes: {slabs: 5}\nstreams: [{name: a, listen: {udp: 1}}]\n", NULL);
	cr_expect_eq(p->lanes[0].slabs, 5);
	cr_expect_eq(p->lanes[0].hot_slabs, 5);
	free(p);
}

Test(plan_build, lane_keys_that_this_machine_cannot_meet_are_named)
{
	struct plan *p;

	cr_expect_lt(try_build(HEAD "lanes: {cores: [9]}\nstreams: [{name: a, listen: {udp: 1}}]\n",
			       NULL, &p),
		     0);
	cr_expect_eq(strncmp(err, "lanes.cores: ", 13), 0, "%s", err);
	free(p);
}

Test(plan_build, without_hugepages_no_buffer_reaches_into_the_next_page)
{
	const struct plan_port small = {.mbufs = 1000, .mbuf_room_bytes = 2048};
	const struct plan_port large = {.mbufs = 1000, .mbuf_room_bytes = 16384};

	cr_expect_eq(plan_pool_bytes(&small, false), 1000 * (4096 + 16));
	cr_expect_eq(plan_pool_bytes(&large, false), 1000 * (5 * 4096 + 16));
	cr_expect_lt(plan_pool_bytes(&small, true), 1000 * 2448 + (2 << 20));
}

Test(plan_build, the_rings_of_af_packet_are_the_kernels_and_announced)
{
	struct plan_port port = {.queues = 2, .device = "net_af_packet0,iface=eth0"};

	/* 512 frames of 16 KiB to receive, and as many to send. */
	cr_expect_eq(plan_port_ring_bytes(&port), 2 * 2 * (8 << 20));
	snprintf(port.device, sizeof(port.device), "net_af_packet0,iface=eth0,framecnt=64");
	cr_expect_eq(plan_port_ring_bytes(&port), 2 * 2 * 64 * 2048);
	snprintf(port.device, sizeof(port.device), "net_af_xdp0,iface=eth0");
	cr_expect_eq(plan_port_ring_bytes(&port), 0);
}
