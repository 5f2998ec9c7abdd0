/*
 * A port: one DPDK device, found or made from the plan's device string, with a queue for each lane
 * that polls it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "api/plan.h"
#include "api/state.h"

enum { PORT_FDS_MAX = PLAN_LANES_MAX };

enum port_missed_kind {
	PORT_MISSED_STATS,     /* rte_eth_stats.imissed is the truth */
	PORT_MISSED_AF_PACKET, /* PACKET_STATISTICS of the driver's sockets */
	PORT_MISSED_AF_XDP,    /* XDP_STATISTICS of the driver's sockets */
	PORT_MISSED_UNKNOWN,   /* the driver cannot tell */
};

struct port {
	uint16_t id; /* DPDK's number */
	uint16_t queues;
	uint8_t started;
	uint8_t missed_kind; /* enum port_missed_kind */
	uint8_t fds_count;
	int fds[PORT_FDS_MAX]; /* the driver's own sockets, in queue order; not ours to close */
	uint64_t missed_sum;   /* of counters that reset when read */
	struct rte_mempool *pools[PLAN_LANES_MAX];
	struct state_port *state;
};

/* Probes, configures and starts; 0 or -errno with the reason in err. Main thread. */
int port_open(struct port *port, const struct plan_port *plan, const uint16_t *queue_numa,
	      struct state_port *state, char *err, size_t err_size);

/* Stops and closes the device, frees its pools. */
void port_close(struct port *port);

/* Copies the driver's counters into the state block; every 100 ms, main thread. */
void port_refresh(struct port *port);

/* The kinds of hash to ask for (RTE_ETH_RSS_*), of those that a device can do: over the addresses
 * only, so that one sender stays on one lane, whatever ports it uses. Some NICs (i40e) have no hash
 * of that kind that takes UDP in and would leave all of it on queue 0: there the ports count too,
 * and a sender stays on one lane for each of its ports. */
uint64_t port_rss(uint64_t can);

/* rx_port_missed.c: finds out where this driver keeps its missed packets. */
void port_missed_init(struct port *port, const char *driver);
uint64_t port_missed(struct port *port, uint64_t imissed);
