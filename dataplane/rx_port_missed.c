/*
 * Where each driver really keeps the packets that it missed. rte_eth_stats.imissed is always 0 for
 * the socket drivers; the kernel counts for each socket.
 */
#include <string.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <linux/if_xdp.h>

#include "rx_port.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

void port_missed_init(struct port *port, const char *driver)
{
	/* Virtual devices whose driver counts nothing it missed. */
	static const char *const silent[] = {"net_memif", "net_tap",   "net_ring",
					     "net_null",  "net_vhost", "net_virtio_user",
					     "net_virtio"};

	port->missed_kind = PORT_MISSED_STATS;
	if (strcmp(driver, "net_af_packet") == 0)
		port->missed_kind = port->fds_count ? PORT_MISSED_AF_PACKET : PORT_MISSED_UNKNOWN;
	else if (strcmp(driver, "net_af_xdp") == 0)
		port->missed_kind = port->fds_count ? PORT_MISSED_AF_XDP : PORT_MISSED_UNKNOWN;
	for (unsigned i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (strcmp(driver, silent[i]) == 0)
			port->missed_kind = PORT_MISSED_UNKNOWN;
}

static uint64_t af_packet_missed(struct port *port)
{
	for (unsigned i = 0; i < port->fds_count; i++) {
		struct tpacket_stats st = {0};
		socklen_t len = sizeof(st);

		/* Exact, and reset by reading. */
		if (getsockopt(port->fds[i], SOL_PACKET, PACKET_STATISTICS, &st, &len) == 0)
			port->missed_sum += st.tp_drops;
	}
	return port->missed_sum;
}

static uint64_t af_xdp_missed(struct port *port)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < port->fds_count; i++) {
		struct xdp_statistics st = {0};
		socklen_t len = sizeof(st);

		if (getsockopt(port->fds[i], SOL_XDP, XDP_STATISTICS, &st, &len) == 0)
			sum += st.rx_dropped + st.rx_invalid_descs + st.rx_ring_full +
			       st.rx_fill_ring_empty_descs;
	}
	return sum;
}

uint64_t port_missed(struct port *port, uint64_t imissed)
{
	switch ((enum port_missed_kind)port->missed_kind) {
	case PORT_MISSED_STATS:
		return imissed;
	case PORT_MISSED_AF_PACKET:
		return af_packet_missed(port);
	case PORT_MISSED_AF_XDP:
		return af_xdp_missed(port);
	case PORT_MISSED_UNKNOWN:
		break;
	}
	return STATE_UNKNOWN;
}
