/*
 * Which stream takes a packet: against the rule itself (in file order, the first that matches),
 * with libpcap's own interpreter as the judge of filters.
 */
#include <criterion/criterion.h>
#include <pcap/pcap.h>
#include <rte_mbuf.h>

#include "dataplane/rx_parse.h"
#include "dataplane/rx_route.h"
#include "eal_testing.h"
#include "frames.h"
#include "plans.h"

static struct plan *plan;
static char err[512];
static uint8_t frame[FRAME_MAX];

static void setup(void)
{
	eal_up();
	plan = plan_new("/tmp/r", "/tmp/d");
	plan->streams_max = PLAN_STREAMS_MAX;
}

TestSuite(rx_route, .init = setup, .fini = eal_down);

/* As weir-control does it. */
static void set_filter(struct plan_stream *s, const char *expression)
{
	struct bpf_program program;
	pcap_t *pcap = pcap_open_dead(DLT_RAW, 65535);

	cr_assert_eq(pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN), 0, "%s: %s",
		     expression, pcap_geterr(pcap));
	s->filter_first = plan->filter_insns_count;
	s->filter_insns = program.bf_len;
	memcpy(plan->filter_insns + s->filter_first, program.bf_insns,
	       program.bf_len * sizeof(struct bpf_insn));
	plan->filter_insns_count += program.bf_len;
	pcap_freecode(&program);
	pcap_close(pcap);
}

static struct plan_stream *filter_stream(const char *name, const char *expression)
{
	struct plan_stream *s = plan_add_stream(plan, name);

	set_filter(s, expression);
	return s;
}

static struct plan_stream *port_stream(const char *name, uint16_t first, uint16_t last)
{
	struct plan_stream *s = plan_add_stream(plan, name);

	plan_listen(s, first, last);
	return s;
}

static struct rx_route *make(void)
{
	struct rx_route *route = rx_route_create(plan, err, sizeof(err));

	cr_assert_not_null(route, "%s", err);
	return route;
}

/* The name of the stream that takes the packet; NULL: none. */
static const char *find(const struct rx_route *route, struct frame_spec *s)
{
	struct rx_packet p;
	struct rte_mbuf m, before;

	frame_make(frame, s);
	frame_mbuf(&m, frame, s->len);
	cr_assert_eq(rx_parse(&p, &m), RX_OK);
	before = m;
	uint16_t found = rx_route_find(route, &p);
	cr_assert_eq(memcmp(&before, &m, sizeof(m)), 0, "the mbuf is not as it was");
	if (found == RX_NO_STREAM)
		return NULL;
	return plan->streams[route->streams[found].slot].name;
}

static const char *find_port(const struct rx_route *route, int ipv6, uint16_t port)
{
	struct frame_spec s = frame_default(ipv6);

	s.dst_port = port;
	return find(route, &s);
}

#define EXPECT(got, want)                                                                          \
	do {                                                                                       \
		const char *got_ = (got);                                                          \
		cr_expect(got_ &&strcmp(got_, want) == 0, "%s, not %s", got_ ? got_ : "none",      \
			  want);                                                                   \
	} while (0)

Test(rx_route, ports_and_ranges)
{
	port_stream("syslog", 514, 514);
	plan_listen(&plan->streams[0], 601, 601);
	port_stream("range", 1000, 2000);
	port_stream("first-and-last", 1, 1);
	plan_listen(&plan->streams[2], 65535, 65535);
	struct rx_route *route = make();

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		EXPECT(find_port(route, ipv6, 514), "syslog");
		EXPECT(find_port(route, ipv6, 601), "syslog");
		EXPECT(find_port(route, ipv6, 1000), "range");
		EXPECT(find_port(route, ipv6, 1500), "range");
		EXPECT(find_port(route, ipv6, 2000), "range");
		EXPECT(find_port(route, ipv6, 1), "first-and-last");
		EXPECT(find_port(route, ipv6, 65535), "first-and-last");
		cr_expect_null(find_port(route, ipv6, 513));
		cr_expect_null(find_port(route, ipv6, 999));
		cr_expect_null(find_port(route, ipv6, 2001));
		cr_expect_null(find_port(route, ipv6, 0));
	}
	rx_route_destroy(route);
}

Test(rx_route, file_order_and_not_slots_decides)
{
	port_stream("wide", 1, 65535)->order = 7;
	port_stream("narrow", 514, 514)->order = 3;
	port_stream("late", 514, 514)->order = 9;
	struct rx_route *route = make();

	EXPECT(find_port(route, 0, 514), "narrow");
	EXPECT(find_port(route, 0, 515), "wide");
	rx_route_destroy(route);
}

Test(rx_route, a_removed_stream_takes_nothing)
{
	port_stream("gone", 514, 514)->used = 0;
	port_stream("here", 514, 514);
	struct rx_route *route = make();

	cr_expect_eq(route->streams_count, 1);
	EXPECT(find_port(route, 0, 514), "here");
	rx_route_destroy(route);
}

Test(rx_route, no_stream_at_all)
{
	struct rx_route *route = make();

	cr_expect_null(find_port(route, 0, 514));
	rx_route_destroy(route);
	rx_route_destroy(NULL);
}

Test(rx_route, filters_before_and_after_ports)
{
	filter_stream("from-7", "udp and src host 192.0.2.7 and dst port 514");
	port_stream("syslog", 514, 514);
	filter_stream("never", "udp dst port 514"); /* behind the one that takes them all */
	filter_stream("rest-of-7", "src host 192.0.2.7");
	plan_add_stream(plan, "rest")->catch_all = 1;
	filter_stream("behind", "udp");
	struct rx_route *route = make();
	struct frame_spec s = frame_default(0);

	EXPECT(find(route, &s), "from-7");
	s.src[3] = 8;
	EXPECT(find(route, &s), "syslog");
	s.dst_port = 9;
	EXPECT(find(route, &s), "rest");
	s.src[3] = 7;
	EXPECT(find(route, &s), "rest-of-7");
	EXPECT(find_port(route, 1, 514), "syslog");
	EXPECT(find_port(route, 1, 515), "rest");
	rx_route_destroy(route);
}

/* Filters start at the IP header, so a tag hides nothing. */
Test(rx_route, filters_on_tagged_packets_and_options)
{
	filter_stream("x", "udp dst port 514 and udp[8] = 0x61");
	struct rx_route *route = make();

	for (int tags = 0; tags < 2; tags++)
		for (int words = 0; words <= 10; words++) {
			struct frame_spec s = frame_default(0);

			s.tags = tags;
			s.tag_id[0] = 100;
			s.option_words = words;
			EXPECT(find(route, &s), "x");
			s.dst_port = 515;
			cr_expect_null(find(route, &s));
		}
	rx_route_destroy(route);
}

Test(rx_route, filters_on_ipv6)
{
	filter_stream("six", "ip6 and udp dst port 514 and src net 2001:db8::/32");
	filter_stream("four", "ip and net 192.0.2.0/24");
	struct rx_route *route = make();
	struct frame_spec s = frame_default(1);

	EXPECT(find(route, &s), "six");
	s.tags = 1;
	EXPECT(find(route, &s), "six");
	s.src[0] = 0xfd;
	cr_expect_null(find(route, &s));
	EXPECT(find_port(route, 0, 1), "four");
	rx_route_destroy(route);
}

/* DPDK 22.11's JIT gets `test` with a small immediate wrong. */
Test(rx_route, what_the_jit_gets_wrong_is_interpreted)
{
	filter_stream("odd", "udp[8] & 1 != 0");
	filter_stream("even", "udp dst port 514");
	struct rx_route *route = make();

	cr_expect_null(route->streams[0].filter.jit);
	for (unsigned byte = 0; byte < 256; byte++) {
		struct frame_spec s = frame_default(0);
		uint8_t payload = (uint8_t)byte;

		s.payload = &payload;
		s.payload_len = 1;
		EXPECT(find(route, &s), byte & 1 ? "odd" : "even");
	}
#ifdef __x86_64__
	cr_expect_not_null(route->streams[1].filter.jit, "all others are compiled");
#endif
	rx_route_destroy(route);
}

Test(rx_route, a_filter_that_dpdk_refuses_is_an_error)
{
	struct plan_stream *s = plan_add_stream(plan, "broken");

	s->filter_insns = 1;
	plan->filter_insns_count = 1;
	plan->filter_insns[0] = (struct plan_insn){.code = 0xffff};
	cr_expect_null(rx_route_create(plan, err, sizeof(err)));
	cr_expect_not_null(strstr(err, "broken"), "%s", err);
	/* A jump behind the end. */
	plan->filter_insns[0] = (struct plan_insn){.code = BPF_JMP | BPF_JA, .k = 100};
	cr_expect_null(rx_route_create(plan, err, sizeof(err)));
}

static const char *const expressions[] = {
	"udp",
	"ip",
	"ip6",
	"udp dst port 514",
	"udp src port 40000",
	"udp portrange 500-600",
	"src host 192.0.2.7",
	"net 192.0.2.0/25",
	"dst net 198.51.100.0/28",
	"not src host 192.0.2.7",
	"udp[8] = 0x61",
	"udp[8] & 1 != 0",
	"udp[8:2] > 0x4000",
	"len > 100",
	"greater 70",
	"ip6 src host 2001:db8::7",
	"src net 2001:db8::/32",
	"ip[8] < 65",
	"ip multicast",
	"ip6 multicast or ip multicast",
	"udp[4:2] > 40",
	"udp and (dst port 514 or dst port 515)",
	"ip[6] & 0x40 = 0",
	"udp[8] & 0xf0 = 0x60",
	"tcp",
	"ip proto 17 and not port 514",
};
enum { EXPRESSIONS = sizeof(expressions) / sizeof(expressions[0]) };

static bool matches(const struct plan_stream *s, const struct frame_spec *f)
{
	if (s->catch_all)
		return true;
	for (unsigned i = 0; i < s->listens; i++)
		if (f->dst_port >= s->listen[i].first && f->dst_port <= s->listen[i].last)
			return true;
	return s->filter_insns &&
	       bpf_filter((const struct bpf_insn *)(plan->filter_insns + s->filter_first),
			  frame + f->ip_off, f->len - f->ip_off, f->len - f->ip_off);
}

static void random_stream(unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "s%u", i);
	struct plan_stream *s = plan_add_stream(plan, name);
	switch (rand() % 8) {
	case 0:
	case 1:
	case 2:
	case 3:
		set_filter(s, expressions[rand() % EXPRESSIONS]);
		break;
	case 4:
		s->catch_all = rand() % 4 == 0;
		if (s->catch_all)
			break;
		/* fall through */
	default:
		for (int n = 1 + rand() % 3; n > 0; n--) {
			uint16_t first = (uint16_t)(510 + rand() % 10);
			plan_listen(s, first, (uint16_t)(first + rand() % 3));
		}
	}
	s->used = rand() % 8 != 0;
}

static const char *model(const struct frame_spec *f)
{
	const struct plan_stream *best = NULL;

	for (unsigned slot = 0; slot < plan->streams_max; slot++) {
		const struct plan_stream *s = &plan->streams[slot];

		if (s->used && (!best || s->order < best->order) && matches(s, f))
			best = s;
	}
	return best ? best->name : NULL;
}

static void random_packet(struct frame_spec *s)
{
	*s = frame_default(rand() & 1);
	s->src[rand() & 15] ^= rand() % 3 ? 0 : 1;
	s->dst[0] = rand() % 8 ? s->dst[0] : s->ipv6 ? 0xff : 224;
	s->src_port = (uint16_t)(rand() % 2 ? 40000 : rand());
	s->dst_port = (uint16_t)(rand() % 8 ? 508 + rand() % 14 : rand());
	s->tags = rand() % 3 == 0;
	s->option_words = rand() % 4 ? 0 : rand() % 11;
	s->payload_len = (uint32_t)rand() % 150;
	s->padding = s->payload_len < 18 ? 18 - s->payload_len : 0;
	frame_make(frame, s);
}

Test(rx_route, random_against_the_rule, .timeout = 50)
{
	unsigned hits = 0, misses = 0;

	srand(7);
	for (int round = 0; round < 60; round++) {
		unsigned n = 1 + (unsigned)rand() % 20;

		free(plan);
		plan = plan_new("/tmp/r", "/tmp/d");
		plan->streams_max = 32;
		for (unsigned i = 0; i < n; i++)
			random_stream(i);
		for (unsigned i = 0; i < n; i++) { /* orders in a random sequence */
			unsigned k = (unsigned)rand() % n;
			uint16_t order = plan->streams[i].order;

			plan->streams[i].order = plan->streams[k].order;
			plan->streams[k].order = order;
		}
		struct rx_route *route = make();
		for (int i = 0; i < 400; i++) {
			struct frame_spec s;

			random_packet(&s);
			const char *want = model(&s), *got = find(route, &s);
			cr_assert_eq(want, got, "round %d: %s, not %s", round, got ? got : "none",
				     want ? want : "none");
			hits += got != NULL;
			misses += got == NULL;
		}
		rx_route_destroy(route);
	}
	cr_expect(hits > 1000 && misses > 1000, "%u hits, %u misses", hits, misses);
}

/* What weir check does with each filter: the machine code against libpcap's own verdict. */
Test(rx_route, filters_pass_their_self_test)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("p", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

	for (unsigned i = 0; i < EXPRESSIONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "s%u", i);
		filter_stream(name, expressions[i]);
	}
	struct rx_route *route = make();
	for (unsigned i = 0; i < EXPRESSIONS; i++)
		cr_expect_eq(rx_filter_self_test(&route->streams[i].filter,
						 plan->filter_insns + plan->streams[i].filter_first,
						 pool),
			     0, "%s", expressions[i]);
	/* Against another program it must fail. */
	cr_expect_neq(rx_filter_self_test(&route->streams[0].filter,
					  plan->filter_insns + plan->streams[2].filter_first, pool),
		      0);
	cr_expect_eq(rte_mempool_avail_count(pool), 63);
	rx_route_destroy(route);
	rte_mempool_free(pool);
}
