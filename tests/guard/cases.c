#include "cases.h"

#include <errno.h>
#include <rte_bpf.h>

#include "tests/unit/plans.h"

/* As control makes one from a config that says no more than its name. */
static struct plan_stream *add(struct plan *plan, const char *name)
{
	struct plan_stream *s = plan_add_stream(plan, name);

	s->batch_bytes = 256 << 10;
	s->linger_ns = 2 * 1000 * 1000;
	return s;
}

/* The shortest way: plain packets, run by run. */
static void datagram(struct plan *plan)
{
	add(plan, "events")->catch_all = 1;
}

/* Batches of more records than a run may have: the rest goes step by step. */
static void small(struct plan *plan)
{
	struct plan_stream *s = add(plan, "events");

	s->catch_all = 1;
	s->batch_bytes = 1 << 20;
	s->linger_ns = 10 * 1000 * 1000;
}

static void lines(struct plan *plan)
{
	struct plan_stream *s = add(plan, "lines");

	s->decoder = PLAN_DECODER_lines;
	s->catch_all = 1;
}

/* The streams of config/quickstart.yaml. */
static void quickstart(struct plan *plan)
{
	struct plan_stream *s = add(plan, "syslog");

	plan_listen(s, 514, 514);
	s->headers = PLAN_HEADER_SRC | PLAN_HEADER_VLAN;
	s = add(plan, "statsd");
	plan_listen(s, 8125, 8125);
	s->decoder = PLAN_DECODER_lines;
	s = add(plan, "netflow");
	plan_listen(s, 2055, 2055);
	plan_listen(s, 4739, 4739);
	plan_listen(s, 9995, 9995);
	add(plan, "other")->catch_all = 1;
}

static void filter(struct plan *plan)
{
	add(plan, "six");
	add(plan, "rest")->catch_all = 1;
}

/* "ip6", as eBPF: DPDK's translator from libpcap's needs EAL, its verifier and JIT do not. */
static int make_filter(struct rx_route *route)
{
	static const struct ebpf_insn program[] = {
		{.code = EBPF_ALU64 | EBPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1},
		{.code = BPF_LD | BPF_ABS | BPF_B, .imm = 0},
		{.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = 0, .imm = 0xf0},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .imm = 0x60, .off = 2},
		{.code = EBPF_ALU64 | EBPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | EBPF_EXIT},
		{.code = EBPF_ALU64 | EBPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_JMP | EBPF_EXIT},
	};
	const struct rte_bpf_prm prm = {
		.ins = program,
		.nb_ins = RTE_DIM(program),
		.prog_arg = {.type = RTE_BPF_ARG_PTR_MBUF,
			     .size = sizeof(struct rte_mbuf),
			     .buf_size = UINT16_MAX},
	};
	struct rx_filter *f = &route->streams[0].filter;
	struct rte_bpf_jit jit;

	f->bpf = rte_bpf_load(&prm);
	if (!f->bpf || rte_bpf_get_jit(f->bpf, &jit) < 0 || !jit.func)
		return -EINVAL;
	f->jit = jit.func;
	route->filters[route->filters_count++] = 0;
	return 0;
}

const struct guard_case *guard_case_find(const char *name)
{
	static const struct guard_case cases[] = {
		{"datagram", datagram, NULL},	 {"small", small, NULL},
		{"lines", lines, NULL},		 {"quickstart", quickstart, NULL},
		{"filter", filter, make_filter},
	};

	for (unsigned i = 0; i < RTE_DIM(cases); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	return NULL;
}
