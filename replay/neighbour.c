#include "neighbour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

enum { TRIES = 10, TRY_MS = 200, LOOK_MS = 5, BURST = 32 };

struct arp_frame {
	struct rte_ether_hdr ethernet;
	struct rte_arp_hdr arp;
} __attribute__((packed, aligned(2)));

static int ask(const struct device *d, const uint8_t *address)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(d->tx_pools[0]);

	if (!m)
		return -ENOMEM;
	struct arp_frame *f = rte_pktmbuf_mtod(m, struct arp_frame *);
	m->data_len = m->pkt_len = sizeof(*f);
	memset(f, 0, sizeof(*f));
	memset(&f->ethernet.dst_addr, 0xff, 6);
	memcpy(&f->ethernet.src_addr, d->mac, 6);
	f->ethernet.ether_type = htons(RTE_ETHER_TYPE_ARP);
	f->arp.arp_hardware = htons(RTE_ARP_HRD_ETHER);
	f->arp.arp_protocol = htons(RTE_ETHER_TYPE_IPV4);
	f->arp.arp_hlen = 6;
	f->arp.arp_plen = 4;
	f->arp.arp_opcode = htons(RTE_ARP_OP_REQUEST);
	memcpy(&f->arp.arp_data.arp_sha, d->mac, 6);
	memcpy(&f->arp.arp_data.arp_tip, address, 4);
	if (rte_eth_tx_burst(d->id, 0, &m, 1) != 1)
		rte_pktmbuf_free(m);
	return 0;
}

static bool is_answer(const struct rte_mbuf *m, const uint8_t *address, uint8_t *mac)
{
	const struct arp_frame *f = rte_pktmbuf_mtod(m, const struct arp_frame *);

	if (m->data_len < sizeof(*f) || f->ethernet.ether_type != htons(RTE_ETHER_TYPE_ARP) ||
	    f->arp.arp_opcode != htons(RTE_ARP_OP_REPLY) ||
	    memcmp(&f->arp.arp_data.arp_sip, address, 4) != 0)
		return false;
	memcpy(mac, &f->arp.arp_data.arp_sha, 6);
	return true;
}

/* What came in meanwhile. */
static bool look(const struct device *d, const uint8_t *address, uint8_t *mac)
{
	struct rte_mbuf *burst[BURST];
	bool found = false;

	for (uint16_t q = 0; q < d->rx_queues; q++) {
		uint16_t n = rte_eth_rx_burst(d->id, q, burst, BURST);

		for (uint16_t i = 0; i < n; i++)
			found |= is_answer(burst[i], address, mac);
		rte_pktmbuf_free_bulk(burst, n);
	}
	return found;
}

int neighbour_resolve(const struct device *d, const struct rewrite_to *to, uint8_t *mac, char *err,
		      size_t err_size)
{
	char text[INET_ADDRSTRLEN] = "?";

	inet_ntop(AF_INET, to->address, text, sizeof(text));
	for (int i = 0; i < TRIES && d->rx_queues; i++) {
		int rc = ask(d, to->address);

		if (rc < 0) {
			snprintf(err, err_size, "no packet buffer to ask for %s", text);
			return rc;
		}
		for (int ms = 0; ms < TRY_MS; ms += LOOK_MS) {
			if (look(d, to->address, mac))
				return 0;
			rte_delay_us_sleep(LOOK_MS * 1000);
		}
	}
	snprintf(err, err_size,
		 "nobody answered for %s (%d ARP requests); expected --rewrite-mac with the MAC "
		 "address of %s, or of the router on the way",
		 text, TRIES, text);
	return -EHOSTUNREACH;
}
