/*
 * The record headers that a stream's config asks for: src, dst, vlan, rx_ns. Off by default, so
 * this is not written for speed.
 */
#pragma once

#include "rx_packet.h"

enum { RX_HEADERS_ROOM = 256 };

/* Frames the header count and the headers (enum plan_header bits in `which`); returns the length.
 */
uint32_t rx_headers(uint8_t out[RX_HEADERS_ROOM], uint8_t which, const struct rx_packet *p,
		    uint64_t rx_ns);

/* Copies `len` bytes at `off` of a chain of segments, which holds that many. */
void rx_gather(uint8_t *dst, const struct rte_mbuf *m, uint32_t off, uint32_t len);
