/*
 * A port without EAL: a capture in memory, received by rte_eth_rx_burst() as mbufs that point into
 * it. What a driver and its pool would do stands in two functions, wire_burst() and
 * wire_take_back(), so that a profiler can leave them out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { WIRE_PORT = 0 };

/* The capture's packets, over and over, until there are `packets` of them. 0, or -errno with the
 * reason in err. Once a process. */
int wire_open(const char *capture, unsigned packets, char *err, size_t err_size);

/* Packets not received yet; bytes of all; mbufs received whose pool has not got them back. */
unsigned wire_left(void);
uint64_t wire_bytes(void);
unsigned wire_out(void);
