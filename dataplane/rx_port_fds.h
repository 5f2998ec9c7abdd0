/* The sockets that a driver opened for itself; see rx_port_fds.c. Main thread. */
#pragma once

#include <stdbool.h>

#include "rx_port.h"

enum { PORT_FDS_LIMIT = 4096 };

struct port_fds {
	bool is_socket[PORT_FDS_LIMIT];
};

/* The packet and XDP sockets that this process has open. */
void port_fds_read(struct port_fds *set);

/* Those that came since `before`, into port->fds. */
void port_fds_new(const struct port_fds *before, struct port *port);

/* af_packet hands back what this host sends: keeps it out with a socket filter on the packet type.
 */
int port_fds_drop_outgoing(const struct port *port);
