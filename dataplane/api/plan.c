/*
 * The plan's way from control to the dataplane: sealed memfd, mapping, and what a reload may
 * change.
 */
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAN_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* RecordBatch head (61) and what a record adds to its value: varints, key, all four headers. */
enum { BLOCK = 4096, BATCH_HEAD = 61, RECORD_EXTRA_MAX = 1024 };

uint32_t plan_slab_bytes(uint32_t batch_bytes)
{
	uint32_t largest = BATCH_HEAD + PLAN_DATAGRAM_MAX + RECORD_EXTRA_MAX;
	uint64_t batch = batch_bytes > largest ? batch_bytes : largest;
	uint64_t slab = (batch + BLOCK - 1) / BLOCK * BLOCK + 3 * BLOCK;

	return slab > UINT32_MAX ? UINT32_MAX / BLOCK * BLOCK : (uint32_t)slab;
}

int plan_stream_slot(const struct plan *plan, const char *name)
{
	for (unsigned i = 0; i < PLAN_STREAMS_MAX; i++)
		if (plan->streams[i].known &&
		    strncmp(plan->streams[i].name, name, PLAN_NAME_MAX) == 0)
			return (int)i;
	return -1;
}

int plan_to_memfd(const struct plan *plan)
{
	const char *p = (const char *)plan;
	size_t left = sizeof(*plan);
	int err, fd = memfd_create("weir-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	while (left) {
		ssize_t n = write(fd, p, left);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			goto fail;
		}
		p += n;
		left -= (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, PLAN_SEALS) < 0)
		goto fail;
	return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

const struct plan *plan_map(int fd, char *err, size_t err_size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	const struct plan *plan;

	if (seals < 0) {
		snprintf(err, err_size, "plan: not a memfd: %s", strerror(errno));
		return NULL;
	}
	if ((seals & PLAN_SEALS) != PLAN_SEALS) {
		snprintf(err, err_size, "plan: not sealed (seals 0x%x, needed 0x%x)", seals,
			 PLAN_SEALS);
		return NULL;
	}
	if (fstat(fd, &st) < 0) {
		snprintf(err, err_size, "plan: fstat: %s", strerror(errno));
		return NULL;
	}
	if (st.st_size != (off_t)sizeof(*plan)) {
		snprintf(err, err_size,
			 "plan: %lld bytes, this version has %zu: control and dataplane differ",
			 (long long)st.st_size, sizeof(*plan));
		return NULL;
	}
	/* Private: kernels before 6.7 refuse a shared mapping of a file sealed against writing. */
	plan = mmap(NULL, sizeof(*plan), PROT_READ, MAP_PRIVATE, fd, 0);
	if (plan == MAP_FAILED) {
		snprintf(err, err_size, "plan: mmap: %s", strerror(errno));
		return NULL;
	}
	if (plan_check(plan, sizeof(*plan), err, err_size) != 0) {
		plan_unmap(plan);
		return NULL;
	}
	return plan;
}

void plan_unmap(const struct plan *plan)
{
	if (plan)
		munmap((void *)plan, sizeof(*plan));
}

/* One more of the reasons in err. */
__attribute__((format(printf, 3, 4))) static void differs(char *err, size_t size,
							  const char *format, ...)
{
	size_t n = strlen(err);
	va_list args;

	if (n && n + 2 < size)
		n += (size_t)snprintf(err + n, size - n, "; ");
	va_start(args, format);
	if (n < size)
		vsnprintf(err + n, size - n, format, args);
	va_end(args);
}

static void same_text(const char *what, const char *was, const char *now, char *err, size_t size)
{
	if (strcmp(was, now) != 0)
		differs(err, size, "%s: running %s, new %s", what, was, now);
}

static void same_number(const char *what, uint64_t was, uint64_t now, char *err, size_t size)
{
	if (was != now)
		differs(err, size, "%s: running %llu, new %llu", what, (unsigned long long)was,
			(unsigned long long)now);
}

static void same_switch(const char *what, bool was, bool now, char *err, size_t size)
{
	same_text(what, was ? "on" : "off", now ? "on" : "off", err, size);
}

#define SAME_NUMBER(name, was, now) same_number(name, was, now, err, err_size)
#define SAME_SWITCH(name, was, now) same_switch(name, was, now, err, err_size)
#define SAME_TEXT(name, was, now)   same_text(name, was, now, err, err_size)

static void same_ports(const struct plan *a, const struct plan *b, char *err, size_t err_size)
{
	char what[PLAN_NAME_MAX + 64];

	SAME_NUMBER("ports (how many)", a->ports_count, b->ports_count);
	if (a->ports_count != b->ports_count)
		return;
	for (unsigned i = 0; i < a->ports_count; i++) {
		const struct plan_port *p = &a->ports[i], *q = &b->ports[i];
		const struct {
			const char *name;
			uint64_t was, now;
		} numbers[] = {
			{"queues", p->queues, q->queues},
			{"rx_descriptors", p->rx_descriptors, q->rx_descriptors},
			{"mbufs", p->mbufs, q->mbufs},
			{"mbuf_room", p->mbuf_room_bytes, q->mbuf_room_bytes},
			{"mtu", p->mtu, q->mtu},
		};

		snprintf(what, sizeof(what), "ports[%u].name", i);
		SAME_TEXT(what, p->name, q->name);
		snprintf(what, sizeof(what), "ports[%u].device", i);
		SAME_TEXT(what, p->device, q->device);
		for (unsigned n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
			snprintf(what, sizeof(what), "ports[%u].%s", i, numbers[n].name);
			SAME_NUMBER(what, numbers[n].was, numbers[n].now);
		}
		snprintf(what, sizeof(what), "ports[%u].promiscuous", i);
		SAME_SWITCH(what, p->promiscuous, q->promiscuous);
		snprintf(what, sizeof(what), "ports[%u].verify_checksums", i);
		SAME_SWITCH(what, p->verify_checksums, q->verify_checksums);
	}
}

static void same_lanes(const struct plan *a, const struct plan *b, char *err, size_t err_size)
{
	char what[64];

	SAME_NUMBER("lanes (number of cores)", a->cores_count, b->cores_count);
	SAME_NUMBER("main_cpu", a->main_cpu, b->main_cpu);
	for (unsigned i = 0; i < a->cores_count; i++) {
		snprintf(what, sizeof(what), "lanes: cpu of core %u", i);
		SAME_NUMBER(what, a->cores[i].cpu, b->cores[i].cpu);
		snprintf(what, sizeof(what), "lanes: NUMA node of core %u", i);
		SAME_NUMBER(what, a->cores[i].numa, b->cores[i].numa);
	}
	for (unsigned i = 0; i < a->lanes_count; i++) {
		const struct plan_lane *p = &a->lanes[i], *q = &b->lanes[i];

		snprintf(what, sizeof(what), "lanes[%u].rx_core", i);
		SAME_NUMBER(what, p->rx_core, q->rx_core);
		snprintf(what, sizeof(what), "lanes[%u].log_core", i);
		SAME_NUMBER(what, p->log_core, q->log_core);
		snprintf(what, sizeof(what), "lanes[%u].slabs", i);
		SAME_NUMBER(what, p->slabs, q->slabs);
		snprintf(what, sizeof(what), "lanes[%u].slab_bytes", i);
		SAME_NUMBER(what, p->slab_bytes, q->slab_bytes);
		snprintf(what, sizeof(what), "lanes[%u].hot_slabs", i);
		SAME_NUMBER(what, p->hot_slabs, q->hot_slabs);
	}
}

static void same_slots(const struct plan *a, const struct plan *b, char *err, size_t err_size)
{
	char what[64];

	for (unsigned i = 0; i < PLAN_STREAMS_MAX; i++) {
		if (!a->streams[i].known)
			continue;
		if (!b->streams[i].known) {
			differs(err, err_size, "streams: slot %u (%s) was forgotten", i,
				a->streams[i].name);
			continue;
		}
		snprintf(what, sizeof(what), "streams: name in slot %u", i);
		SAME_TEXT(what, a->streams[i].name, b->streams[i].name);
	}
}

int plan_may_follow(const struct plan *running, const struct plan *next, char *err, size_t err_size)
{
	static const char *const direct[] = {"auto", "on", "off"}, *const visible[] = {"durable",
										       "written"};
	const struct plan *a = running, *b = next;

	err[0] = '\0';
	if (b->generation <= a->generation)
		differs(err, err_size, "generation: running %llu, new %llu, which is not later",
			(unsigned long long)a->generation, (unsigned long long)b->generation);
	SAME_TEXT("run_dir", a->run_dir, b->run_dir);
	SAME_TEXT("storage.path", a->storage_path, b->storage_path);
	if (memcmp(a->eal_args, b->eal_args, sizeof(a->eal_args)) != 0)
		differs(err, err_size, "eal_args: differ from those that run");
	SAME_SWITCH("hugepages", a->hugepages, b->hugepages);
	SAME_TEXT("storage.direct", direct[a->direct % 3], direct[b->direct % 3]);
	SAME_TEXT("storage.visible", visible[a->visible % 2], visible[b->visible % 2]);
	SAME_SWITCH("storage.sink", a->sink, b->sink);
	SAME_NUMBER("storage.write_depth", a->write_depth, b->write_depth);
	SAME_NUMBER("storage.prepare", a->prepare_bytes, b->prepare_bytes);
	SAME_NUMBER("max_streams", a->streams_max, b->streams_max);
	SAME_NUMBER("lanes.count", a->lanes_count, b->lanes_count);
	/* With other lanes queues, cores and memory are others too; that is said by the line above.
	 */
	if (a->lanes_count == b->lanes_count) {
		same_ports(a, b, err, err_size);
		same_lanes(a, b, err, err_size);
	}
	same_slots(a, b, err, err_size);
	/* Whatever else changes the memory has its own name. */
	if (!err[0])
		SAME_NUMBER("memory (MiB)", a->memory_mib, b->memory_mib);
	return err[0] ? -EBUSY : 0;
}
