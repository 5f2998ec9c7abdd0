/* What ports need, by their device strings. */
#pragma once

#include "config.h"
#include "place.h"

/* RX queues that the arguments of a virtual device give it; 0: as many as are asked for. */
unsigned plan_device_queues(const char *device);

/* lanes.rest, or what it is where left to us: so short that no ring overflows meanwhile at the most
 * that its driver brings, and that nobody waits much longer than for linger. */
uint64_t plan_rest_ns(const struct config *config);

/* Fills in one port of the plan, whose lanes are decided. previous: the same port as it runs, or
 * NULL. */
void plan_port_build(const struct config_port *config, const struct plan_port *previous,
		     unsigned lanes, unsigned burst, struct plan_port *port,
		     struct placement *placement);

/* Bytes of the packet buffers of one of its queues. */
uint64_t plan_pool_bytes(const struct plan_port *port, bool hugepages);

/* Bytes of the rings that the kernel keeps for a port's sockets, which the driver maps. */
uint64_t plan_port_ring_bytes(const struct plan_port *port);
