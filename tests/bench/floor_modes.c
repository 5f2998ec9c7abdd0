#include "floor_modes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <isa-l/crc.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "bench_tool.h"
#include "clock.h"
#include "core_loop.h"
#include "log/log_private.h"
#include "rx_port.h"
#include "rx_record.h"
#include "topology_lane.h"

enum { BURST_MAX = 256, POLLS = 256, SLABS_BURST = 32 };

static struct floor_options opt;
static struct topology *topo;
static uint8_t *slabs;
static unsigned slab_now;
static uint32_t slab_at;
static int file_fd = -1;
static uint64_t file_at;

static unsigned poll_bare(uint16_t port, struct floor_counts *c)
{
	struct rte_mbuf *m[BURST_MAX];
	unsigned n = rte_eth_rx_burst(port, 0, m, (uint16_t)opt.burst);

	for (unsigned i = 0; i < n; i++)
		c->bytes += m[i]->pkt_len;
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static volatile uint32_t checksum; /* so that it is made */

static void sum_up(const uint8_t *data, uint32_t bytes)
{
	checksum += crc32_iscsi((unsigned char *)(uintptr_t)data, (int)bytes, UINT32_MAX);
}

static __rte_always_inline unsigned poll_copy(uint16_t port, struct floor_counts *c, bool sums)
{
	struct rte_mbuf *m[BURST_MAX];
	unsigned n = rte_eth_rx_burst(port, 0, m, (uint16_t)opt.burst);

	for (unsigned i = 0; i < n; i++) {
		uint32_t len = m[i]->pkt_len - opt.payload_at;

		if (slab_at + len > opt.batch_bytes) {
			if (sums)
				sum_up(slabs + (size_t)slab_now * opt.slab_bytes, slab_at);
			slab_now = (slab_now + 1) % opt.slabs;
			slab_at = 0;
		}
		rx_copy(slabs + (size_t)slab_now * opt.slab_bytes + slab_at,
			rte_pktmbuf_mtod_offset(m[i], const uint8_t *, opt.payload_at), len);
		slab_at += len;
		c->bytes += len;
	}
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static void write_slab(const uint8_t *slab, uint32_t bytes)
{
	if (file_at + bytes > opt.file_bytes)
		file_at = 0;
	if (pwrite(file_fd, slab, bytes, (off_t)file_at) != (ssize_t)bytes)
		die("%s: %s", opt.file, strerror(errno));
	file_at += bytes;
}

static unsigned poll_seal(struct floor_counts *c)
{
	const uint8_t *slab = slabs + (size_t)slab_now * opt.slab_bytes;
	uint32_t bytes = opt.batch_bytes / SLAB_BLOCK * SLAB_BLOCK;

	sum_up(slab, bytes);
	if (file_fd >= 0)
		write_slab(slab, bytes);
	slab_now = (slab_now + 1) % opt.slabs;
	c->bytes += bytes;
	return 1;
}

/* The same slabs with Weir's own sealing. */
static unsigned poll_sealed(struct floor_counts *c)
{
	static struct log_partition partition;
	struct slab slab = {.base = slabs + (size_t)slab_now * opt.slab_bytes,
			    .end = opt.batch_bytes / SLAB_BLOCK * SLAB_BLOCK,
			    .records = 1000};

	log_seal_head(&partition, &slab, 0);
	partition.next_offset += slab.records;
	slab_now = (slab_now + 1) % opt.slabs;
	c->bytes += slab.end;
	return 1;
}

/* Weir's polling half; its slabs come straight back. */
static unsigned poll_lane(struct floor_counts *c)
{
	struct lane *lane = topo->lanes[0];
	struct slab *s[SLABS_BURST];
	struct clock_now now = clock_at(rte_rdtsc());

	lane->now = now;
	lane->now_ms = (int64_t)(now.real_ns / 1000000);
	unsigned work = lane_poll(lane);
	unsigned n = rte_ring_sc_dequeue_burst(lane->filled, (void **)s, SLABS_BURST, NULL);
	for (unsigned i = 0; i < n; i++) {
		c->bytes += s[i]->end - s[i]->data;
		rte_ring_sp_enqueue(lane->free, s[i]);
	}
	return work;
}

/* A loop of its own for each mode, as a lane has one. */
static void polls(enum floor_mode mode, struct floor_counts *c)
{
	uint16_t port = topo->ports[0].id;
	uint64_t packets = 0;

	switch (mode) {
	case MODE_BARE:
		for (int i = 0; i < POLLS; i++)
			packets += poll_bare(port, c);
		break;
	case MODE_FLOOR:
		for (int i = 0; i < POLLS; i++)
			packets += poll_copy(port, c, false);
		break;
	case MODE_CHECKED:
		for (int i = 0; i < POLLS; i++)
			packets += poll_copy(port, c, true);
		break;
	case MODE_SEAL: /* slabs, each a thousand packets: the clock after each */
		packets += poll_seal(c);
		break;
	case MODE_SEALED:
		packets += poll_sealed(c);
		break;
	case MODE_LANE:
		for (int i = 0; i < POLLS; i++)
			packets += poll_lane(c);
		break;
	case MODES:
		break;
	}
	c->packets += packets;
}

void floor_run(enum floor_mode mode, unsigned ms, struct floor_counts *counts)
{
	uint64_t last = now_ns(), end = last + ms * UINT64_C(1000000), last_tsc = rte_rdtsc();

	while (last < end) {
		polls(mode, counts);
		uint64_t now = now_ns(), tsc = rte_rdtsc();
		counts->ns += now - last;
		counts->cycles += tsc - last_tsc;
		last = now;
		last_tsc = tsc;
	}
}

/* All pages once, so that what is measured is a file that was already written. */
static void open_file(void)
{
	file_fd = open(opt.file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file_fd < 0)
		die("%s: %s", opt.file, strerror(errno));
	uint32_t bytes = opt.batch_bytes / SLAB_BLOCK * SLAB_BLOCK;
	for (uint64_t at = 0; at + bytes <= opt.file_bytes; at += bytes)
		write_slab(slabs, bytes);
	file_at = 0;
}

static void fill_plan(struct plan *plan)
{
	plan->ports_count = plan->lanes_count = plan->cores_count = 1;
	plan->streams_max = 4;
	plan->burst = (uint16_t)opt.burst;
	snprintf(plan->run_dir, sizeof(plan->run_dir), "/lane_floor-%d", (int)getpid());
	plan->lanes[0] = (struct plan_lane){.slabs = opt.slabs, .slab_bytes = opt.slab_bytes};
	snprintf(plan->ports[0].name, sizeof(plan->ports[0].name), "bench");
	snprintf(plan->ports[0].device, sizeof(plan->ports[0].device), "%s", opt.device);
	plan->ports[0].queues = 1;
	plan->ports[0].rx_descriptors = 512;
	plan->ports[0].mbufs = opt.mbufs;
	plan->streams[0] = (struct plan_stream){.name = "bench",
						.used = 1,
						.known = 1,
						.catch_all = 1,
						.batch_bytes = opt.batch_bytes,
						.linger_ns = 1000000000};
}

void floor_init(const struct floor_options *options)
{
	static struct plan plan; /* large */
	char err[512] = "no memory";
	uint16_t numa[1] = {0};
	bool fresh;

	opt = *options;
	if (opt.burst > BURST_MAX)
		die("--burst: at most 256");
	clock_init();
	slabs = rte_zmalloc("floor", (size_t)opt.slabs * opt.slab_bytes, SLAB_BLOCK);
	topo = rte_zmalloc("topology", sizeof(*topo), RTE_CACHE_LINE_SIZE);
	fill_plan(&plan);
	if (!slabs || !topo || !(topo->state = state_create(&plan, clock_tsc_hz(), &fresh)))
		die("start: %s", err);
	state_unlink(plan.run_dir);
	if (port_open(&topo->ports[0], &plan.ports[0], numa, state_port(topo->state, 0), err,
		      sizeof(err)) < 0)
		die("port: %s", err);
	topo->ports_count = 1;
	if (topology_make_lane(topo, &plan, 0, err, sizeof(err)) < 0)
		die("lane: %s", err);
	topo->lanes[0]->route = rx_route_create(&plan, err, sizeof(err));
	if (!topo->lanes[0]->route)
		die("route: %s", err);
	if (opt.file)
		open_file();
}
