/*
 * Routing: which stream takes a packet. Built by the main thread from a plan, read by all lanes,
 * never changed: a reload makes a new one (topology.c).
 *
 * Streams are tried in file order and the first match takes the packet. A table by destination port
 * answers for all streams that listen on ports; filter streams that stand before its answer are
 * asked one by one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "api/plan.h"
#include "rx_filter.h"
#include "rx_packet.h"

struct rx_stream {
	uint16_t slot;
	uint8_t decoder; /* enum plan_decoder */
	uint8_t key;	 /* enum plan_key */
	uint8_t headers; /* bits of enum plan_header */
	uint8_t runs;	 /* plain packets may take the short way, rx_run_datagram.h */
	uint32_t batch_bytes;
	uint64_t linger_ns;
	struct rx_filter filter; /* .bpf NULL: none */
};

struct rx_route {
	uint16_t by_port[65536]; /* index into streams, or RX_NO_STREAM */
	uint16_t streams_count;
	uint16_t filters_count;
	uint16_t filters[PLAN_STREAMS_MAX]; /* indices of streams with a filter, in file order */
	struct rx_stream streams[PLAN_STREAMS_MAX]; /* in file order */
};

/* NULL with the reason in err. Needs EAL. Main thread. */
struct rx_route *rx_route_create(const struct plan *plan, char *err, size_t err_size);

/* Only when no lane can see it any more. */
void rx_route_destroy(struct rx_route *route);

/* For a parsed packet; index into streams, or RX_NO_STREAM. */
static inline uint16_t rx_route_find(const struct rx_route *route, const struct rx_packet *p)
{
	uint16_t found = route->by_port[p->dst_port];

	for (unsigned i = 0; unlikely(i < route->filters_count); i++) {
		uint16_t candidate = route->filters[i];

		if (candidate >= found) /* RX_NO_STREAM is above all */
			break;
		if (rx_filter_match(&route->streams[candidate].filter, p))
			return candidate;
	}
	return found;
}
