/*
 * A pcap filter expression as machine code. Control compiled the expression for DLT_RAW (the packet
 * starts with its IP header), so that "udp" matches tagged frames too; here it becomes eBPF and is
 * run by DPDK's JIT, or by its interpreter where the JIT is known wrong (docs/decisions.md).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_bpf.h>
#include <rte_mbuf.h>

#include "api/plan.h"
#include "rx_packet.h"

struct rx_filter {
	struct rte_bpf *bpf;	 /* NULL: no filter */
	uint64_t (*jit)(void *); /* NULL: interpret */
};

/* 0, or -errno with the reason in err. Needs EAL. */
int rx_filter_create(struct rx_filter *filter, const struct plan_insn *insns, uint32_t count,
		     char *err, size_t err_size);
void rx_filter_destroy(struct rx_filter *filter);

/* Compares what a lane would run with libpcap's own verdict on packets of all kinds; insns as given
 * to rx_filter_create(). 0, or -EILSEQ when they differ. */
int rx_filter_self_test(const struct rx_filter *filter, const struct plan_insn *insns,
			struct rte_mempool *pool);

/* The program sees the packet from its IP header on; the mbuf is as before when this returns. */
static inline bool rx_filter_match(const struct rx_filter *filter, const struct rx_packet *p)
{
	struct rte_mbuf *m = p->mbuf;
	uint64_t verdict;

	m->data_off += p->ip_off;
	m->data_len -= p->ip_off;
	m->pkt_len -= p->ip_off;
	verdict = filter->jit ? filter->jit(m) : rte_bpf_exec(filter->bpf, m);
	m->data_off -= p->ip_off;
	m->data_len += p->ip_off;
	m->pkt_len += p->ip_off;
	return verdict != 0;
}
