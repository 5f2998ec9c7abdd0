/*
 * What a lane is measured against, on the same port:
 *
 *     bare   receive and free
 *     floor  receive, copy each payload once into slabs, free: no log can do less
 *     seal   one core that checksums slabs and writes them to files, no port
 *     lane   Weir's own polling half into slabs that come straight back (for work on rx_*)
 *
 * usage: lane_floor MODE --slabs N --slab-bytes N [--file PATH] -- EAL-ARGS
 * Prints "packets nanoseconds bytes" every 100 ms, all since the start, until it is killed. Bounded
 * by --seconds. The modes take turns when several are given, 200 ms each: "bare,floor,lane".
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <isa-l/crc.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "clock.h"
#include "core_loop.h"
#include "rx_port.h"
#include "rx_record.h"
#include "topology_lane.h"

enum { BURST = 64, TURN_MS = 200, HEADERS = 42 };

struct options {
	const char *modes, *device, *file;
	unsigned slabs, slab_bytes, seconds, mbufs;
};

struct counts {
	uint64_t packets, bytes, ns;
};

static struct options opt = {
	.modes = "floor", .slabs = 8, .slab_bytes = 262144 + 8192, .seconds = 60, .mbufs = 16384};
static uint8_t *slabs;
static unsigned slab_now;
static uint32_t slab_at;
static int file_fd = -1;
static off_t file_at;
static struct topology *topo;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static unsigned poll_bare(uint16_t port, struct counts *c)
{
	struct rte_mbuf *m[BURST];
	unsigned n = rte_eth_rx_burst(port, 0, m, BURST);

	for (unsigned i = 0; i < n; i++)
		c->bytes += m[i]->pkt_len;
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static unsigned poll_floor(uint16_t port, struct counts *c)
{
	struct rte_mbuf *m[BURST];
	unsigned n = rte_eth_rx_burst(port, 0, m, BURST);

	for (unsigned i = 0; i < n; i++) {
		uint32_t len = m[i]->pkt_len - HEADERS;

		if (slab_at + len > opt.slab_bytes) {
			slab_now = (slab_now + 1) % opt.slabs;
			slab_at = 0;
		}
		rx_copy(slabs + (size_t)slab_now * opt.slab_bytes + slab_at,
			rte_pktmbuf_mtod_offset(m[i], const uint8_t *, HEADERS), len);
		slab_at += len;
		c->bytes += len;
	}
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static unsigned poll_seal(struct counts *c)
{
	static volatile uint32_t crc;
	uint8_t *slab = slabs + (size_t)slab_now * opt.slab_bytes;

	crc = crc32_iscsi(slab, (int)opt.slab_bytes, 0xffffffff);
	if (file_fd >= 0) {
		if (pwrite(file_fd, slab, opt.slab_bytes, file_at) != (ssize_t)opt.slab_bytes)
			exit(1);
		file_at += opt.slab_bytes;
		if (file_at > (off_t)1 << 30)
			file_at = 0;
	}
	slab_now = (slab_now + 1) % opt.slabs;
	c->bytes += opt.slab_bytes;
	return 1;
}

static unsigned poll_lane(void)
{
	struct lane *lane = topo->lanes[0];
	struct slab *s[32];
	struct clock_now now = clock_at(rte_rdtsc());

	lane->now = now;
	lane->now_ms = (int64_t)(now.real_ns / 1000000);
	unsigned work = lane_poll(lane);
	unsigned n = rte_ring_sc_dequeue_burst(lane->filled, (void **)s, 32, NULL);
	for (unsigned i = 0; i < n; i++)
		rte_ring_sp_enqueue(lane->free, s[i]);
	return work;
}

static void turn(const char *mode, struct counts *c)
{
	uint64_t start = now_ns(), end = start + TURN_MS * 1000000ull, now = start;
	uint16_t port = topo->ports[0].id;

	while (now < end) {
		for (int i = 0; i < 256; i++) {
			if (strcmp(mode, "bare") == 0)
				c->packets += poll_bare(port, c);
			else if (strcmp(mode, "floor") == 0)
				c->packets += poll_floor(port, c);
			else if (strcmp(mode, "seal") == 0)
				c->packets += poll_seal(c);
			else
				c->packets += poll_lane();
		}
		now = now_ns();
	}
	c->ns += now - start;
}

static void make_lane(void)
{
	static struct plan plan; /* large */
	char err[512];
	bool fresh;
	uint16_t numa[1] = {0};

	plan.ports_count = plan.lanes_count = plan.cores_count = 1;
	plan.streams_max = 4;
	plan.burst = BURST;
	snprintf(plan.run_dir, sizeof(plan.run_dir), "/lane_floor-%d", (int)getpid());
	plan.lanes[0] = (struct plan_lane){.slabs = opt.slabs, .slab_bytes = opt.slab_bytes};
	snprintf(plan.ports[0].name, sizeof(plan.ports[0].name), "bench");
	snprintf(plan.ports[0].device, sizeof(plan.ports[0].device), "%s", opt.device);
	plan.ports[0].queues = 1;
	plan.ports[0].rx_descriptors = 512;
	plan.ports[0].mbufs = opt.mbufs;
	plan.streams[0] = (struct plan_stream){.name = "bench",
					       .used = 1,
					       .known = 1,
					       .catch_all = 1,
					       .batch_bytes = opt.slab_bytes - 3 * SLAB_BLOCK,
					       .linger_ns = 1000000000};
	topo = rte_zmalloc("topology", sizeof(*topo), 64);
	topo->state = state_create(&plan, clock_tsc_hz(), &fresh);
	state_unlink(plan.run_dir);
	if (port_open(&topo->ports[0], &plan.ports[0], numa, state_port(topo->state, 0), err,
		      sizeof(err)) < 0 ||
	    (topo->ports_count = 1, topology_make_lane(topo, &plan, 0, err, sizeof(err))) < 0) {
		fprintf(stderr, "lane_floor: %s\n", err);
		exit(1);
	}
	topo->lanes[0]->route = rx_route_create(&plan, err, sizeof(err));
}

static int options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"slabs", 1, NULL, 's'},  {"slab-bytes", 1, NULL, 'b'},
		{"file", 1, NULL, 'f'},	  {"seconds", 1, NULL, 't'},
		{"device", 1, NULL, 'd'}, {"modes", 1, NULL, 'm'},
		{"mbufs", 1, NULL, 'n'},  {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.slabs = (unsigned)atoi(optarg);
			break;
		case 'b':
			opt.slab_bytes = (unsigned)atoi(optarg);
			break;
		case 'f':
			opt.file = optarg;
			break;
		case 't':
			opt.seconds = (unsigned)atoi(optarg);
			break;
		case 'd':
			opt.device = optarg;
			break;
		case 'm':
			opt.modes = optarg;
			break;
		case 'n':
			opt.mbufs = (unsigned)atoi(optarg);
			break;
		default:
			return -1;
		}
	}
	return optind;
}

int main(int argc, char **argv)
{
	char modes[128], *mode[8];
	struct counts counts[8] = {{0}};
	unsigned n = 0;
	int at = options(argc, argv);

	if (at < 0 || !opt.device)
		return 2;
	argv[at - 1] = argv[0];
	if (rte_eal_init(argc - at + 1, argv + at - 1) < 0)
		return 1;
	clock_init();
	slabs = rte_zmalloc("floor", (size_t)opt.slabs * opt.slab_bytes, 4096);
	if (opt.file)
		file_fd = open(opt.file, O_RDWR | O_CREAT, 0600);
	make_lane();
	snprintf(modes, sizeof(modes), "%s", opt.modes);
	for (char *m = strtok(modes, ","); m && n < 8; m = strtok(NULL, ","))
		mode[n++] = m;
	for (uint64_t end = now_ns() + opt.seconds * 1000000000ull; now_ns() < end;)
		for (unsigned i = 0; i < n; i++) {
			turn(mode[i], &counts[i]);
			printf("%s %lu %lu %lu\n", mode[i], counts[i].packets, counts[i].ns,
			       counts[i].bytes);
			fflush(stdout);
		}
	return 0;
}
