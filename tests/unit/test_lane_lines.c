/*
 * No cache line is written by two lanes. Two real lanes, each on its two cores, with ports, log and
 * disk as they are, run one after the other; each time all memory of the process that can be
 * written is compared with what it was, line by line. So what nobody thought of is found, too:
 * heap, libraries, drivers.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_launch.h>

#include "dataplane/clock.h"
#include "dataplane/core_loop.h"
#include "dataplane/topology.h"
#include "frames.h"
#include "plans.h"

enum {
	LANES = 2,
	CORES = 2 * LANES,
	LINE = 64,
	FRAMES = 512,
	STORED_ONE_IN = 64, /* of the frames: enough for the log, little for the disk */
	REGIONS_MAX = 512,
	OWNED_MAX = 4096,
	NOBODYS = 1 << LANES, /* written while no lane runs: by the test itself */
	RUN_MS = 200,
	LOOKS = 8,
};

struct region {
	uint8_t *start, *copy, *writers; /* writers: a byte for each line, a bit for each lane */
	size_t bytes;
	char name[80];
};

/* What is made for one lane: nobody else may write there. */
struct owned {
	const char *what;
	const uint8_t *start;
	size_t bytes;
	unsigned lane;
	bool in_use; /* in every run of the lane */
};

static struct region regions[REGIONS_MAX];
static struct owned owned[OWNED_MAX];
static unsigned regions_count, owned_count;
static struct topology *topology;
static struct state *state;
static struct plan *plan;
static char folder[64], err[512];

static void pause_ms(unsigned ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* ---- two lanes ---- */

static void write_capture(const char *path, unsigned lane)
{
	static uint8_t frame[FRAME_MAX];
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out = pcap_dump_open(pcap, path);

	cr_assert_not_null(out, "%s", path);
	for (unsigned i = 0; i < FRAMES; i++) {
		struct frame_spec s = frame_default(i % 3 == 0);
		uint8_t payload[200];

		for (unsigned k = 0; k < sizeof(payload); k++)
			payload[k] = k % 50 == 49 ? '\n' : (uint8_t)('a' + rand() % 26);
		s.payload = payload;
		s.payload_len = 50 + (uint32_t)rand() % 150;
		s.src[1] = (uint8_t)lane;
		s.src[3] = (uint8_t)i;
		s.src_port = (uint16_t)(1024 + rand() % 60000);
		s.dst_port = (uint16_t)(i % STORED_ONE_IN ? 99 : 1000 + i / STORED_ONE_IN % 3);
		frame_make(frame, &s);
		struct pcap_pkthdr head = {.caplen = s.len, .len = s.len};
		pcap_dump((u_char *)out, &head, frame);
	}
	pcap_dump_close(out);
	pcap_close(pcap);
}

static void make_plan(void)
{
	struct plan_port *port;
	char data[80];

	snprintf(data, sizeof(data), "%s/data", folder);
	plan = plan_new(folder, data);
	port = &plan->ports[0];
	for (unsigned i = 0; i < LANES; i++) {
		char path[80];

		snprintf(path, sizeof(path), "%s/%u.pcap", folder, i);
		write_capture(path, i);
		plan->lanes[i] = plan->lanes[0];
		plan->lanes[i].rx_core = (uint16_t)(2 * i);
		plan->lanes[i].log_core = (uint16_t)(2 * i + 1);
	}
	snprintf(port->device, sizeof(port->device),
		 "net_pcap0,rx_pcap=%s/0.pcap,rx_pcap=%s/1.pcap,infinite_rx=1", folder, folder);
	port->queues = plan->lanes_count = LANES;
	plan->cores_count = CORES;
	plan->idle = PLAN_IDLE_ADAPTIVE; /* log cores sleep and are woken */
	for (unsigned i = 0; i < CORES; i++)
		plan->cores[i].cpu = PLAN_CPU_ANY;
	plan_listen(plan_add_stream(plan, "plain"), 1000, 1000);
	struct plan_stream *s = plan_add_stream(plan, "lines");
	plan_listen(s, 1001, 1001);
	s->decoder = PLAN_DECODER_lines;
	s->headers = 15;
	s = plan_add_stream(plan, "packed");
	plan_listen(s, 1002, 1002);
	s->compression = PLAN_COMPRESSION_LZ4; /* zstd asks malloc() anew as batches vary */
	for (unsigned i = 0; i < 3; i++)
		plan->streams[i].segment_bytes = 1 << 20; /* rolls, too */
}

static void setup(void)
{
	static char args[9][80] = {"test",	     "--no-huge",	"--no-shconf", "--no-pci",
				   "--no-telemetry", "--log-level=*:4", "-m",	       "64"};
	char *argv[10] = {NULL}, command[100];
	bool fresh;

	for (int i = 0; i < 9; i++)
		argv[i] = args[i];
	snprintf(args[8], sizeof(args[8]), "--lcores=(0-4)@(0-%ld)",
		 sysconf(_SC_NPROCESSORS_ONLN) - 1);
	cr_assert_geq(rte_eal_init(9, argv), 0);
	clock_init();
	snprintf(folder, sizeof(folder), "/tmp/test-lane-lines-%d", getpid());
	snprintf(command, sizeof(command), "mkdir -p %s/data", folder);
	cr_assert_eq(system(command), 0);
	make_plan();
	state = state_create(plan, clock_tsc_hz(), &fresh);
	cr_assert_not_null(state);
	state_unlink(folder);
	cr_assert_eq(topology_create(&topology, plan, state, err, sizeof(err)), 0, "%s", err);
}

static void teardown(void)
{
	char command[100];

	topology_destroy(topology);
	state_close(state);
	rte_eal_cleanup();
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(lane_lines, .init = setup, .fini = teardown);

static void start_lane(unsigned lane)
{
	const struct state_lane *s = state_lane(state, lane);

	atomic_store(&topology->phase, PHASE_RUN);
	for (unsigned i = 2 * lane; i < 2 * lane + 2; i++)
		cr_assert_eq(rte_eal_remote_launch(core_loop, &topology->cores[i],
						   topology->cores[i].lcore),
			     0);
	for (unsigned ms = 0; state_load(&s->batches) < 8; ms += 10) {
		cr_assert_lt(ms, 20000, "lane %u seals nothing: %s", lane,
			     topology_failed(topology));
		pause_ms(10);
	}
}

static void stop_lanes(void)
{
	topology_stop(topology, false, 10000);
	pause_ms(300); /* what the kernel and the disk's helper thread still have in hand */
}

/* ---- whose is what ---- */

static void own(unsigned lane, const char *what, const void *start, size_t bytes, bool in_use)
{
	cr_assert_lt(owned_count, OWNED_MAX);
	owned[owned_count++] = (struct owned){what, start, bytes, lane, in_use};
}

static void own_chunk(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk,
		      unsigned index)
{
	(void)pool;
	(void)index;
	own(*(unsigned *)arg, "packet buffers", chunk->addr, chunk->len, true);
}

static void own_rings(unsigned i)
{
	const struct lane *lane = topology->lanes[i];
	const struct rte_ring *rings[] = {lane->filled, lane->free};

	for (unsigned k = 0; k < 2; k++)
		own(i, k ? "ring of free slabs" : "ring of filled slabs", rings[k],
		    (size_t)rte_ring_get_memsize(rte_ring_get_size(rings[k])), true);
}

static void own_all(unsigned i)
{
	const struct lane *lane = topology->lanes[i];
	const struct plan_lane *p = &plan->lanes[i];
	const uint16_t cores[] = {p->rx_core, p->log_core};

	own(i, "lane", lane, sizeof(*lane), true);
	own(i, "senders", lane->senders, sizeof(*lane->senders), false);
	own(i, "batches", lane->batches, plan->streams_max * sizeof(*lane->batches), true);
	own(i, "open slots", lane->open_slots, plan->streams_max * sizeof(*lane->open_slots),
	    false);
	own(i, "reserve", lane->reserve, p->slabs * sizeof(*lane->reserve), false);
	own(i, "scratch", lane->scratch, LANE_SCRATCH, false);
	own(i, "slabs", topology->slabs[i], p->slabs * sizeof(struct slab), true);
	own(i, "slab memory", topology->slab_memory[i], topology->slab_memory_bytes[i], true);
	own_rings(i);
	own(i, "state_lane", state_lane(state, i), sizeof(struct state_lane), true);
	own(i, "state_rx", state_rx(state, i, 0), sizeof(struct state_rx), true);
	for (unsigned slot = 0; slot < plan->streams_max; slot++)
		own(i, "state_partition", state_partition(state, i, slot),
		    sizeof(struct state_partition), slot < 3);
	for (unsigned k = 0; k < 2; k++) {
		own(i, "core", &topology->cores[cores[k]], sizeof(struct core), false);
		own(i, "state_core", state_core(state, cores[k]), sizeof(struct state_core),
		    k == 1);
	}
	rte_mempool_mem_iter(topology->ports[0].pools[i], own_chunk, &i);
}

/* ---- all memory, line by line ---- */

static void *map_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	return p;
}

static void find_regions(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[400];

	cr_assert_not_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		struct region *r = &regions[regions_count];
		uintptr_t first, end;
		char access[8];

		r->name[0] = '\0';
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %*s %79[^\n]", &first, &end,
			   access, r->name) < 3)
			continue;
		/* The main thread's stack is no lane's. */
		if (access[0] != 'r' || access[1] != 'w' || strcmp(r->name, "[stack]") == 0)
			continue;
		cr_assert_lt(++regions_count, REGIONS_MAX);
		r->start = (uint8_t *)first; /* NOLINT(performance-no-int-to-ptr) */
		r->bytes = end - first;
	}
	fclose(maps);
	for (unsigned i = 0; i < regions_count; i++) {
		regions[i].copy = map_memory(regions[i].bytes);
		regions[i].writers = map_memory(regions[i].bytes / LINE + 1);
	}
}

static void take_copy(void)
{
	for (unsigned i = 0; i < regions_count; i++)
		memcpy(regions[i].copy, regions[i].start, regions[i].bytes);
}

static void mark_written(unsigned writer)
{
	for (unsigned i = 0; i < regions_count; i++) {
		struct region *r = &regions[i];

		for (size_t at = 0; at < r->bytes; at += LINE)
			if (memcmp(r->start + at, r->copy + at, LINE) != 0)
				r->writers[at / LINE] |= (uint8_t)writer;
	}
}

/* Who wrote the line that this byte lies in. */
static uint8_t *writers_of(const uint8_t *p)
{
	for (unsigned i = 0; i < regions_count; i++)
		if (p >= regions[i].start && p < regions[i].start + regions[i].bytes)
			return &regions[i].writers[(size_t)(p - regions[i].start) / LINE];
	cr_assert_fail("%p is in no memory that can be written", (const void *)p);
	return NULL;
}

static void check_owned(const struct owned *o)
{
	const uint8_t *from = o->start - (uintptr_t)o->start % LINE;
	size_t written = 0;

	for (const uint8_t *p = from; p < o->start + o->bytes; p += LINE) {
		unsigned writers = *writers_of(p);

		cr_assert_eq(writers & ~(1u << o->lane), 0,
			     "lane %u's %s, byte %td: written by %#x", o->lane, o->what,
			     p - o->start, writers);
		written += writers != 0;
	}
	cr_assert(written || !o->in_use, "lane %u did not write its %s", o->lane, o->what);
}

static void check_shared(const struct region *r)
{
	for (size_t i = 0; i < r->bytes / LINE; i++) {
		unsigned writers = r->writers[i];

		cr_expect(writers & NOBODYS || (writers & (writers - 1)) == 0,
			  "line %p of %s is written by two lanes", (void *)(r->start + i * LINE),
			  r->name[0] ? r->name : "anonymous memory");
	}
}

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true }; /* its own memory would be walked */
#else
enum { SANITIZED = false };
#endif

Test(lane_lines, no_line_is_written_by_two_lanes, .timeout = 60, .disabled = SANITIZED)
{
	for (unsigned i = 0; i < LANES; i++)
		own_all(i);
	find_regions();
	/* There the kernel notes on which processor the main thread is, whenever it moves. */
	*writers_of((uint8_t *)__builtin_thread_pointer() + __rseq_offset) = NOBODYS;
	take_copy();
	pause_ms(RUN_MS);
	mark_written(NOBODYS);
	for (unsigned i = 0; i < LANES; i++) {
		start_lane(i);
		take_copy();
		for (unsigned k = 0; k < LOOKS; k++) { /* some lines change there and back */
			pause_ms(RUN_MS / LOOKS);
			mark_written(1u << i);
		}
		stop_lanes();
	}
	for (unsigned i = 0; i < owned_count; i++)
		check_owned(&owned[i]);
	for (unsigned i = 0; i < regions_count; i++)
		check_shared(&regions[i]);
}
