#include "metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum metric {
#define METRIC(id, name, type, labels, help) METRIC_##id,
#include "metrics.def"
#undef METRIC
	METRICS
};

static const struct {
	const char *name, *type, *labels, *help;
} list[METRICS] = {
#define METRIC(id, name_, type_, labels_, help_)                                                   \
	{.name = name_, .type = #type_, .labels = labels_, .help = help_},
#include "metrics.def"
#undef METRIC
};

static void head(FILE *out, enum metric m)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", list[m].name, list[m].help, list[m].name,
		list[m].type);
}

/* A label's value with what the format wants escaped. */
static const char *escaped(const char *value, char *text, size_t size)
{
	size_t at = 0;

	for (; *value && at + 3 < size; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			text[at++] = '\\';
		text[at++] = *value == '\n' ? 'n' : *value;
	}
	text[at] = '\0';
	return text;
}

static void single(FILE *out, enum metric m, uint64_t value)
{
	head(out, m);
	fprintf(out, "%s %" PRIu64 "\n", list[m].name, value);
}

static void single_seconds(FILE *out, enum metric m, uint64_t ns)
{
	head(out, m);
	fprintf(out, "%s %.3f\n", list[m].name, (double)ns / 1e9);
}

static void print_control(FILE *out, const struct metrics_control *control)
{
	head(out, METRIC_build_info);
	fprintf(out, "%s{version=\"%s\"} 1\n", list[METRIC_build_info].name, WEIR_VERSION);
	single_seconds(out, METRIC_control_start, control->start_ns);
	head(out, METRIC_reloads);
	fprintf(out, "%s{result=\"applied\"} %" PRIu64 "\n%s{result=\"failed\"} %" PRIu64 "\n",
		list[METRIC_reloads].name, control->reloads, list[METRIC_reloads].name,
		control->reloads_failed);
	single(out, METRIC_deaths, control->dataplane_deaths);
}

static void print_process(FILE *out, const struct status *st)
{
	single(out, METRIC_up, status_ready(st));
	single_seconds(out, METRIC_start_time, st->started_ns);
	single(out, METRIC_starts, st->starts);
	single(out, METRIC_crashes, st->crashes);
	single(out, METRIC_plan_generation, st->plan_generation);
	single(out, METRIC_hugepages, st->hugepages);
	single(out, METRIC_direct, st->direct);
	single(out, METRIC_balanced, st->balanced);
}

/* Goes over all cells: one sample for each port on each lane. */
static void print_cells(FILE *out, const struct status *st)
{
	char port[PLAN_NAME_MAX * 2];

	head(out, METRIC_received);
	for (unsigned i = 0; i < st->cells_count; i++)
		fprintf(out, "%s{port=\"%s\",lane=\"%u\"} %" PRIu64 "\n",
			list[METRIC_received].name,
			escaped(st->ports[st->cells[i].port].name, port, sizeof(port)),
			st->cells[i].lane, st->cells[i].packets.received);
	head(out, METRIC_received_bytes);
	for (unsigned i = 0; i < st->cells_count; i++)
		fprintf(out, "%s{port=\"%s\",lane=\"%u\"} %" PRIu64 "\n",
			list[METRIC_received_bytes].name,
			escaped(st->ports[st->cells[i].port].name, port, sizeof(port)),
			st->cells[i].lane, st->cells[i].packets.received_bytes);
	head(out, METRIC_packets);
	for (unsigned i = 0; i < st->cells_count; i++)
		for (int row = 0; row < LEDGER_ROWS; row++)
			fprintf(out,
				"%s{port=\"%s\",lane=\"%u\",term=\"%s\",cause=\"%s\"} %" PRIu64
				"\n",
				list[METRIC_packets].name,
				escaped(st->ports[st->cells[i].port].name, port, sizeof(port)),
				st->cells[i].lane, ledger_info[row].term, ledger_info[row].cause,
				st->cells[i].packets.rows[row]);
}

static void print_streams(FILE *out, const struct status *st)
{
	const char *name;

	head(out, METRIC_events);
	for (unsigned i = 0; i < st->streams_count; i++)
		for (int row = 0; row < EVENT_ROWS; row++)
			fprintf(out, "%s{stream=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
				list[METRIC_events].name, st->streams[i].name, event_info[row].name,
				st->streams[i].events.rows[row]);
	head(out, METRIC_value_bytes);
	for (unsigned i = 0; i < st->streams_count; i++)
		fprintf(out, "%s{stream=\"%s\"} %" PRIu64 "\n", list[METRIC_value_bytes].name,
			st->streams[i].name, st->streams[i].value_bytes);
	head(out, METRIC_stream_packets);
	name = list[METRIC_stream_packets].name;
	for (unsigned i = 0; i < st->streams_count; i++) {
		const struct status_stream *s = &st->streams[i];
		const struct {
			const char *outcome;
			uint64_t value;
		} rows[] = {{"stored", s->stored},
			    {"shed", s->shed},
			    {"filtered", s->filtered},
			    {"undecodable", s->undecodable}};
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
			fprintf(out, "%s{stream=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", name,
				s->name, rows[r].outcome, rows[r].value);
	}
}

/* One sample of a metric for each port, of the member at `offset`. */
static void port_samples(FILE *out, const struct status *st, enum metric m, size_t offset)
{
	char name[PLAN_NAME_MAX * 2];

	head(out, m);
	for (unsigned i = 0; i < st->ports_count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&st->ports[i] + offset, sizeof(value));
		if (value != STATE_UNKNOWN)
			fprintf(out, "%s{port=\"%s\"} %" PRIu64 "\n", list[m].name,
				escaped(st->ports[i].name, name, sizeof(name)), value);
	}
}

static void print_ports(FILE *out, const struct status *st)
{
	char name[PLAN_NAME_MAX * 2], driver[128];

	head(out, METRIC_port_up);
	for (unsigned i = 0; i < st->ports_count; i++)
		fprintf(out, "%s{port=\"%s\",driver=\"%s\"} %d\n", list[METRIC_port_up].name,
			escaped(st->ports[i].name, name, sizeof(name)),
			escaped(st->ports[i].driver, driver, sizeof(driver)), st->ports[i].up);
#define PORT(id, member) port_samples(out, st, METRIC_##id, offsetof(struct status_port, member))
	PORT(port_packets, ipackets);
	PORT(port_bytes, ibytes);
	PORT(port_missed, missed);
	PORT(port_nombuf, rx_nombuf);
	PORT(port_errors, errors);
#undef PORT
}

static void lane_samples(FILE *out, const struct status *st, enum metric m, size_t offset)
{
	head(out, m);
	for (unsigned i = 0; i < st->lanes_count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&st->lanes[i] + offset, sizeof(value));
		fprintf(out, "%s{lane=\"%u\"} %" PRIu64 "\n", list[m].name, i, value);
	}
}

static void print_lane_times(FILE *out, const struct status *st)
{
	double hz = st->tsc_hz ? (double)st->tsc_hz : 1e9;

	head(out, METRIC_busy);
	for (unsigned i = 0; i < st->lanes_count; i++)
		fprintf(out,
			"%s{lane=\"%u\",half=\"rx\"} %.6f\n%s{lane=\"%u\",half=\"log\"} %.6f\n",
			list[METRIC_busy].name, i, (double)st->lanes[i].cycles_busy / hz,
			list[METRIC_busy].name, i, (double)st->lanes[i].log_cycles_busy / hz);
	head(out, METRIC_idle);
	for (unsigned i = 0; i < st->lanes_count; i++)
		fprintf(out,
			"%s{lane=\"%u\",half=\"rx\"} %.6f\n%s{lane=\"%u\",half=\"log\"} %.6f\n",
			list[METRIC_idle].name, i, (double)st->lanes[i].cycles_idle / hz,
			list[METRIC_idle].name, i, (double)st->lanes[i].log_cycles_idle / hz);
	head(out, METRIC_last_packet);
	for (unsigned i = 0; i < st->lanes_count; i++)
		fprintf(out, "%s{lane=\"%u\"} %.6f\n", list[METRIC_last_packet].name, i,
			(double)st->lanes[i].last_packet_ns / 1e9);
}

static void print_lanes(FILE *out, const struct status *st)
{
	const char *name = list[METRIC_polls].name;

	head(out, METRIC_polls);
	for (unsigned i = 0; i < st->lanes_count; i++) {
		const struct status_lane *l = &st->lanes[i];
		uint64_t full = l->polls > l->polls_empty ? l->polls - l->polls_empty : 0;
		fprintf(out,
			"%s{lane=\"%u\",result=\"packets\"} %" PRIu64 "\n"
			"%s{lane=\"%u\",result=\"empty\"} %" PRIu64 "\n",
			name, i, full, name, i, l->polls_empty);
	}
	print_lane_times(out, st);
#define LANE(id, member) lane_samples(out, st, METRIC_##id, offsetof(struct status_lane, member))
	LANE(sleeps, sleeps);
	LANE(slabs_short, slabs_short);
	LANE(slabs_queued, slabs_queued);
	LANE(batches, batches);
#undef LANE
}

static void partition_sample(FILE *out, const struct status *st, enum metric m,
			     const struct status_partition *p, uint64_t value)
{
	fprintf(out, "%s{stream=\"%s\",partition=\"%u\"} %" PRIu64 "\n", list[m].name,
		st->streams[p->stream].name, p->partition, value);
}

static void print_partitions(FILE *out, const struct status *st)
{
#define PARTITIONS(id, member)                                                                     \
	do {                                                                                       \
		head(out, METRIC_##id);                                                            \
		for (unsigned i = 0; i < st->partitions_count; i++)                                \
			partition_sample(out, st, METRIC_##id, &st->partitions[i],                 \
					 st->partitions[i].member);                                \
	} while (0)
	PARTITIONS(log_start, log_start);
	PARTITIONS(log_end, log_end);
	PARTITIONS(durable_end, durable_end);
	PARTITIONS(visible_end, visible_end);
	PARTITIONS(segments, segments);
	PARTITIONS(partition_bytes, bytes);
	PARTITIONS(leader_epoch, leader_epoch);
	PARTITIONS(storage_failed, storage_failed);
#undef PARTITIONS
}

static void core_samples(FILE *out, const struct status *st, enum metric m, size_t offset,
			 bool seconds)
{
	head(out, m);
	for (unsigned i = 0; i < st->cores_count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&st->cores[i] + offset, sizeof(value));
		if (seconds)
			fprintf(out, "%s{core=\"%u\"} %.9f\n", list[m].name, i,
				(double)value / 1e9);
		else
			fprintf(out, "%s{core=\"%u\"} %" PRIu64 "\n", list[m].name, i, value);
	}
}

/* Bucket i of the state block counts what took less than 2^i * 64 us; here they add up. */
static void print_commit(FILE *out, const struct status *st)
{
	const char *name = list[METRIC_commit].name;

	head(out, METRIC_commit);
	for (unsigned i = 0; i < st->cores_count; i++) {
		uint64_t sum = 0;
		for (unsigned b = 0; b < 15; b++) {
			sum += st->cores[i].commit[b];
			fprintf(out, "%s_bucket{core=\"%u\",le=\"%g\"} %" PRIu64 "\n", name, i,
				(double)(UINT64_C(64) << b) / 1e6, sum);
		}
		sum += st->cores[i].commit[15];
		fprintf(out,
			"%s_bucket{core=\"%u\",le=\"+Inf\"} %" PRIu64 "\n"
			"%s_count{core=\"%u\"} %" PRIu64 "\n",
			name, i, sum, name, i, sum);
	}
}

static void print_cores(FILE *out, const struct status *st)
{
#define CORE(id, member, seconds)                                                                  \
	core_samples(out, st, METRIC_##id, offsetof(struct status_core, member), seconds)
	CORE(writes, writes, false);
	CORE(write_bytes, write_bytes, false);
	CORE(write_seconds, write_ns_total, true);
	CORE(write_seconds_max, write_ns_max, true);
	CORE(write_errors, write_errors, false);
	CORE(batch_bytes, batch_bytes, false);
	CORE(tail_writes, tail_writes, false);
	CORE(realigned, realigned, false);
	CORE(syncs, syncs, false);
	CORE(sync_seconds, sync_ns_total, true);
	CORE(sync_seconds_max, sync_ns_max, true);
	CORE(rolls, rolls, false);
	CORE(segment_waits, segment_waits, false);
#undef CORE
	print_commit(out, st);
}

void metrics_print(FILE *out, const struct status *status, const struct metrics_control *control)
{
	print_control(out, control);
	if (!status) {
		single(out, METRIC_up, 0);
		return;
	}
	print_process(out, status);
	print_cells(out, status);
	print_streams(out, status);
	print_ports(out, status);
	print_lanes(out, status);
	print_partitions(out, status);
	print_cores(out, status);
}

void metrics_markdown(FILE *out)
{
	fputs("# Metrics\n\n"
	      "What `http://CONTROL.LISTEN/metrics` shows, in Prometheus' text format. This page "
	      "is\n"
	      "generated from `control/metrics.def` by `weir-control --metrics-markdown`.\n\n"
	      "| metric | type | labels | meaning |\n|---|---|---|---|\n",
	      out);
	for (int m = 0; m < METRICS; m++)
		fprintf(out, "| `%s` | %s | %s | %s |\n", list[m].name, list[m].type,
			list[m].labels[0] ? list[m].labels : "–", list[m].help);
	fputs("\n## Terms and causes of `weir_packets_total`\n\n"
	      "`weir_packets_received_total` equals the sum of all rows.\n\n"
	      "| term | cause | meaning |\n|---|---|---|\n",
	      out);
	for (int row = 0; row < LEDGER_ROWS; row++)
		fprintf(out, "| `%s` | `%s` | %s |\n", ledger_info[row].term,
			ledger_info[row].cause, ledger_info[row].doc);
	fputs("\n## Outcomes of `weir_events_total`\n\n"
	      "`decoded` equals the sum of the others.\n\n"
	      "| outcome | meaning |\n|---|---|\n",
	      out);
	for (int row = 0; row < EVENT_ROWS; row++)
		fprintf(out, "| `%s` | %s |\n", event_info[row].name, event_info[row].doc);
}
