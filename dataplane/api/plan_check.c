/*
 * Is this plan one that the dataplane can follow? Everything that later code takes for granted is
 * checked here, once, so that no hot loop has to: ranges, sums, indices, terminated strings.
 */
#include "plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control_msg.h"

#define HOUR_NS UINT64_C(3600000000000)

enum {
	BLOCK = 4096,
	BATCH_MIN = 1024,
	BATCH_MAX = 64 << 20,
	SLABS_MAX = 1024,
	CPU_MAX = 4096,
	NUMA_MAX = 64,
	INSNS_OF_ONE_FILTER_MAX = 4096,
	SUN_PATH_MAX = 108,
	MBUF_OVERHEAD = 256, /* struct rte_mbuf and RTE_PKTMBUF_HEADROOM */
};

struct check {
	const struct plan *plan;
	char *err;
	size_t err_size;
};

__attribute__((format(printf, 2, 3))) static int bad(const struct check *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->err, c->err_size, format, ap);
	va_end(ap);
	return -EINVAL;
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static int check_range(const struct check *c, const char *what, unsigned index, uint64_t found,
		       uint64_t min, uint64_t max)
{
	char name[64];

	if (found >= min && found <= max)
		return 0;
	snprintf(name, sizeof(name), what, index);
	return bad(c, "%s: %llu, must be %llu to %llu", name, (unsigned long long)found,
		   (unsigned long long)min, (unsigned long long)max);
}

#define RANGE(what, index, found, min, max)                                                        \
	do {                                                                                       \
		int range_rc = check_range(c, what, index, found, min, max);                       \
		if (range_rc != 0)                                                                 \
			return range_rc;                                                           \
	} while (0)

bool plan_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= PLAN_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	       n;
}

static int check_head(const struct check *c, size_t size)
{
	const struct plan *p = c->plan;

	if (size < sizeof(*p))
		return bad(c, "plan: %zu bytes, %zu needed", size, sizeof(*p));
	if (p->magic != PLAN_MAGIC)
		return bad(c, "plan: wrong magic %016llx", (unsigned long long)p->magic);
	if (p->version != PLAN_VERSION)
		return bad(c, "plan: version %u, this build reads %u", p->version, PLAN_VERSION);
	if (p->size_bytes != sizeof(*p))
		return bad(c, "plan: size_bytes %u, this build has %zu", p->size_bytes, sizeof(*p));
	if (p->generation == 0)
		return bad(c, "generation: 0, the first is 1");
	return 0;
}

static int check_directory(const struct check *c, const char *what, const char *path)
{
	if (!terminated(path, PLAN_PATH_MAX))
		return bad(c, "%s: not NUL-terminated", what);
	if (path[0] != '/')
		return bad(c, "%s: \"%s\", must be an absolute path", what, path);
	return 0;
}

static int check_process(const struct check *c)
{
	const struct plan *p = c->plan;
	size_t at = 0;
	int rc = check_directory(c, "run_dir", p->run_dir);

	if (rc == 0)
		rc = check_directory(c, "storage_path", p->storage_path);
	if (rc != 0)
		return rc;
	if (strlen(p->run_dir) + 1 + sizeof(CONTROL_SOCKET) > SUN_PATH_MAX)
		return bad(c, "run_dir: too long for a UNIX socket in it");
	while (p->eal_args[at]) {
		const char *end = memchr(p->eal_args + at, 0, sizeof(p->eal_args) - at);
		if (!end || end + 1 == p->eal_args + sizeof(p->eal_args))
			return bad(c, "eal_args: not ended by an empty one");
		at = (size_t)(end + 1 - p->eal_args);
	}
	RANGE("hugepages", 0, p->hugepages, 0, 1);
	RANGE("direct", 0, p->direct, PLAN_DIRECT_AUTO, PLAN_DIRECT_OFF);
	RANGE("visible", 0, p->visible, PLAN_VISIBLE_DURABLE, PLAN_VISIBLE_WRITTEN);
	RANGE("sink", 0, p->sink, 0, 1);
	RANGE("ports_count", 0, p->ports_count, 1, PLAN_PORTS_MAX);
	RANGE("lanes_count", 0, p->lanes_count, 1, PLAN_LANES_MAX);
	RANGE("cores_count", 0, p->cores_count, 1, PLAN_CORES_MAX);
	RANGE("streams_max", 0, p->streams_max, 1, PLAN_STREAMS_MAX);
	RANGE("write_depth", 0, p->write_depth, 1, 16);
	if (p->main_cpu != PLAN_CPU_ANY)
		RANGE("main_cpu", 0, p->main_cpu, 0, CPU_MAX - 1);
	if (p->prepare_bytes % BLOCK)
		return bad(c, "prepare_bytes: %u, not a multiple of %d", p->prepare_bytes, BLOCK);
	RANGE("idle", 0, p->idle, PLAN_IDLE_SPIN, PLAN_IDLE_ADAPTIVE);
	RANGE("sync_off", 0, p->sync_off, 0, 1);
	RANGE("sync_ns", 0, p->sync_ns, 0, HOUR_NS);
	RANGE("rest_ns", 0, p->rest_ns, 0, PLAN_REST_MAX_NS);
	RANGE("burst", 0, p->burst, 1, 256);
	RANGE("filter_insns_count", 0, p->filter_insns_count, 0, PLAN_FILTER_INSNS_MAX);
	return 0;
}

static int check_port(const struct check *c, unsigned i)
{
	const struct plan_port *port = &c->plan->ports[i];

	if (!terminated(port->name, sizeof(port->name)) || !plan_name_valid(port->name))
		return bad(c, "ports[%u].name: must be 1 to %d of a-z A-Z 0-9 . _ -", i,
			   PLAN_NAME_MAX - 1);
	if (!terminated(port->device, sizeof(port->device)) || !port->device[0])
		return bad(c, "ports[%u].device: empty or not NUL-terminated", i);
	for (unsigned k = 0; k < i; k++) {
		if (strcmp(port->name, c->plan->ports[k].name) == 0)
			return bad(c, "ports[%u].name: \"%s\" is ports[%u] too", i, port->name, k);
		if (strcmp(port->device, c->plan->ports[k].device) == 0)
			return bad(c, "ports[%u].device: \"%s\" is ports[%u] too", i, port->device,
				   k);
	}
	RANGE("ports[%u].queues", i, port->queues, 1, c->plan->lanes_count);
	RANGE("ports[%u].rx_descriptors", i, port->rx_descriptors, 32, 32768);
	RANGE("ports[%u].mbufs", i, port->mbufs, (uint64_t)port->rx_descriptors + c->plan->burst,
	      1u << 24);
	RANGE("ports[%u].mbuf_room_bytes", i, port->mbuf_room_bytes, 512, 65000);
	if (port->mtu != 0)
		RANGE("ports[%u].mtu", i, port->mtu, 68, 65535);
	RANGE("ports[%u].is_pci", i, port->is_pci, 0, 1);
	RANGE("ports[%u].promiscuous", i, port->promiscuous, 0, 1);
	RANGE("ports[%u].verify_checksums", i, port->verify_checksums, 0, 1);
	return 0;
}

static int check_lane(const struct check *c, unsigned i, unsigned used, uint32_t slab_min)
{
	const struct plan_lane *lane = &c->plan->lanes[i];

	RANGE("lanes[%u].rx_core", i, lane->rx_core, 0, c->plan->cores_count - 1u);
	RANGE("lanes[%u].log_core", i, lane->log_core, 0, c->plan->cores_count - 1u);
	for (unsigned k = 0; k < c->plan->lanes_count; k++) {
		const struct plan_lane *other = &c->plan->lanes[k];
		/* One polling loop knows one lane; a log core that others share cannot also poll.
		 */
		if (k != i && (other->rx_core == lane->rx_core || other->log_core == lane->rx_core))
			return bad(c, "lanes[%u].rx_core: core %u serves lane %u already", i,
				   lane->rx_core, k);
	}
	RANGE("lanes[%u].slabs", i, lane->slabs, used + 1 > 4 ? used + 1 : 4, SLABS_MAX);
	RANGE("lanes[%u].hot_slabs", i, lane->hot_slabs, 0, lane->slabs);
	RANGE("lanes[%u].slab_bytes", i, lane->slab_bytes, slab_min, UINT32_MAX);
	if (lane->slab_bytes % BLOCK)
		return bad(c, "lanes[%u].slab_bytes: %u, not a multiple of %d", i, lane->slab_bytes,
			   BLOCK);
	return 0;
}

static int check_selection(const struct check *c, unsigned i)
{
	const struct plan_stream *s = &c->plan->streams[i];
	uint32_t count = c->plan->filter_insns_count;

	RANGE("streams[%u].catch_all", i, s->catch_all, 0, 1);
	RANGE("streams[%u].listens", i, s->listens, 0, PLAN_LISTEN_MAX);
	if ((s->listens != 0) + (s->filter_insns != 0) + s->catch_all != 1)
		return bad(c, "streams[%u] (%s): needs exactly one of listen, filter, catch_all", i,
			   s->name);
	for (unsigned k = 0; k < s->listens; k++)
		if (s->listen[k].first == 0 || s->listen[k].first > s->listen[k].last)
			return bad(c, "streams[%u].listen[%u]: %u-%u is no range of ports", i, k,
				   s->listen[k].first, s->listen[k].last);
	RANGE("streams[%u].filter_insns", i, s->filter_insns, 0, INSNS_OF_ONE_FILTER_MAX);
	if (s->filter_first > count || s->filter_insns > count - s->filter_first)
		return bad(c, "streams[%u]: filter at %u+%u, only %u instructions", i,
			   s->filter_first, s->filter_insns, count);
	return 0;
}

static int check_stream(const struct check *c, unsigned i)
{
	const struct plan *p = c->plan;
	const struct plan_stream *s = &p->streams[i];
	uint64_t smallest;
	int rc;

	RANGE("streams[%u].used", i, s->used, 0, 1);
	RANGE("streams[%u].known", i, s->known, 0, 1);
	if (s->used && !s->known)
		return bad(c, "streams[%u]: used but not known", i);
	if (!s->known)
		return 0;
	if (i >= p->streams_max)
		return bad(c, "streams[%u]: beyond streams_max %u", i, p->streams_max);
	if (!terminated(s->name, sizeof(s->name)) || !plan_name_valid(s->name))
		return bad(c,
			   "streams[%u].name: no Kafka topic name (1 to %d of a-z A-Z 0-9 . _ -)",
			   i, PLAN_NAME_MAX - 1);
	for (unsigned k = 0; k < i; k++) {
		const struct plan_stream *other = &p->streams[k];
		if (other->known && strcmp(other->name, s->name) == 0)
			return bad(c, "streams[%u].name: \"%s\" is in slot %u too", i, s->name, k);
		if (s->used && other->used && other->order == s->order)
			return bad(c, "streams[%u].order: %u is that of slot %u too", i, s->order,
				   k);
	}
	if (!s->used)
		return 0;
	RANGE("streams[%u].decoder", i, s->decoder, 0, PLAN_DECODERS - 1);
	RANGE("streams[%u].key", i, s->key, PLAN_KEY_SENDER, PLAN_KEY_NONE);
	RANGE("streams[%u].headers", i, s->headers, 0, 2 * PLAN_HEADER_RX_NS - 1);
	if (s->compression != PLAN_COMPRESSION_NONE && s->compression != PLAN_COMPRESSION_LZ4 &&
	    s->compression != PLAN_COMPRESSION_ZSTD)
		return bad(c, "streams[%u].compression: %u is no codec", i, s->compression);
	RANGE("streams[%u].compression_level", i, s->compression_level, 0,
	      s->compression == PLAN_COMPRESSION_ZSTD  ? 22
	      : s->compression == PLAN_COMPRESSION_LZ4 ? 12
						       : 0);
	rc = check_selection(c, i);
	if (rc != 0)
		return rc;
	RANGE("streams[%u].batch_bytes", i, s->batch_bytes, BATCH_MIN, BATCH_MAX);
	RANGE("streams[%u].linger_ns", i, s->linger_ns, 0, HOUR_NS);
	/* A batch must fit into an empty segment, whose positions are 31 bits in Kafka's index. */
	smallest = plan_slab_bytes(s->batch_bytes);
	RANGE("streams[%u].segment_bytes", i, s->segment_bytes, smallest, INT32_MAX);
	return 0;
}

/* What ports and lanes will take from EAL's memory at the least must be within memory_mib. */
static int check_memory(const struct check *c)
{
	const struct plan *p = c->plan;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < p->ports_count; i++)
		bytes += (uint64_t)p->ports[i].queues * p->ports[i].mbufs *
			 (p->ports[i].mbuf_room_bytes + MBUF_OVERHEAD);
	for (unsigned i = 0; i < p->lanes_count; i++)
		bytes += (uint64_t)p->lanes[i].slabs * p->lanes[i].slab_bytes;
	if (bytes > (uint64_t)p->memory_mib << 20)
		return bad(c, "memory_mib: %u, ports and lanes need %llu", p->memory_mib,
			   (unsigned long long)((bytes + (1 << 20) - 1) >> 20));
	return 0;
}

int plan_check(const struct plan *plan, size_t size, char *err, size_t err_size)
{
	const struct check check = {.plan = plan, .err = err, .err_size = err_size};
	const struct check *c = &check;
	unsigned used = 0;
	uint32_t slab_min = plan_slab_bytes(0);
	int rc = check_head(c, size);

	if (rc == 0)
		rc = check_process(c);
	for (unsigned i = 0; rc == 0 && i < plan->ports_count; i++)
		rc = check_port(c, i);
	for (unsigned i = 0; rc == 0 && i < PLAN_STREAMS_MAX; i++) {
		rc = check_stream(c, i);
		if (rc == 0 && plan->streams[i].used) {
			uint32_t need = plan_slab_bytes(plan->streams[i].batch_bytes);
			used++;
			slab_min = need > slab_min ? need : slab_min;
		}
	}
	for (unsigned i = 0; rc == 0 && i < plan->cores_count; i++) {
		if (plan->cores[i].cpu != PLAN_CPU_ANY)
			rc = check_range(c, "cores[%u].cpu", i, plan->cores[i].cpu, 0, CPU_MAX - 1);
		if (rc == 0)
			rc = check_range(c, "cores[%u].numa", i, plan->cores[i].numa, 0,
					 NUMA_MAX - 1);
	}
	for (unsigned i = 0; rc == 0 && i < plan->lanes_count; i++)
		rc = check_lane(c, i, used, slab_min);
	return rc == 0 ? check_memory(c) : rc;
}
