/* What a port asks of its device, and how it counts what was missed, where no device is needed. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "dataplane/rx_port.h"

enum { WITH_PORTS = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP };

Test(rx_port, rss_leaves_the_ports_out)
{
	/* ixgbe, ice, mlx5 and the like: everything is on offer. */
	uint64_t all = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;

	cr_expect_eq(port_rss(all), RTE_ETH_RSS_IP);
	cr_expect_eq(port_rss(RTE_ETH_RSS_PROTO_MASK) & (RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP), 0);
	cr_expect_eq(port_rss(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP), RTE_ETH_RSS_IPV4);
	cr_expect_eq(port_rss(0), 0);
	cr_expect_eq(port_rss(RTE_ETH_RSS_L2_PAYLOAD | RTE_ETH_RSS_VXLAN), 0);
}

/* i40e offers no RTE_ETH_RSS_IPV4; UDP packets would not be hashed at all. */
Test(rx_port, rss_takes_the_ports_in_where_udp_has_no_other_hash)
{
	uint64_t i40e = RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |
			RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_OTHER |
			RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
			RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV6_OTHER;

	cr_expect_eq(port_rss(i40e), i40e & ~(uint64_t)(RTE_ETH_RSS_NONFRAG_IPV4_TCP |
							RTE_ETH_RSS_NONFRAG_IPV6_TCP));
	cr_expect_eq(port_rss(i40e) & WITH_PORTS, WITH_PORTS);
	/* One family each way. */
	cr_expect_eq(port_rss(i40e | RTE_ETH_RSS_IPV4) & WITH_PORTS, RTE_ETH_RSS_NONFRAG_IPV6_UDP);
}

static uint64_t missed_by(const char *driver, uint8_t fds, uint64_t imissed)
{
	struct port port = {.fds_count = fds};

	for (unsigned i = 0; i < fds; i++)
		port.fds[i] = -1;
	port_missed_init(&port, driver);
	return port_missed(&port, imissed);
}

Test(rx_port, who_counts_what_was_missed)
{
	cr_expect_eq(missed_by("net_ixgbe", 0, 7), 7);
	cr_expect_eq(missed_by("net_pcap", 0, 0), 0);
	/* These count nothing: unknown, not 0. */
	cr_expect_eq(missed_by("net_memif", 0, 0), STATE_UNKNOWN);
	cr_expect_eq(missed_by("net_virtio", 0, 0), STATE_UNKNOWN);
	/* Their imissed is always 0; without their sockets nobody knows. */
	cr_expect_eq(missed_by("net_af_packet", 0, 0), STATE_UNKNOWN);
	cr_expect_eq(missed_by("net_af_xdp", 0, 0), STATE_UNKNOWN);
	/* With them, the sockets are asked (these cannot answer). */
	cr_expect_eq(missed_by("net_af_packet", 2, 99), 0);
	cr_expect_eq(missed_by("net_af_xdp", 2, 99), 0);
}
