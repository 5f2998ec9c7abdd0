/*
 * A lane for tests: two ports that are rings, six streams, slabs filled with a known byte, and the
 * model of all that (lane_model.h). One per program.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "dataplane/topology_lane.h"
#include "eal_testing.h"
#include "frames.h"
#include "lane_packets.h"
#include "plans.h"

enum { MBUFS = 1023, FILL = 0xc3, HOT_SLABS = 3 };

static struct state *state;
static struct topology *topology;
static struct rx_route *route;
static char err[256];

static inline void make_streams(void)
{
	struct plan_stream *s = plan_add_stream(plan, "plain");

	plan_listen(s, 1000, 1000);
	s->batch_bytes = 512 << 10; /* offset deltas of three bytes */
	s->linger_ns = UINT64_C(300) * 1000 * 1000;
	s = plan_add_stream(plan, "small-batches");
	plan_listen(s, 1001, 1001);
	s->batch_bytes = 4096;
	s->linger_ns = 100 * 1000;
	s = plan_add_stream(plan, "no-key");
	plan_listen(s, 1002, 1002);
	s->key = PLAN_KEY_NONE;
	s = plan_add_stream(plan, "lines");
	plan_listen(s, 1003, 1003);
	s->decoder = PLAN_DECODER_lines;
	s->batch_bytes = 4096;
	s = plan_add_stream(plan, "all-headers");
	plan_listen(s, 1004, 1004);
	s->headers = 15;
	s->linger_ns = 20 * 1000 * 1000;
	s = plan_add_stream(plan, "lines-with-headers");
	plan_listen(s, 1005, 1005);
	s->decoder = PLAN_DECODER_lines;
	s->headers = PLAN_HEADER_DST | PLAN_HEADER_VLAN;
	s->linger_ns = 0;
}

static inline void make_ports(void)
{
	topology->ports_count = MODEL_PORTS;
	for (unsigned i = 0; i < MODEL_PORTS; i++) {
		struct rte_eth_conf conf = {0};
		char name[32];

		snprintf(name, sizeof(name), "wire%u", i);
		wire[i] = rte_ring_create(name, 512, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		int port = rte_eth_from_rings(name, &wire[i], 1, &wire[i], 1, 0);
		cr_assert_geq(port, 0);
		cr_assert_eq(rte_eth_dev_configure((uint16_t)port, 1, 1, &conf), 0);
		cr_assert_eq(rte_eth_rx_queue_setup((uint16_t)port, 0, 256, 0, NULL, pool), 0);
		cr_assert_eq(rte_eth_tx_queue_setup((uint16_t)port, 0, 256, 0, NULL), 0);
		cr_assert_eq(rte_eth_dev_start((uint16_t)port), 0);
		topology->ports[i].id = (uint16_t)port;
		topology->ports[i].queues = 1;
	}
}

static inline void lane_up(void)
{
	char run_dir[64];
	bool fresh;

	eal_up();
	snprintf(run_dir, sizeof(run_dir), "/tmp/test-lane-%d", getpid());
	plan = plan_new(run_dir, "/tmp/d");
	plan->ports_count = MODEL_PORTS;
	make_streams();
	plan->burst = 64;
	plan->lanes[0].slab_bytes = plan_slab_bytes(512 << 10);
	plan->lanes[0].hot_slabs = HOT_SLABS;
	state = state_create(plan, 1000000000, &fresh);
	cr_assert_not_null(state);
	state_unlink(run_dir);
	pool = rte_pktmbuf_pool_create("p", MBUFS, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM,
				       SOCKET_ID_ANY);
	topology = rte_zmalloc(NULL, sizeof(*topology), 64);
	cr_assert(pool && topology);
	topology->state = state;
	make_ports();
	for (unsigned i = 0; i < 2; i++) {
		topology->cores[i].topology = topology;
		topology->cores[i].wake_fd = eventfd(0, EFD_NONBLOCK);
	}
	cr_assert_eq(topology_make_lane(topology, plan, 0, err, sizeof(err)), 0, "%s", err);
	lane = topology->lanes[0];
	route = rx_route_create(plan, err, sizeof(err));
	cr_assert_not_null(route, "%s", err);
	lane->route = route;
	lane->now = (struct clock_now){.real_ns = UINT64_C(1700000000123456789), .mono_ns = 1000};
	lane->now_ms = (int64_t)(lane->now.real_ns / 1000000);
	model_init(&model, plan, lane);
	for (unsigned i = 0; i < lane->slabs_count; i++)
		memset(topology->slabs[0][i].base, FILL, topology->slabs[0][i].size_bytes);
}

static inline void lane_down(void)
{
	topology_free_lane(topology, 0);
	rx_route_destroy(route);
	state_close(state);
	eal_down();
}
