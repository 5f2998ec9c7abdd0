/* The gateway and its groups, as people read them. */
#include <inttypes.h>
#include <string.h>

#include "loop.h"
#include "status.h"

int64_t status_offset_end(const struct status *st, const struct report_view *g,
			  const struct report_offset *o)
{
	/* A gateway may serve another directory than the dataplane writes. */
	bool same = st && strcmp(st->storage_path, g->header.data_dir) == 0;

	for (unsigned i = 0; same && i < st->partitions_count; i++) {
		const struct status_partition *p = &st->partitions[i];

		if (p->partition == (unsigned)o->partition &&
		    strcmp(st->streams[p->stream].name, o->topic) == 0)
			return (int64_t)p->visible_end;
	}
	return o->end;
}

int64_t status_offset_lag(const struct status *st, const struct report_view *g,
			  const struct report_offset *o)
{
	int64_t end = status_offset_end(st, g, o);

	if (end < 0)
		return -1;
	return (uint64_t)end > o->committed ? end - (int64_t)o->committed : 0;
}

/* Upper bound in us of the time that `share` (0 to 1) of the counted Fetches took; 0: none counted.
 */
static uint64_t fetch_us(const struct report_counters *c, double share)
{
	uint64_t all = 0, sum = 0;

	for (unsigned i = 0; i < REPORT_LATENCIES; i++)
		all += c->fetch_latency[i];
	for (unsigned i = 0; i < REPORT_LATENCIES && all; i++) {
		sum += c->fetch_latency[i];
		if ((double)sum >= share * (double)all)
			return UINT64_C(1) << i;
	}
	return 0;
}

static const char *latency_text(uint64_t us, char text[32])
{
	if (us < 1000)
		snprintf(text, 32, "%" PRIu64 " us", us);
	else
		snprintf(text, 32, "%.1f ms", (double)us / 1e3);
	return text;
}

void status_gateway_failure(const char *run_dir, pid_t control_pid,
			    const struct report_view *gateway, struct gateway_failure *out)
{
	*out = (struct gateway_failure){0};
	if (control_pid && !(gateway && gateway->alive))
		gateway_failure_read(run_dir, out);
}

void status_gateway_print(FILE *out, const struct status *st)
{
	const struct report_view *g = st->gateway;
	char a[32], b[32];

	if (st->gateway_failure.reason[0]) {
		fputs("gateway    not running: ", out);
		gateway_failure_print(out, &st->gateway_failure);
		fputc('\n', out);
		return;
	}
	if (!g)
		return;
	const struct report_counters *c = &g->header.counters;
	if (!g->alive) {
		fprintf(out, "gateway    %s\n",
			g->header.stopped ? "stopped" : "dead, and not started again yet");
		return;
	}
	fprintf(out, "gateway    running, pid %u, %s, up %s, %" PRIu64 " connection%s, %s sent\n",
		g->header.pid, g->header.address,
		status_duration(loop_real_ns() - g->header.started_ns, a), c->connections,
		c->connections == 1 ? "" : "s", status_bytes(c->sent_bytes, b));
	if (fetch_us(c, 0.5))
		fprintf(out, "           half of the Fetches within %s, 99 %% within %s\n",
			latency_text(fetch_us(c, 0.5), a), latency_text(fetch_us(c, 0.99), b));
}

static void print_offset(FILE *out, const struct status *st, const struct report_view *g,
			 const struct report_offset *o)
{
	const struct report_member *m = g->alive && o->member >= 0 ? &g->members[o->member] : NULL;
	int64_t end = status_offset_end(st, g, o), lag = status_offset_lag(st, g, o);
	char topic[REPORT_NAME_MAX + 16], a[32], b[32], c[32];

	snprintf(topic, sizeof(topic), "%s-%d", o->topic, o->partition);
	fprintf(out, "  %-30s %15s %15s %13s  %s%s%s\n", topic, status_grouped(o->committed, a),
		end < 0 ? "-" : status_grouped((uint64_t)end, b),
		lag < 0 ? "-" : status_grouped((uint64_t)lag, c), m ? m->client : "-", m ? " " : "",
		m ? m->host : "");
}

static void print_group(FILE *out, const struct status *st, const struct report_view *g,
			uint32_t index)
{
	const struct report_group *group = &g->groups[index];
	unsigned members = g->alive ? group->members : 0;

	fprintf(out, "group %s: %s, %u member%s%s%s\n", group->id,
		g->alive ? group->state : "no gateway", members, members == 1 ? "" : "s",
		group->protocol[0] ? ", " : "", group->protocol);
	for (uint32_t i = 0; i < g->header.offsets; i++)
		if (g->offsets[i].group == index)
			print_offset(out, st, g, &g->offsets[i]);
	for (uint32_t i = 0; g->alive && i < g->header.members; i++)
		if (g->members[i].group == index)
			fprintf(out, "  %s%s%s at %s has %u partition%s\n", g->members[i].id,
				g->members[i].instance[0] ? ", static as " : "",
				g->members[i].instance, g->members[i].host,
				g->members[i].partitions, g->members[i].partitions == 1 ? "" : "s");
}

void status_groups_print(FILE *out, const struct status *st, const struct report_view *g)
{
	if (!g->header.groups) {
		fputs("no consumer groups\n", out);
		return;
	}
	fprintf(out, "%-32s %15s %15s %13s  %s\n", "consumer groups", "committed", "visible end",
		"lag", "consumer");
	for (uint32_t i = 0; i < g->header.groups; i++)
		print_group(out, st, g, i);
	if (g->header.left_out)
		fprintf(out, "%u more rows did not fit into the gateway's report\n",
			g->header.left_out);
}
