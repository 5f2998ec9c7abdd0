/* Memory is unmapped only when no guarded burst is under way. The driver's burst is the test's: it
 * lasts as long as the test wants, which no driver's does. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "dataplane/memif_guard.h"
#include "eal_testing.h"

enum { PORT = 7, BURST_US = 100000, BYTES = 1 << 20 };

static atomic_bool in_burst, unmapped;
static void *memory;

static uint16_t long_burst(void *queue, struct rte_mbuf **packets, uint16_t count)
{
	atomic_store(&in_burst, true);
	usleep(BURST_US);
	cr_assert_not(atomic_load(&unmapped), "unmapped while a burst is under way");
	return *(volatile uint8_t *)memory;
}

static void *unmap(void *ctx)
{
	while (!atomic_load(&in_burst))
		;
	munmap(memory, BYTES);
	atomic_store(&unmapped, true);
	return NULL;
}

Test(memif_guard, unmapping_waits_for_the_burst)
{
	pthread_t other;

	eal_up();
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(memory, MAP_FAILED);
	rte_eth_fp_ops[PORT].rx_pkt_burst = long_burst;
	memif_guard(PORT, "net_memif");
	cr_assert_eq(pthread_create(&other, NULL, unmap, NULL), 0);
	cr_assert_eq(rte_eth_fp_ops[PORT].rx_pkt_burst(NULL, NULL, 0), 0);
	pthread_join(other, NULL);
	cr_assert(atomic_load(&unmapped), "and goes on behind it");
	eal_down();
}

Test(memif_guard, other_drivers_are_left_alone)
{
	eal_up();
	rte_eth_fp_ops[PORT].rx_pkt_burst = long_burst;
	memif_guard(PORT, "net_af_packet");
	cr_assert_eq(rte_eth_fp_ops[PORT].rx_pkt_burst, long_burst);
	eal_down();
}
