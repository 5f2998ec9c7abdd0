#include "metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "metrics_list.h"

static void print_control(FILE *out, const struct metrics_control *control)
{
	metric_head(out, METRIC_build_info);
	fprintf(out, "%s{version=\"%s\"} 1\n", metric_list[METRIC_build_info].name, WEIR_VERSION);
	metric_single_seconds(out, METRIC_control_start, control->start_ns);
	metric_head(out, METRIC_reloads);
	fprintf(out, "%s{result=\"applied\"} %" PRIu64 "\n%s{result=\"failed\"} %" PRIu64 "\n",
		metric_list[METRIC_reloads].name, control->reloads,
		metric_list[METRIC_reloads].name, control->reloads_failed);
	metric_single(out, METRIC_deaths, control->dataplane_deaths);
	metric_single(out, METRIC_gateway_deaths, control->gateway_deaths);
}

static void print_process(FILE *out, const struct status *st)
{
	metric_single(out, METRIC_up, status_ready(st));
	metric_single_seconds(out, METRIC_start_time, st->started_ns);
	metric_single(out, METRIC_starts, st->starts);
	metric_single(out, METRIC_crashes, st->crashes);
	metric_single(out, METRIC_plan_generation, st->plan_generation);
	metric_single(out, METRIC_hugepages, st->hugepages);
	metric_single(out, METRIC_direct, st->direct);
	metric_single(out, METRIC_balanced, st->balanced);
}

/* Goes over all cells: one sample for each port on each lane. */
static void print_cells(FILE *out, const struct status *st)
{
	char port[PLAN_NAME_MAX * 2];

	metric_head(out, METRIC_received);
	for (unsigned i = 0; i < st->cells_count; i++)
		fprintf(out, "%s{port=\"%s\",lane=\"%u\"} %" PRIu64 "\n",
			metric_list[METRIC_received].name,
			metric_label(st->ports[st->cells[i].port].name, port, sizeof(port)),
			st->cells[i].lane, st->cells[i].packets.received);
	metric_head(out, METRIC_received_bytes);
	for (unsigned i = 0; i < st->cells_count; i++)
		fprintf(out, "%s{port=\"%s\",lane=\"%u\"} %" PRIu64 "\n",
			metric_list[METRIC_received_bytes].name,
			metric_label(st->ports[st->cells[i].port].name, port, sizeof(port)),
			st->cells[i].lane, st->cells[i].packets.received_bytes);
	metric_head(out, METRIC_packets);
	for (unsigned i = 0; i < st->cells_count; i++)
		for (int row = 0; row < LEDGER_ROWS; row++)
			fprintf(out,
				"%s{port=\"%s\",lane=\"%u\",term=\"%s\",cause=\"%s\"} %" PRIu64
				"\n",
				metric_list[METRIC_packets].name,
				metric_label(st->ports[st->cells[i].port].name, port, sizeof(port)),
				st->cells[i].lane, ledger_info[row].term, ledger_info[row].cause,
				st->cells[i].packets.rows[row]);
}

static void print_streams(FILE *out, const struct status *st)
{
	const char *name;

	metric_head(out, METRIC_events);
	for (unsigned i = 0; i < st->streams_count; i++)
		for (int row = 0; row < EVENT_ROWS; row++)
			fprintf(out, "%s{stream=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
				metric_list[METRIC_events].name, st->streams[i].name,
				event_info[row].name, st->streams[i].events.rows[row]);
	metric_head(out, METRIC_value_bytes);
	for (unsigned i = 0; i < st->streams_count; i++)
		fprintf(out, "%s{stream=\"%s\"} %" PRIu64 "\n",
			metric_list[METRIC_value_bytes].name, st->streams[i].name,
			st->streams[i].value_bytes);
	metric_head(out, METRIC_stream_packets);
	name = metric_list[METRIC_stream_packets].name;
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

	metric_head(out, m);
	for (unsigned i = 0; i < st->ports_count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&st->ports[i] + offset, sizeof(value));
		if (value != STATE_UNKNOWN)
			fprintf(out, "%s{port=\"%s\"} %" PRIu64 "\n", metric_list[m].name,
				metric_label(st->ports[i].name, name, sizeof(name)), value);
	}
}

static void print_ports(FILE *out, const struct status *st)
{
	char name[PLAN_NAME_MAX * 2], driver[128];

	metric_head(out, METRIC_port_up);
	for (unsigned i = 0; i < st->ports_count; i++)
		fprintf(out, "%s{port=\"%s\",driver=\"%s\"} %d\n", metric_list[METRIC_port_up].name,
			metric_label(st->ports[i].name, name, sizeof(name)),
			metric_label(st->ports[i].driver, driver, sizeof(driver)), st->ports[i].up);
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
	metric_head(out, m);
	for (unsigned i = 0; i < st->lanes_count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&st->lanes[i] + offset, sizeof(value));
		fprintf(out, "%s{lane=\"%u\"} %" PRIu64 "\n", metric_list[m].name, i, value);
	}
}

static void print_lane_times(FILE *out, const struct status *st)
{
	double hz = st->tsc_hz ? (double)st->tsc_hz : 1e9;

	metric_head(out, METRIC_busy);
	for (unsigned i = 0; i < st->lanes_count; i++)
		fprintf(out,
			"%s{lane=\"%u\",half=\"rx\"} %.6f\n%s{lane=\"%u\",half=\"log\"} %.6f\n",
			metric_list[METRIC_busy].name, i, (double)st->lanes[i].cycles_busy / hz,
			metric_list[METRIC_busy].name, i,
			(double)st->lanes[i].log_cycles_busy / hz);
	metric_head(out, METRIC_idle);
	for (unsigned i = 0; i < st->lanes_count; i++)
		fprintf(out,
			"%s{lane=\"%u\",half=\"rx\"} %.6f\n%s{lane=\"%u\",half=\"log\"} %.6f\n",
			metric_list[METRIC_idle].name, i, (double)st->lanes[i].cycles_idle / hz,
			metric_list[METRIC_idle].name, i,
			(double)st->lanes[i].log_cycles_idle / hz);
	metric_head(out, METRIC_last_packet);
	for (unsigned i = 0; i < st->lanes_count; i++)
		fprintf(out, "%s{lane=\"%u\"} %.6f\n", metric_list[METRIC_last_packet].name, i,
			(double)st->lanes[i].last_packet_ns / 1e9);
}

static void print_lanes(FILE *out, const struct status *st)
{
	const char *name = metric_list[METRIC_polls].name;

	metric_head(out, METRIC_polls);
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
	fprintf(out, "%s{stream=\"%s\",partition=\"%u\"} %" PRIu64 "\n", metric_list[m].name,
		st->streams[p->stream].name, p->partition, value);
}

static void print_partitions(FILE *out, const struct status *st)
{
#define PARTITIONS(id, member)                                                                     \
	do {                                                                                       \
		metric_head(out, METRIC_##id);                                                     \
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
	metric_head(out, m);
	for (unsigned i = 0; i < st->cores_count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&st->cores[i] + offset, sizeof(value));
		if (seconds)
			fprintf(out, "%s{core=\"%u\"} %.9f\n", metric_list[m].name, i,
				(double)value / 1e9);
		else
			fprintf(out, "%s{core=\"%u\"} %" PRIu64 "\n", metric_list[m].name, i,
				value);
	}
}

/* Bucket i of the state block counts what took less than 2^i * 64 us; here they add up. */
static void print_commit(FILE *out, const struct status *st)
{
	const char *name = metric_list[METRIC_commit].name;

	metric_head(out, METRIC_commit);
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
		metric_single(out, METRIC_up, 0);
		return;
	}
	print_process(out, status);
	print_cells(out, status);
	print_streams(out, status);
	print_ports(out, status);
	print_lanes(out, status);
	print_partitions(out, status);
	print_cores(out, status);
	if (status->gateway)
		metrics_print_gateway(out, status);
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
		fprintf(out, "| `%s` | %s | %s | %s |\n", metric_list[m].name, metric_list[m].type,
			metric_list[m].labels[0] ? metric_list[m].labels : "–",
			metric_list[m].help);
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
