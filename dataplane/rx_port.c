#include "rx_port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "memif_guard.h"
#include "rx_port_device.h"
#include "rx_port_fds.h"

static int fail(char *err, size_t err_size, const struct plan_port *plan, int rc, const char *what,
		const char *hint)
{
	/* -1 is what many drivers return for whatever went wrong: it is not EPERM. */
	snprintf(err, err_size, "port %s: device \"%s\": %s: %s%s%s", plan->name, plan->device,
		 what, rc < -1 ? strerror(-rc) : "its driver failed", *hint ? "; " : "", hint);
	return rc < 0 ? rc : -EIO;
}

static const char *probe_hint(const struct plan_port *plan)
{
	if (plan->is_pci)
		return "is it bound to vfio-pci (scripts/setup-host) and free?";
	return "are its arguments right, and may this user open it?";
}

/* Drivers tell of an interface that is missing by whatever number. */
static int look_for_interface(const struct plan_port *plan, char *err, size_t err_size)
{
	static const char key[] = ",iface=";
	const char *iface = strstr(plan->device, key);
	char name[PLAN_DEVICE_MAX];

	if (!iface)
		return 0;
	iface += sizeof(key) - 1;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(iface, ","), iface);
	if (if_nametoindex(name) != 0)
		return 0;
	snprintf(err, err_size, "port %s: device \"%s\": there is no interface %s", plan->name,
		 plan->device, name);
	return -ENODEV;
}

static int probe_virtual(const struct plan_port *plan, const char *device, const char *name,
			 char *err, size_t err_size)
{
	int rc = look_for_interface(plan, err, err_size);

	if (rc < 0)
		return rc;
	rc = rte_dev_probe(device);
	if (rc == -EFAULT) { /* no bus takes it */
		snprintf(err, err_size, "port %s: device \"%s\": DPDK has no driver %s", plan->name,
			 plan->device, name);
		return -ENODEV;
	}
	return rc < 0 ? fail(err, err_size, plan, rc, "cannot be opened", probe_hint(plan)) : 0;
}

static int probe(struct port *port, const struct plan_port *plan, char *err, size_t err_size)
{
	char device[PLAN_DEVICE_MAX + 128];
	char name[64];

	int rc = port_device_string(plan, device, sizeof(device), err, err_size);
	if (rc == 0)
		rc = port_check_captures(plan, err, err_size);
	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (!plan->is_pci)
		rc = probe_virtual(plan, device, name, err, err_size);
	if (rc < 0)
		return rc;
	rc = rte_eth_dev_get_port_by_name(name, &port->id);
	if (rc < 0)
		return fail(err, err_size, plan, rc, "not found by DPDK", probe_hint(plan));
	return 0;
}

enum {
	RSS_V4 = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER,
	RSS_V6 = RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER |
		 RTE_ETH_RSS_IPV6_EX,
};

uint64_t port_rss(uint64_t can)
{
	uint64_t v4 = can & RTE_ETH_RSS_IPV4 ? RSS_V4 : RSS_V4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
	uint64_t v6 = can & RTE_ETH_RSS_IPV6 ? RSS_V6 : RSS_V6 | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

	return can & (v4 | v6);
}

static int configure(struct port *port, const struct plan_port *plan,
		     const struct rte_eth_dev_info *info, char *err, size_t err_size)
{
	struct rte_eth_conf conf = {0};
	uint16_t tx = port->queues <= info->max_tx_queues ? port->queues : info->max_tx_queues;

	if (port->queues > info->max_rx_queues) {
		snprintf(err, err_size,
			 "port %s: device \"%s\" has %u receive queues, the lanes need %u: set "
			 "ports[].queues or lanes.count",
			 plan->name, plan->device, info->max_rx_queues, port->queues);
		return -EINVAL;
	}
	uint64_t rss = port_rss(info->flow_type_rss_offloads);
	if (port->queues > 1 && rss) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = rss;
	}
	if (plan->mtu) {
		conf.rxmode.mtu = plan->mtu;
		if (plan->mtu + 100u > port_mbuf_room(plan) &&
		    (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER))
			conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	}
	/* As many TX queues as RX queues where there are: af_xdp insists. None is used to send. */
	int rc = rte_eth_dev_configure(port->id, port->queues, tx, &conf);
	if (rc < 0)
		return fail(err, err_size, plan, rc, "cannot be configured", "");
	uint16_t rxd = plan->rx_descriptors, txd = 512;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rxd, &txd);
	for (uint16_t q = 0; q < tx && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(port->id, q, txd, SOCKET_ID_ANY, NULL);
	for (uint16_t q = 0; q < port->queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(port->id, q, rxd, SOCKET_ID_ANY, NULL, port->pools[q]);
	return rc < 0 ? fail(err, err_size, plan, rc, "queues cannot be set up", "") : 0;
}

static int make_pools(struct port *port, const struct plan_port *plan, const uint16_t *queue_numa,
		      char *err, size_t err_size)
{
	for (uint16_t q = 0; q < port->queues; q++) {
		char name[RTE_MEMPOOL_NAMESIZE];

		snprintf(name, sizeof(name), "rx-%u-%u", port->id, q);
		port->pools[q] = rte_pktmbuf_pool_create(
			name, plan->mbufs, plan->mbufs >= 4096 ? 256 : 0, 0,
			(uint16_t)(port_mbuf_room(plan) + RTE_PKTMBUF_HEADROOM), queue_numa[q]);
		if (!port->pools[q]) {
			snprintf(err, err_size,
				 "port %s: no memory for %u packet buffers of queue %u (%s)",
				 plan->name, plan->mbufs, q, rte_strerror(rte_errno));
			return -ENOMEM;
		}
	}
	return 0;
}

static int start(struct port *port, const struct plan_port *plan, char *err, size_t err_size)
{
	int rc = rte_eth_dev_start(port->id);

	if (rc < 0)
		return fail(err, err_size, plan, rc, "cannot be started", "");
	port->started = 1;
	if (plan->promiscuous)
		rte_eth_promiscuous_enable(port->id); /* virtual devices may refuse: no matter */
	return 0;
}

int port_open(struct port *port, const struct plan_port *plan, const uint16_t *queue_numa,
	      struct state_port *state, char *err, size_t err_size)
{
	struct rte_eth_dev_info info;
	struct port_fds before;

	memset(port, 0, sizeof(*port));
	port->id = RTE_MAX_ETHPORTS;
	port->queues = plan->queues;
	port->state = state;
	port_fds_read(&before);
	int rc = probe(port, plan, err, err_size);
	if (rc < 0)
		return rc;
	rc = rte_eth_dev_info_get(port->id, &info);
	if (rc < 0)
		return fail(err, err_size, plan, rc, "does not describe itself", "");
	rc = make_pools(port, plan, queue_numa, err, err_size);
	if (rc == 0)
		rc = configure(port, plan, &info, err, err_size);
	if (rc == 0)
		rc = start(port, plan, err, err_size);
	if (rc < 0) {
		port_close(port);
		return rc;
	}
	memif_guard(port->id, info.driver_name);
	port_fds_new(&before, port);
	port_missed_init(port, info.driver_name);
	if (port->missed_kind == PORT_MISSED_AF_PACKET && port_fds_drop_outgoing(port) < 0) {
		port_close(port);
		return fail(err, err_size, plan, -errno, "outgoing frames cannot be kept out", "");
	}
	snprintf(state->name, sizeof(state->name), "%s", plan->name);
	snprintf(state->device, sizeof(state->device), "%s", plan->device);
	snprintf(state->driver, sizeof(state->driver), "%s", info.driver_name);
	atomic_store(&state->queues, port->queues);
	port_refresh(port);
	return 0;
}

void port_close(struct port *port)
{
	if (port->id < RTE_MAX_ETHPORTS) {
		if (port->started)
			rte_eth_dev_stop(port->id);
		rte_eth_dev_close(port->id);
	}
	port->id = RTE_MAX_ETHPORTS;
	port->started = 0;
	for (uint16_t q = 0; q < port->queues; q++) {
		rte_mempool_free(port->pools[q]);
		port->pools[q] = NULL;
	}
}

void port_refresh(struct port *port)
{
	struct rte_eth_stats st;
	struct rte_eth_link link = {0};

	if (rte_eth_stats_get(port->id, &st) == 0) {
		state_store(&port->state->ipackets, st.ipackets);
		state_store(&port->state->ibytes, st.ibytes);
		state_store(&port->state->rx_nombuf, st.rx_nombuf);
		state_store(&port->state->errors, st.ierrors);
		state_store(&port->state->missed, port_missed(port, st.imissed));
	}
	if (rte_eth_link_get_nowait(port->id, &link) == 0)
		atomic_store(&port->state->up, link.link_status);
}
