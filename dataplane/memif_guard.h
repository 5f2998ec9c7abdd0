/* Keeps a net_memif port's shared memory mapped while a burst reads or writes it. */
#pragma once

#include <stdint.h>

/* After rte_eth_dev_start(), before the first burst; for any port: those of other drivers are left
 * alone. Main thread. */
void memif_guard(uint16_t port_id, const char *driver);
