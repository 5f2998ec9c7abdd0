#include "rx_filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/bpf.h>
#include <rte_errno.h>
#include <rte_malloc.h>

/*
 * The x86 JIT of DPDK 22.11 encodes JSET (test) with an immediate in -128..127 as if `test` had a
 * sign-extended 8-bit form, which it has not: such programs give wrong verdicts or crash.
 */
static bool jit_is_wrong_for(const struct rte_bpf_prm *prm)
{
	for (uint32_t i = 0; i < prm->nb_ins; i++) {
		const struct ebpf_insn *ins = &prm->ins[i];

		if (BPF_CLASS(ins->code) == BPF_JMP && BPF_OP(ins->code) == BPF_JSET &&
		    BPF_SRC(ins->code) == BPF_K && ins->imm >= -128 && ins->imm <= 127)
			return true;
	}
	return false;
}

/*
 * rte_bpf_convert() of DPDK 22.11 tells from a bit of the size, not of the mode, whether an
 * indirect load adds X: "udp[9]" and "udp[8:4]" would look at the wrong place, JIT or not. Register
 * 7 is the one it keeps X in; where it is right already, this changes nothing.
 */
static void repair_indirect_loads(struct rte_bpf_prm *prm)
{
	struct ebpf_insn *ins = (struct ebpf_insn *)(uintptr_t)prm->ins;

	for (uint32_t i = 0; i < prm->nb_ins; i++)
		if (BPF_CLASS(ins[i].code) == BPF_LD && BPF_MODE(ins[i].code) == BPF_IND)
			ins[i].src_reg = EBPF_REG_7;
}

int rx_filter_create(struct rx_filter *filter, const struct plan_insn *insns, uint32_t count,
		     char *err, size_t err_size)
{
	/* rte_bpf_convert wants libpcap's types; the layout is the same (asserted in plan.h). */
	struct bpf_insn *copy = malloc(count * sizeof(*copy));
	struct rte_bpf_jit jit = {0};

	memset(filter, 0, sizeof(*filter));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, insns, count * sizeof(*copy));
	struct bpf_program program = {.bf_len = count, .bf_insns = copy};
	struct rte_bpf_prm *prm = rte_bpf_convert(&program);
	free(copy);
	if (!prm) {
		snprintf(err, err_size, "cannot be translated for DPDK: %s",
			 rte_strerror(rte_errno));
		return -EINVAL;
	}
	repair_indirect_loads(prm);
	bool interpret = jit_is_wrong_for(prm);
	filter->bpf = rte_bpf_load(prm);
	rte_free(prm);
	if (!filter->bpf) {
		snprintf(err, err_size, "refused by DPDK's verifier: %s", rte_strerror(rte_errno));
		return -EINVAL;
	}
	if (!interpret && rte_bpf_get_jit(filter->bpf, &jit) == 0)
		filter->jit = jit.func;
	return 0;
}

void rx_filter_destroy(struct rx_filter *filter)
{
	if (filter->bpf)
		rte_bpf_destroy(filter->bpf);
	memset(filter, 0, sizeof(*filter));
}

/* IP-ish bytes: a plausible header often enough that programs get past their first tests. */
static void fill_packet(uint8_t *data, uint16_t len, unsigned round)
{
	for (uint16_t i = 0; i < len; i++)
		data[i] = (uint8_t)rand();
	if (len < 60)
		return;
	if (round & 1) {
		data[0] = 0x45;
		data[2] = (uint8_t)(len >> 8);
		data[3] = (uint8_t)len;
		data[6] = data[7] = 0;
		data[9] = 17;
	} else {
		data[0] = 0x60;
		data[6] = 17;
	}
	if (round & 2) { /* well-known destination ports come up, too */
		unsigned udp = round & 1 ? 20 : 40;
		data[udp + 2] = 0x02;
		data[udp + 3] = 0x02;
	}
}

int rx_filter_self_test(const struct rx_filter *filter, const struct plan_insn *insns,
			struct rte_mempool *pool)
{
	const struct bpf_insn *program = (const struct bpf_insn *)insns;
	int rc = 0;

	for (unsigned round = 0; round < 2000 && rc == 0; round++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		if (!m)
			return -ENOMEM;
		uint16_t len = (uint16_t)(round % 7 == 0 ? round % 64 : 60 + round % 400);
		uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, len);
		if (!data) {
			rte_pktmbuf_free(m);
			return -ENOBUFS;
		}
		fill_packet(data, len, round);
		uint64_t ours = filter->jit ? filter->jit(m) : rte_bpf_exec(filter->bpf, m);
		if ((ours != 0) != (bpf_filter(program, data, len, len) != 0))
			rc = -EILSEQ;
		rte_pktmbuf_free(m);
	}
	return rc;
}
