#include "plan_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* for its estimates */
#include <zstd.h>

#include "api/state.h"
#include "memory.h"
#include "plan_ports.h"
#include "plan_streams.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)

enum {
	BLOCK = 4096,
	STREAMS_SPARE = 8, /* max_streams: auto: room for a reload to add some */
	STREAMS_LEAST = 16,
	SLABS_SPARE = 2,
	SLABS_MAX = 1024,
	REST_MIB = 16,	      /* EAL's own, rings, devices */
	REST_OF_LANE_MIB = 4, /* sender cache, batches, scratch */
	REST_OF_PORT_MIB = 2,
	/* Measured, in KiB. Half of the program's is DPDK's, all drivers of which are loaded. */
	PROGRAM_KIB = 5 * 1024,
	CORE_KIB = 64, /* stack, io_uring, the log's queues */
	LOG_KIB = 52,  /* a partition's index rings and tail blocks */
};

/* Slabs that take turns on a lane: few enough for the cache, enough that what the log core has read
 * left its own (docs/performance.md, "Which slab next"). The reserve rides out a device that
 * stalls. */
#define HOT_MIN (2 * MIB)
#define HOT_MAX (4 * MIB)
#define RESERVE (32 * MIB)

struct building {
	const struct config *config;
	const struct plan *previous;
	struct plan *plan;
	struct placement *placement;
	char *key;
	size_t key_size;
	char *err;
	size_t err_size;
};

static void build_head(struct building *b)
{
	const struct config *c = b->config;
	struct plan *p = b->plan;

	p->magic = PLAN_MAGIC;
	p->version = PLAN_VERSION;
	p->size_bytes = sizeof(*p);
	p->generation = b->previous ? b->previous->generation + 1 : 1;
	snprintf(p->run_dir, sizeof(p->run_dir), "%s", c->run_dir);
	snprintf(p->storage_path, sizeof(p->storage_path), "%s", c->storage.path);
	memcpy(p->eal_args, c->eal_args.text, sizeof(p->eal_args));
	p->direct = (uint8_t)c->storage.direct;
	p->visible = (uint8_t)c->storage.visible;
	p->sink = c->storage.sink != 0;
	p->write_depth = (uint16_t)c->storage.write_depth;
	p->prepare_bytes = (uint32_t)(c->storage.prepare_bytes / BLOCK * BLOCK);
	p->idle = (uint8_t)c->lanes.idle;
	p->rest_ns = plan_rest_ns(c);
	p->burst = (uint16_t)c->lanes.burst;
	p->sync_off = c->storage.sync_ns == CONFIG_OFF;
	p->sync_ns = p->sync_off ? 0 : c->storage.sync_ns;
	p->ports_count = (uint16_t)c->ports_count;
	if (c->max_streams) {
		p->streams_max = (uint16_t)c->max_streams;
	} else if (b->previous) {
		p->streams_max = b->previous->streams_max;
	} else {
		unsigned n = c->streams_count + STREAMS_SPARE;
		n = n < STREAMS_LEAST ? STREAMS_LEAST : n;
		p->streams_max = (uint16_t)(n > PLAN_STREAMS_MAX ? PLAN_STREAMS_MAX : n);
	}
}

/* May the lanes stay on the cores where they run? */
static bool keeps_cores(const struct building *b)
{
	const struct config *c = b->config;

	return b->previous && !c->lanes.cores.count && !c->lanes.log_cores.count &&
	       (c->lanes.count == CONFIG_AUTO || c->lanes.count == b->previous->lanes_count);
}

static int build_cores(struct building *b)
{
	const struct config *c = b->config;
	const char *pci[PLAN_PORTS_MAX], *key = "";
	struct place_request r = {
		.lanes = (unsigned)c->lanes.count,
		.cores = c->lanes.cores.count ? c->lanes.cores.list : NULL,
		.cores_count = c->lanes.cores.count,
		.log_cores = c->lanes.log_cores.count ? c->lanes.log_cores.list : NULL,
		.log_cores_count = c->lanes.log_cores.count,
		.spin = c->lanes.idle == PLAN_IDLE_SPIN,
		.pci = pci,
	};
	struct plan *p = b->plan;
	int rc;

	for (unsigned i = 0; i < c->ports_count; i++) {
		const struct config_port *port = &c->ports[i];
		unsigned queues = (unsigned)port->queues;

		if (port->is_pci) {
			pci[r.pci_count++] = port->device;
			r.nic_auto |= queues == 0;
		} else if (!queues) {
			queues = plan_device_queues(port->device);
		}
		if (queues > r.queues_hint)
			r.queues_hint = queues;
	}
	rc = place(&r, b->placement, &key, b->err, b->err_size);
	if (rc != 0) {
		snprintf(b->key, b->key_size, "%s", key);
		return rc;
	}
	if (keeps_cores(b)) {
		p->lanes_count = b->previous->lanes_count;
		p->cores_count = b->previous->cores_count;
		p->main_cpu = b->previous->main_cpu;
		memcpy(p->cores, b->previous->cores, sizeof(p->cores));
		memcpy(p->lanes, b->previous->lanes, sizeof(p->lanes));
		return 0;
	}
	p->lanes_count = (uint16_t)b->placement->lanes_count;
	p->cores_count = (uint16_t)b->placement->cores_count;
	p->main_cpu = b->placement->main_cpu;
	memcpy(p->cores, b->placement->cores, sizeof(p->cores));
	for (unsigned i = 0; i < p->lanes_count; i++) {
		p->lanes[i].rx_core = b->placement->rx_core[i];
		p->lanes[i].log_core = b->placement->log_core[i];
	}
	return 0;
}

static uint32_t hot_slabs(const struct building *b, uint32_t slab_bytes)
{
	uint64_t hot = b->placement->cache_share_bytes / 2;

	hot = hot < HOT_MIN ? HOT_MIN : hot > HOT_MAX ? HOT_MAX : hot;
	return hot > slab_bytes ? (uint32_t)(hot / slab_bytes) : 1;
}

/* Those that take turns, and as many more as ride out a device that stalls. */
static uint32_t auto_slabs(const struct building *b, uint32_t slab_bytes)
{
	uint32_t least = b->plan->streams_max + b->plan->write_depth + SLABS_SPARE;
	uint32_t n = hot_slabs(b, slab_bytes) + (uint32_t)(RESERVE / slab_bytes);

	n = n < least ? least : n;
	return n > SLABS_MAX ? SLABS_MAX : n;
}

static int build_slabs(struct building *b)
{
	const struct config *c = b->config;
	const struct plan_lane *old = b->previous ? &b->previous->lanes[0] : NULL;
	uint32_t slab_bytes = plan_slab_bytes(0), slabs;
	unsigned largest = 0;

	for (unsigned i = 0; i < c->streams_count; i++) {
		uint32_t need = plan_slab_bytes((uint32_t)c->streams[i].batch_bytes);
		if (need > slab_bytes) {
			slab_bytes = need;
			largest = i;
		}
	}
	if (old && slab_bytes > old->slab_bytes) {
		snprintf(b->key, b->key_size, "streams[%u].batch_size", largest);
		snprintf(b->err, b->err_size,
			 "a slab of %u bytes, running are those of %u: it needs a restart",
			 slab_bytes, old->slab_bytes);
		return -EBUSY;
	}
	if (old)
		slab_bytes = old->slab_bytes;
	slabs = c->lanes.slabs ? (uint32_t)c->lanes.slabs
		: old	       ? old->slabs
			       : auto_slabs(b, slab_bytes);
	if (slabs <= c->streams_count) {
		snprintf(b->key, b->key_size, "%s", c->lanes.slabs ? "lanes.slabs" : "streams");
		snprintf(b->err, b->err_size, "%u slabs, %u streams need at least %u", slabs,
			 c->streams_count, c->streams_count + 1);
		return -EINVAL;
	}
	uint32_t hot = old ? old->hot_slabs : hot_slabs(b, slab_bytes);
	for (unsigned i = 0; i < b->plan->lanes_count; i++) {
		b->plan->lanes[i].slabs = slabs;
		b->plan->lanes[i].slab_bytes = slab_bytes;
		b->plan->lanes[i].hot_slabs = hot < slabs ? hot : slabs;
	}
	return 0;
}

static uint64_t mbuf_bytes(const struct plan *plan)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < plan->ports_count; i++)
		bytes += plan->ports[i].queues * plan_pool_bytes(&plan->ports[i], plan->hugepages);
	return bytes;
}

static uint64_t slab_bytes(const struct plan *plan)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < plan->lanes_count; i++)
		bytes += (uint64_t)plan->lanes[i].slabs * plan->lanes[i].slab_bytes;
	return bytes;
}

/* What a log core compresses with: slabs to compress into, and zstd's tables. */
static uint64_t compress_bytes(const struct plan *plan)
{
	uint64_t slabs = (plan->write_depth + 1) * (uint64_t)plan->lanes[0].slab_bytes, tables = 0;
	bool compresses = false;

	for (unsigned i = 0; i < plan->streams_max; i++) {
		const struct plan_stream *s = &plan->streams[i];
		int level = s->compression_level ? s->compression_level : ZSTD_CLEVEL_DEFAULT;
		uint64_t bytes;

		if (!s->used || s->compression == PLAN_COMPRESSION_NONE)
			continue;
		compresses = true;
		if (s->compression != PLAN_COMPRESSION_ZSTD)
			continue;
		bytes = ZSTD_estimateCCtxSize_usingCParams(
			ZSTD_getCParams(level, s->batch_bytes, 0));
		tables = bytes > tables ? bytes : tables;
	}
	return compresses ? slabs + tables : 0;
}

/* What the log cores hold beside the lanes' slabs. */
static uint64_t log_bytes(const struct plan *plan)
{
	uint64_t known = 0, log_cores = 0, of_stream;

	for (unsigned i = 0; i < plan->streams_max; i++)
		known += plan->streams[i].known;
	for (unsigned i = 0; i < plan->cores_count; i++)
		for (unsigned k = 0; k < plan->lanes_count; k++)
			if (plan->lanes[k].log_core == i) {
				log_cores++;
				break;
			}
	of_stream = plan->lanes_count * (sizeof(struct state_partition) + LOG_KIB * KIB);
	/* Who reads the state looks for partitions of lanes that are no more: a page each. */
	of_stream += (PLAN_LANES_MAX - plan->lanes_count) * (uint64_t)BLOCK;
	return known * of_stream + log_cores * compress_bytes(plan);
}

struct plan_memory plan_memory(const struct plan *plan)
{
	struct plan_memory m = {.mbufs = mbuf_bytes(plan), .slabs = slab_bytes(plan)};

	if (plan->memory_mib * MIB > m.mbufs + m.slabs)
		m.rest = plan->memory_mib * MIB - m.mbufs - m.slabs;
	for (unsigned i = 0; i < plan->ports_count; i++)
		m.rings += plan_port_ring_bytes(&plan->ports[i]);
	m.logs = log_bytes(plan);
	m.program = (PROGRAM_KIB + (uint64_t)CORE_KIB * plan->cores_count) * KIB;
	m.total = m.mbufs + m.slabs + m.rest + m.rings + m.logs + m.program;
	return m;
}

bool plan_fits_memory(const struct plan *plan, char *err, size_t err_size)
{
	uint64_t available = memory_available(), total = plan_memory(plan).total;

	if (plan->hugepages || !available || total <= available)
		return true;
	snprintf(err, err_size,
		 "memory: the plan needs %llu MiB, %llu MiB are available: fewer lanes.slabs, a "
		 "smaller batch_size, fewer max_streams or lanes ('weir plan' shows what takes how "
		 "much)",
		 (unsigned long long)(total / MIB), (unsigned long long)(available / MIB));
	return false;
}

/* What DPDK is to reserve. */
static uint32_t reserve_mib(const struct plan *p)
{
	uint64_t known = mbuf_bytes(p) + slab_bytes(p);
	uint64_t rest = (REST_MIB + REST_OF_LANE_MIB * (uint64_t)p->lanes_count +
			 REST_OF_PORT_MIB * (uint64_t)p->ports_count) *
			MIB;

	rest += known / 16; /* pages that objects do not fill to the end */
	/* Hugepages are 2 MiB at least. */
	return (uint32_t)((known + rest + MIB - 1) / MIB + 1) & ~1u;
}

static void build_memory(struct building *b)
{
	struct plan *p = b->plan;

	p->hugepages = b->previous ? b->previous->hugepages : 1;
	if (b->config->hugepages != CONFIG_SWITCH_AUTO)
		p->hugepages = b->config->hugepages == CONFIG_SWITCH_ON;
	else if (!b->previous) /* which holds them now: none need be free */
		p->hugepages = memory_hugepages_free() >= reserve_mib(p) * MIB;
	p->memory_mib = reserve_mib(p);
	/* Reserved is reserved: what would need more is refused by its own name. */
	if (b->previous && mbuf_bytes(p) + slab_bytes(p) <= b->previous->memory_mib * MIB)
		p->memory_mib = b->previous->memory_mib;
}

int plan_build_explained(const struct config *config, const struct plan *previous,
			 struct plan *plan, struct placement *placement, char *key, size_t key_size,
			 char *err, size_t err_size)
{
	struct building building = {config, previous, plan, placement,
				    key,    key_size, err,  err_size};
	struct building *b = &building;
	int rc;

	memset(plan, 0, sizeof(*plan));
	key[0] = 0;
	build_head(b);
	rc = build_cores(b);
	if (rc == 0)
		rc = plan_streams_build(config, previous, plan, key, key_size, err, err_size);
	if (rc == 0)
		rc = build_slabs(b);
	if (rc != 0)
		return rc;
	for (unsigned i = 0; i < config->ports_count; i++)
		plan_port_build(&config->ports[i],
				previous && i < previous->ports_count ? &previous->ports[i] : NULL,
				plan->lanes_count, plan->burst, &plan->ports[i], placement);
	build_memory(b);
	return plan_check(plan, sizeof(*plan), err, err_size);
}

int plan_build(const struct config *config, const struct plan *previous, struct plan *plan,
	       char *err, size_t err_size)
{
	struct placement *placement = malloc(sizeof(*placement));
	char key[64], why[512];
	int rc;

	if (!placement) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	rc = plan_build_explained(config, previous, plan, placement, key, sizeof(key), why,
				  sizeof(why));
	if (rc != 0)
		snprintf(err, err_size, "%s%s%s", key, key[0] ? ": " : "", why);
	free(placement);
	return rc;
}
