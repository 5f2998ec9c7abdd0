/*
 * When the other end of a memif goes away, the driver marks the link as down and unmaps the shared
 * memory at once, on DPDK's interrupt thread (memif_disconnect() in 22.11). A burst that began
 * before that, on a polling core, then reads what is no longer mapped: SIGSEGV.
 *
 * A burst that begins after the mark returns at once. So it is enough that the unmapping waits for
 * the bursts that are under way: each says so in a flag of its core, and munmap(), which is ours
 * for the driver too, since the program's own symbols go before libc's, waits until it has seen
 * each flag down once. Both sides write, fence, and read the other's word: one of them sees the
 * other.
 */
#include "memif_guard.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>

static struct {
	_Alignas(128) atomic_bool under_way; /* written by the core alone */
} bursts[RTE_MAX_LCORE];

static atomic_bool guarded;

/* The driver's own; the same for all memif ports of a process, which have one role. */
static eth_rx_burst_t driver_rx;
static eth_tx_burst_t driver_tx;

static uint16_t guarded_rx(void *queue, struct rte_mbuf **packets, uint16_t count)
{
	atomic_bool *under_way = &bursts[rte_lcore_id()].under_way;

	atomic_exchange(under_way, true); /* and a full fence */
	uint16_t n = driver_rx(queue, packets, count);
	atomic_store_explicit(under_way, false, memory_order_release);
	return n;
}

static uint16_t guarded_tx(void *queue, struct rte_mbuf **packets, uint16_t count)
{
	atomic_bool *under_way = &bursts[rte_lcore_id()].under_way;

	atomic_exchange(under_way, true);
	uint16_t n = driver_tx(queue, packets, count);
	atomic_store_explicit(under_way, false, memory_order_release);
	return n;
}

/* In place of libc's, for every library of the process. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): those of libc are its own */
int munmap(void *address, size_t length)
{
	if (atomic_load(&guarded)) {
		atomic_thread_fence(memory_order_seq_cst);
		for (unsigned i = 0; i < RTE_MAX_LCORE; i++)
			while (atomic_load(&bursts[i].under_way))
				sched_yield();
	}
	return (int)syscall(SYS_munmap, address, length);
}

void memif_guard(uint16_t port_id, const char *driver)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[port_id];

	if (strcmp(driver, "net_memif") != 0 || ops->rx_pkt_burst == guarded_rx)
		return;
	driver_rx = ops->rx_pkt_burst;
	driver_tx = ops->tx_pkt_burst;
	ops->rx_pkt_burst = guarded_rx;
	ops->tx_pkt_burst = guarded_tx;
	atomic_store(&guarded, true);
}
