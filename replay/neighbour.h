/* Asks the network which MAC address has an IP address. Main thread, before anything is sent. */
#pragma once

#include "device.h"

/* By ARP probes (RFC 5227), which need no address of our own. IPv4 only. 0, or -errno with the
 * reason. */
int neighbour_resolve(const struct device *d, const struct rewrite_to *to, uint8_t *mac, char *err,
		      size_t err_size);
