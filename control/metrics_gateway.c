/* What the gateway tells about itself, in /metrics. */
#include <inttypes.h>

#include "metrics_list.h"

static void print_connections(FILE *out, const struct report_view *g)
{
	const struct report_counters *c = &g->header.counters;
	const char *name = metric_list[METRIC_gateway_connections_total].name;

	metric_single(out, METRIC_gateway_up, g->alive);
	metric_single_seconds(out, METRIC_gateway_start, g->header.started_ns);
	metric_single(out, METRIC_gateway_connections, g->alive ? c->connections : 0);
	metric_head(out, METRIC_gateway_connections_total);
	fprintf(out, "%s{result=\"accepted\"} %" PRIu64 "\n%s{result=\"refused\"} %" PRIu64 "\n",
		name, c->accepted, name, c->refused);
	name = metric_list[METRIC_gateway_closed].name;
	metric_head(out, METRIC_gateway_closed);
	fprintf(out, "%s{reason=\"malformed\"} %" PRIu64 "\n%s{reason=\"overdue\"} %" PRIu64 "\n",
		name, c->malformed, name, c->overdue);
	metric_single(out, METRIC_gateway_waiting, g->alive ? c->waiting : 0);
	metric_single(out, METRIC_gateway_sent, c->sent_bytes);
	metric_single(out, METRIC_gateway_sent_file, c->sent_file_bytes);
}

static void print_requests(FILE *out, const struct report_counters *c)
{
	metric_head(out, METRIC_gateway_requests);
	for (unsigned key = 0; key < REPORT_KEYS; key++) {
		const char *name = report_api_name(key);

		if (name)
			fprintf(out, "%s{api=\"%s\"} %" PRIu64 "\n",
				metric_list[METRIC_gateway_requests].name, name, c->requests[key]);
		else if (c->requests[key])
			fprintf(out, "%s{api=\"%u\"} %" PRIu64 "\n",
				metric_list[METRIC_gateway_requests].name, key, c->requests[key]);
	}
}

/* Row i counts what took less than 2^i us; here they add up. */
static void print_fetches(FILE *out, const struct report_counters *c)
{
	const char *name = metric_list[METRIC_gateway_fetch].name;
	uint64_t sum = 0;

	metric_head(out, METRIC_gateway_fetch);
	for (unsigned i = 0; i < REPORT_LATENCIES - 1; i++) {
		sum += c->fetch_latency[i];
		fprintf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			(double)(UINT64_C(1) << i) / 1e6, sum);
	}
	sum += c->fetch_latency[REPORT_LATENCIES - 1];
	fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n%s_count %" PRIu64 "\n",
		name, sum, name, (double)c->fetch_latency_us / 1e6, name, sum);
}

/* Names that two groups may share would make two samples of one, and the whole page unreadable. */
static bool shown(const struct report_view *g, const struct report_offset *o)
{
	return !o->altered && !g->groups[o->group].altered;
}

static void print_offset(FILE *out, enum metric m, const struct report_view *g,
			 const struct report_offset *o, int64_t value)
{
	char group[2 * REPORT_NAME_MAX], topic[2 * REPORT_NAME_MAX];

	fprintf(out, "%s{consumergroup=\"%s\",topic=\"%s\",partition=\"%d\"} %" PRId64 "\n",
		metric_list[m].name, metric_label(g->groups[o->group].id, group, sizeof(group)),
		metric_label(o->topic, topic, sizeof(topic)), o->partition, value);
}

static void print_groups(FILE *out, const struct status *st, const struct report_view *g)
{
	char group[2 * REPORT_NAME_MAX];

	metric_head(out, METRIC_group_members);
	for (uint32_t i = 0; i < g->header.groups; i++)
		if (!g->groups[i].altered)
			fprintf(out, "%s{consumergroup=\"%s\"} %u\n",
				metric_list[METRIC_group_members].name,
				metric_label(g->groups[i].id, group, sizeof(group)),
				g->alive ? g->groups[i].members : 0);
	metric_head(out, METRIC_group_offset);
	for (uint32_t i = 0; i < g->header.offsets; i++)
		if (shown(g, &g->offsets[i]))
			print_offset(out, METRIC_group_offset, g, &g->offsets[i],
				     (int64_t)g->offsets[i].committed);
	metric_head(out, METRIC_group_lag);
	for (uint32_t i = 0; i < g->header.offsets; i++) {
		int64_t lag = status_offset_lag(st, g, &g->offsets[i]);

		if (lag >= 0 && shown(g, &g->offsets[i]))
			print_offset(out, METRIC_group_lag, g, &g->offsets[i], lag);
	}
}

void metrics_print_gateway(FILE *out, const struct status *st)
{
	const struct report_view *g = st->gateway;

	print_connections(out, g);
	print_requests(out, &g->header.counters);
	print_fetches(out, &g->header.counters);
	print_groups(out, st, g);
}
