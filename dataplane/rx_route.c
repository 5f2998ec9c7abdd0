#include "rx_route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_order(const void *a, const void *b)
{
	const struct plan_stream *x = *(const struct plan_stream *const *)a;
	const struct plan_stream *y = *(const struct plan_stream *const *)b;

	return (int)x->order - (int)y->order;
}

static unsigned used_streams(const struct plan *plan, const struct plan_stream **out)
{
	unsigned n = 0;

	for (unsigned slot = 0; slot < plan->streams_max; slot++)
		if (plan->streams[slot].used)
			out[n++] = &plan->streams[slot];
	qsort(out, n, sizeof(*out), by_order);
	return n;
}

/* The first stream in file order keeps a port. */
static void take_ports(struct rx_route *route, uint16_t index, unsigned first, unsigned last)
{
	for (unsigned port = first; port <= last; port++)
		if (route->by_port[port] == RX_NO_STREAM)
			route->by_port[port] = index;
}

/* What rx_run_datagram() knows how to do. */
static bool may_run(const struct rx_stream *stream)
{
	return stream->decoder == PLAN_DECODER_datagram && stream->key == PLAN_KEY_SENDER &&
	       !stream->headers;
}

static int add_stream(struct rx_route *route, const struct plan *plan,
		      const struct plan_stream *from, char *err, size_t err_size)
{
	uint16_t index = route->streams_count;
	struct rx_stream *to = &route->streams[index];

	to->slot = (uint16_t)(from - plan->streams);
	to->decoder = from->decoder;
	to->key = from->key;
	to->headers = from->headers;
	to->runs = may_run(to);
	to->batch_bytes = from->batch_bytes;
	to->linger_ns = from->linger_ns;
	if (from->filter_insns) {
		char why[256] = "no memory";
		int rc = rx_filter_create(&to->filter, plan->filter_insns + from->filter_first,
					  from->filter_insns, why, sizeof(why));
		if (rc < 0) {
			snprintf(err, err_size, "stream %s: filter: %s", from->name, why);
			return rc;
		}
		route->filters[route->filters_count++] = index;
	}
	for (unsigned i = 0; i < from->listens; i++)
		take_ports(route, index, from->listen[i].first, from->listen[i].last);
	if (from->catch_all)
		take_ports(route, index, 0, 65535);
	route->streams_count++;
	return 0;
}

struct rx_route *rx_route_create(const struct plan *plan, char *err, size_t err_size)
{
	const struct plan_stream *ordered[PLAN_STREAMS_MAX];
	struct rx_route *route = aligned_alloc(64, (sizeof(*route) + 63) / 64 * 64);

	if (!route) {
		snprintf(err, err_size, "no memory for the routing table");
		return NULL;
	}
	memset(route, 0, sizeof(*route));
	for (unsigned port = 0; port < 65536; port++)
		route->by_port[port] = RX_NO_STREAM;
	unsigned n = used_streams(plan, ordered);
	for (unsigned i = 0; i < n; i++)
		if (add_stream(route, plan, ordered[i], err, err_size) < 0) {
			rx_route_destroy(route);
			return NULL;
		}
	return route;
}

void rx_route_destroy(struct rx_route *route)
{
	if (!route)
		return;
	for (unsigned i = 0; i < route->streams_count; i++)
		rx_filter_destroy(&route->streams[i].filter);
	free(route);
}
