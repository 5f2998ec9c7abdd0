#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

enum { CACHE = 256 /* as rx_port.c makes pools */ };

static struct rte_mbuf *mbufs;
static unsigned mbufs_count, next, taken_back;
static uint64_t bytes;
static struct rte_mempool pool;
static struct rte_mempool_cache cache = {.size = CACHE, .flushthresh = CACHE * 3 / 2};

static uint16_t wire_burst(void *queue, struct rte_mbuf **out, uint16_t max)
{
	uint16_t n = 0;

	for (; n < max && next < mbufs_count; n++)
		out[n] = &mbufs[next++];
	return n;
}

static int wire_take_back(struct rte_mempool *mp, void *const *objects, unsigned n)
{
	taken_back += n;
	return 0;
}

static int nothing(struct rte_mempool *mp)
{
	return 0;
}

static void no_free(struct rte_mempool *mp) {}

static int none_left(struct rte_mempool *mp, void **objects, unsigned n)
{
	return -ENOBUFS;
}

static unsigned count(const struct rte_mempool *mp)
{
	return taken_back;
}

static const struct rte_mempool_ops ops = {
	.name = "wire",
	.alloc = nothing,
	.free = no_free,
	.enqueue = wire_take_back,
	.dequeue = none_left,
	.get_count = count,
};

/* One piece each, as a NIC with large enough buffers delivers them. */
static void make_mbuf(struct rte_mbuf *m, uint8_t *data, uint32_t len)
{
	memset(m, 0, sizeof(*m));
	m->buf_addr = data;
	m->buf_len = m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->nb_segs = 1;
	m->refcnt = 1;
	m->pool = &pool;
	bytes += len;
}

static int read_capture(const char *capture, unsigned packets, char *err, size_t err_size)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(capture, why);
	struct pcap_pkthdr *head;
	const u_char *data;
	unsigned n = 0;

	if (!pcap) {
		snprintf(err, err_size, "%s", why);
		return -EINVAL;
	}
	while (n < packets && pcap_next_ex(pcap, &head, &data) == 1) {
		uint8_t *copy = malloc(head->caplen + 1);

		if (!copy)
			break;
		memcpy(copy, data, head->caplen);
		make_mbuf(&mbufs[n++], copy, head->caplen);
	}
	pcap_close(pcap);
	if (n == 0) {
		snprintf(err, err_size, "%s: no packets in it", capture);
		return -EINVAL;
	}
	for (unsigned i = n; i < packets; i++)
		make_mbuf(&mbufs[i], mbufs[i - n].buf_addr, mbufs[i - n].pkt_len);
	return 0;
}

static void plug_in(void)
{
	static void *queues[1] = {&mbufs}, *callbacks[1];
	struct rte_eth_fp_ops *port = &rte_eth_fp_ops[WIRE_PORT];

	RTE_PER_LCORE(_lcore_id) =
		0; /* a polling core has a number, and so its cache of the pool */
	pool.cache_size = CACHE;
	pool.local_cache = &cache;
	pool.ops_index = rte_mempool_register_ops(&ops);
	port->rx_pkt_burst = wire_burst;
	port->rxq.data = queues;
	port->rxq.clbk = callbacks;
}

int wire_open(const char *capture, unsigned packets, char *err, size_t err_size)
{
	mbufs = aligned_alloc(RTE_CACHE_LINE_SIZE, packets * sizeof(*mbufs));
	if (!mbufs) {
		snprintf(err, err_size, "no memory for %u packets", packets);
		return -ENOMEM;
	}
	mbufs_count = packets;
	plug_in();
	return read_capture(capture, packets, err, err_size);
}

unsigned wire_left(void)
{
	return mbufs_count - next;
}

uint64_t wire_bytes(void)
{
	return bytes;
}

unsigned wire_out(void)
{
	return next - taken_back - cache.len;
}
