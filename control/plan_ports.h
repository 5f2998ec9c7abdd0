/* What ports need, by their device strings. Private to plan_build.c. */
#pragma once

#include "config.h"
#include "place.h"

/* RX queues that the arguments of a virtual device give it; 0: as many as are asked for. */
unsigned plan_device_queues(const char *device);

/* Fills in one port of the plan, whose lanes are decided. previous: the same port as it runs, or
 * NULL. */
void plan_port_build(const struct config_port *config, const struct plan_port *previous,
		     unsigned lanes, unsigned burst, struct plan_port *port,
		     struct placement *placement);

/* Bytes of one packet buffer in its pool. */
uint64_t plan_mbuf_bytes(const struct plan_port *port);
