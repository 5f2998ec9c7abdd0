/*
 * What each virtual device driver needs in its device string beyond what the user wrote, and how
 * large its mbufs must be. Facts: docs/decisions.md.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "api/plan.h"

/* The device string for DPDK ("net_af_packet0,iface=eth1,qpairs=2,..."); 0 or -errno with the
 * reason. */
int port_device_string(const struct plan_port *plan, char *out, size_t out_size, char *err,
		       size_t err_size);

/* The captures that a net_pcap device reads: 0, or -errno with the reason why one cannot be read.
 */
int port_check_captures(const struct plan_port *plan, char *err, size_t err_size);

/* Data room of an mbuf for this device, without headroom. */
uint32_t port_mbuf_room(const struct plan_port *plan);
