#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/api/plan.h"

static char err[512];

/* A plan like the one of a small machine: one port, one lane on two cores, two streams. */
static struct plan *sample(void)
{
	struct plan *p = calloc(1, sizeof(*p));

	p->magic = PLAN_MAGIC;
	p->version = PLAN_VERSION;
	p->size_bytes = sizeof(*p);
	p->generation = 1;
	strcpy(p->run_dir, "/run/weir");
	strcpy(p->storage_path, "/var/lib/weir");
	memcpy(p->eal_args, "--log-level\0lib.eal:7\0", 23);
	p->memory_mib = 64;
	p->ports_count = p->lanes_count = 1;
	p->cores_count = 2;
	p->streams_max = 8;
	p->main_cpu = PLAN_CPU_ANY;
	p->write_depth = 4;
	p->prepare_bytes = 64 << 20;
	strcpy(p->ports[0].name, "uplink");
	strcpy(p->ports[0].device, "net_pcap0,rx_pcap=x.pcap");
	p->ports[0].queues = 1;
	p->ports[0].rx_descriptors = 512;
	p->ports[0].mbufs = 4095;
	p->ports[0].mbuf_room_bytes = 2048;
	p->cores[0].cpu = 1;
	p->cores[1].cpu = 0;
	p->lanes[0].log_core = 1;
	p->lanes[0].slabs = 14;
	p->lanes[0].slab_bytes = plan_slab_bytes(256 << 10);
	p->burst = 64;
	p->filter_insns_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct plan_stream *s = &p->streams[i];
		strcpy(s->name, i ? "netflow" : "syslog");
		s->used = s->known = 1;
		s->order = (uint16_t)i;
		s->batch_bytes = 256 << 10;
		s->linger_ns = 2000000;
		s->segment_bytes = 1 << 30;
	}
	p->streams[0].listens = 1;
	p->streams[0].listen[0] = (struct plan_listen){514, 514};
	p->streams[1].filter_insns = 2;
	return p;
}

Test(plan, a_good_plan_passes)
{
	struct plan *p = sample();

	cr_assert_eq(plan_check(p, sizeof(*p), err, sizeof(err)), 0, "%s", err);
	free(p);
}

static void change(struct plan *p, int which)
{
	switch (which) {
#define CASE(n, text, statement)                                                                   \
	case n:                                                                                    \
		statement;                                                                         \
		break;
#include "test_plan_cases.inc"
#undef CASE
	}
}

Test(plan, each_broken_field_is_refused_by_name)
{
	static const char *const expected[] = {
#define CASE(n, text, statement) [n] = text,
#include "test_plan_cases.inc"
#undef CASE
	};

	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct plan *p = sample();
		err[0] = 0;
		change(p, (int)i);
		cr_assert_eq(plan_check(p, sizeof(*p), err, sizeof(err)), -EINVAL,
			     "case %u (%s) passed", i, expected[i]);
		cr_assert(strncmp(err, expected[i], strlen(expected[i])) == 0,
			  "case %u: got \"%s\", expected \"%s\"", i, err, expected[i]);
		free(p);
	}
}

Test(plan, a_short_plan_is_not_read)
{
	/* A page that ends where the given bytes end: reading beyond would fault. */
	long page = sysconf(_SC_PAGESIZE);
	char *m = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	cr_assert_neq(m, MAP_FAILED);
	cr_assert_eq(mprotect(m + page, (size_t)page, PROT_NONE), 0);
	cr_assert_eq(plan_check((void *)(m + page - 16), 16, err, sizeof(err)), -EINVAL);
	munmap(m, (size_t)page * 2);
}

Test(plan, slab_holds_batch_tail_phase_and_slack)
{
	cr_assert_eq(plan_slab_bytes(1 << 20), (1 << 20) + 3 * 4096);
	cr_assert_eq(plan_slab_bytes((1 << 20) - 1), (1 << 20) + 3 * 4096);
	cr_assert_geq(plan_slab_bytes(1), PLAN_DATAGRAM_MAX + 61 + 3 * 4096);
	for (uint32_t b = 0; b < 4u << 20; b += 4095)
		cr_assert_eq(plan_slab_bytes(b) % 4096, 0);
}

Test(plan, travels_sealed)
{
	struct plan *p = sample();
	int fd = plan_to_memfd(p);
	const struct plan *q;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "x", 1), -1, "a sealed plan was written to");
	cr_assert_eq(ftruncate(fd, 1), -1);
	q = plan_map(fd, err, sizeof(err));
	cr_assert_not_null(q, "%s", err);
	cr_assert_eq(memcmp(p, q, sizeof(*p)), 0);
	plan_unmap(q);
	close(fd);
	free(p);
}

Test(plan, unsealed_or_foreign_or_short_is_refused)
{
	struct plan *p = sample();
	int fd = memfd_create("t", MFD_ALLOW_SEALING);

	cr_assert_eq(write(fd, p, sizeof(*p)), (ssize_t)sizeof(*p));
	cr_assert_null(plan_map(fd, err, sizeof(err)));
	cr_assert(strstr(err, "not sealed"), "%s", err);
	close(fd);

	fd = open("/dev/null", O_RDONLY);
	cr_assert_null(plan_map(fd, err, sizeof(err)));
	cr_assert(strstr(err, "not a memfd"), "%s", err);
	close(fd);

	fd = memfd_create("t", MFD_ALLOW_SEALING);
	cr_assert_eq(write(fd, p, 100), 100);
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	cr_assert_null(plan_map(fd, err, sizeof(err)));
	cr_assert(strstr(err, "100 bytes"), "%s", err);
	close(fd);

	p->lanes_count = 0;
	fd = plan_to_memfd(p);
	cr_assert_null(plan_map(fd, err, sizeof(err)));
	cr_assert(strstr(err, "lanes_count"), "%s", err);
	close(fd);
	free(p);
}

Test(plan, slots_are_found_by_name)
{
	struct plan *p = sample();

	cr_assert_eq(plan_stream_slot(p, "syslog"), 0);
	cr_assert_eq(plan_stream_slot(p, "netflow"), 1);
	cr_assert_eq(plan_stream_slot(p, "sys"), -1);
	p->streams[1].used = 0;
	cr_assert_eq(plan_stream_slot(p, "netflow"), 1, "a removed stream is known still");
	free(p);
}

Test(plan, a_reload_may_change_streams_only)
{
	struct plan *a = sample(), *b = sample();

	b->generation = 2;
	b->idle = PLAN_IDLE_ADAPTIVE;
	b->sync_ns = 5000000;
	b->burst = 32;
	b->streams[0].used = 0;
	b->streams[2] = b->streams[0];
	strcpy(b->streams[2].name, "other");
	cr_assert_eq(plan_may_follow(a, b, err, sizeof(err)), 0, "%s", err);
	free(a);
	free(b);
}

#define REFUSED(statement, text)                                                                   \
	do {                                                                                       \
		struct plan *a = sample(), *b = sample();                                          \
		b->generation = 2;                                                                 \
		statement;                                                                         \
		cr_assert_eq(plan_may_follow(a, b, err, sizeof(err)), -EBUSY, "%s", text);         \
		cr_assert_eq(strncmp(err, text, strlen(text)), 0, "got \"%s\"", err);              \
		free(a);                                                                           \
		free(b);                                                                           \
	} while (0)

Test(plan, a_reload_of_what_is_fixed_is_refused_by_name)
{
	REFUSED(b->generation = 1, "generation: running 1, new 1");
	REFUSED(strcpy(b->run_dir, "/x"), "run_dir: running /run/weir, new /x");
	REFUSED(strcpy(b->storage_path, "/x"), "storage.path: running /var/lib/weir, new /x");
	REFUSED(b->eal_args[0] = 'x', "eal_args");
	REFUSED(b->hugepages = 1, "hugepages");
	REFUSED(b->direct = 1, "storage.direct");
	REFUSED(b->visible = 1, "storage.visible");
	REFUSED(b->sink = 1, "storage.sink");
	REFUSED(b->write_depth = 2, "storage.write_depth: running 4, new 2");
	REFUSED(b->prepare_bytes = 0, "storage.prepare");
	REFUSED(b->streams_max = 9, "max_streams");
	REFUSED(b->ports_count = 2, "ports (how many): running 1, new 2");
	REFUSED(strcpy(b->ports[0].name, "x"), "ports[0].name");
	REFUSED(strcpy(b->ports[0].device, "x"), "ports[0].device");
	REFUSED(b->ports[0].queues = 2, "ports[0].queues");
	REFUSED(b->ports[0].mtu = 9000, "ports[0].mtu");
	REFUSED(b->ports[0].promiscuous = 1, "ports[0].promiscuous");
	REFUSED(b->lanes_count = 2, "lanes.count: running 1, new 2");
	REFUSED(b->cores[0].cpu = 7, "lanes: cpu of core 0: running 1, new 7");
	REFUSED(b->main_cpu = 7, "main_cpu");
	REFUSED(b->lanes[0].log_core = 0, "lanes[0].log_core");
	REFUSED(b->lanes[0].slabs = 15, "lanes[0].slabs");
	REFUSED(b->lanes[0].slab_bytes = 4096, "lanes[0].slab_bytes");
	REFUSED(b->lanes[0].hot_slabs = b->lanes[0].slabs - 1, "lanes[0].hot_slabs");
	REFUSED(b->memory_mib = 65, "memory");
	REFUSED(b->streams[0].known = 0, "streams: slot 0 (syslog) was forgotten");
	REFUSED(strcpy(b->streams[1].name, "x"), "streams: name in slot 1: running netflow, new x");
}
