#include <string.h>

#include "json_set.h"
#include "status.h"

/* One member for each term (its causes summed), and the causes apart. */
static json_t *packets_json(const struct status_packets *p)
{
	json_t *o = json_object(), *causes = json_object();

	json_set(o, "received", p->received);
	json_set(o, "received_bytes", p->received_bytes);
	for (int row = 0; row < LEDGER_ROWS; row++) {
		const struct ledger_info *info = &ledger_info[row];
		char name[64];

		if (!json_object_get(o, info->term))
			json_set(o, info->term, status_term(p, info->term));
		if (strcmp(info->cause, "none") == 0)
			continue;
		snprintf(name, sizeof(name), "%s.%s", info->term, info->cause);
		json_set(causes, name, p->rows[row]);
	}
	json_object_set_new(o, "causes", causes);
	return o;
}

static json_t *events_json(const struct status_events *e)
{
	json_t *o = json_object();

	for (int row = 0; row < EVENT_ROWS; row++)
		json_set(o, event_info[row].name, e->rows[row]);
	return o;
}

static json_t *ledger_json(const struct status *st)
{
	json_t *o = json_object(), *lanes = json_array(), *ports = json_array();
	json_t *streams = json_array();

	for (unsigned i = 0; i < st->lanes_count; i++) {
		json_t *lane = json_object();
		json_set(lane, "lane", i);
		json_object_set_new(lane, "packets", packets_json(&st->lanes[i].packets));
		json_object_set_new(lane, "events", events_json(&st->lanes[i].events));
		json_array_append_new(lanes, lane);
	}
	for (unsigned i = 0; i < st->ports_count; i++) {
		json_t *port = json_object();
		json_set_text(port, "port", st->ports[i].name);
		json_object_set_new(port, "packets", packets_json(&st->ports[i].packets));
		json_array_append_new(ports, port);
	}
	for (unsigned i = 0; i < st->streams_count; i++) {
		const struct status_stream *from = &st->streams[i];
		json_t *stream = json_object(), *packets = json_object();
		json_set_text(stream, "stream", from->name);
		json_set(packets, "stored", from->stored);
		json_set(packets, "shed", from->shed);
		json_set(packets, "filtered", from->filtered);
		json_set(packets, "undecodable", from->undecodable);
		json_object_set_new(stream, "packets", packets);
		json_object_set_new(stream, "events", events_json(&from->events));
		json_set(stream, "value_bytes", from->value_bytes);
		json_set_flag(stream, "used", from->used);
		json_array_append_new(streams, stream);
	}
	json_object_set_new(o, "packets", packets_json(&st->packets));
	json_object_set_new(o, "events", events_json(&st->events));
	json_object_set_new(o, "lanes", lanes);
	json_object_set_new(o, "ports", ports);
	json_object_set_new(o, "streams", streams);
	return o;
}

static json_t *ports_json(const struct status *st)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < st->ports_count; i++) {
		const struct status_port *p = &st->ports[i];
		json_t *o = json_object();
		json_set_text(o, "name", p->name);
		json_set_text(o, "device", p->device);
		json_set_text(o, "driver", p->driver);
		json_set_text(o, "link", p->up ? "up" : "down");
		json_set(o, "queues", p->queues);
		json_set(o, "ipackets", p->ipackets);
		json_set(o, "ibytes", p->ibytes);
		if (p->missed == STATE_UNKNOWN)
			json_object_set_new(o, "missed", json_null());
		else
			json_set(o, "missed", p->missed);
		json_set(o, "rx_nombuf", p->rx_nombuf);
		json_set(o, "errors", p->errors);
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *partitions_json(const struct status *st)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < st->partitions_count; i++) {
		const struct status_partition *p = &st->partitions[i];
		json_t *o = json_object();
		json_set_text(o, "stream", st->streams[p->stream].name);
		json_set(o, "partition", p->partition);
		json_set(o, "log_start", p->log_start);
		json_set(o, "log_end", p->log_end);
		json_set(o, "durable_end", p->durable_end);
		json_set(o, "visible_end", p->visible_end);
		json_set(o, "segments", p->segments);
		json_set(o, "bytes", p->bytes);
		json_set(o, "leader_epoch", p->leader_epoch);
		json_set_flag(o, "storage_failed", p->storage_failed);
		json_array_append_new(all, o);
	}
	return all;
}

static void set_cycles(json_t *object, const char *key, uint64_t cycles, uint64_t hz)
{
	json_object_set_new(object, key, json_real((double)cycles / (hz ? (double)hz : 1e9)));
}

static json_t *lanes_json(const struct status *st)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < st->lanes_count; i++) {
		const struct status_lane *l = &st->lanes[i];
		json_t *o = json_object();
		json_set(o, "lane", i);
		json_set(o, "plan_generation", l->plan_generation);
		json_set(o, "polls", l->polls);
		json_set(o, "polls_empty", l->polls_empty);
		json_set(o, "sleeps", l->sleeps);
		json_set(o, "slabs_short", l->slabs_short);
		json_set(o, "slabs_queued", l->slabs_queued);
		json_set(o, "batches", l->batches);
		json_object_set_new(o, "busy_ratio", json_real(l->busy_ratio));
		json_object_set_new(o, "log_busy_ratio", json_real(l->log_busy_ratio));
		set_cycles(o, "busy_s", l->cycles_busy, st->tsc_hz);
		set_cycles(o, "idle_s", l->cycles_idle, st->tsc_hz);
		set_cycles(o, "log_busy_s", l->log_cycles_busy, st->tsc_hz);
		set_cycles(o, "log_idle_s", l->log_cycles_idle, st->tsc_hz);
		json_set(o, "last_packet_ns", l->last_packet_ns);
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *cores_json(const struct status *st)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < st->cores_count; i++) {
		const struct status_core *c = &st->cores[i];
		json_t *o = json_object(), *commit = json_array();
		json_set(o, "core", i);
		json_set(o, "writes", c->writes);
		json_set(o, "write_bytes", c->write_bytes);
		json_set(o, "batch_bytes", c->batch_bytes);
		json_set(o, "syncs", c->syncs);
		json_set(o, "sync_ns_total", c->sync_ns_total);
		json_set(o, "sync_ns_max", c->sync_ns_max);
		json_set(o, "write_ns_total", c->write_ns_total);
		json_set(o, "write_ns_max", c->write_ns_max);
		json_set(o, "rolls", c->rolls);
		json_set(o, "segment_waits", c->segment_waits);
		json_set(o, "tail_writes", c->tail_writes);
		json_set(o, "realigned", c->realigned);
		json_set(o, "write_errors", c->write_errors);
		for (int b = 0; b < 16; b++)
			json_array_append_new(commit, json_integer((json_int_t)c->commit[b]));
		json_object_set_new(o, "commit_histogram", commit);
		json_array_append_new(all, o);
	}
	return all;
}

json_t *status_json(const struct status *st)
{
	json_t *o = json_object(), *control = json_object();

	json_set_text(o, "run_state", status_run_name(st));
	json_set(o, "pid", (uint64_t)st->pid);
	json_set_flag(o, "alive", st->alive);
	json_set(o, "plan_generation", st->plan_generation);
	json_set_seconds(o, "uptime_s", st->uptime_ns);
	json_set_seconds(o, "heartbeat_age_s", st->heartbeat_age_ns);
	json_set(o, "starts", st->starts);
	json_set(o, "crashes", st->crashes);
	json_set_flag(control, "alive", st->control_pid != 0);
	json_set(control, "pid", (uint64_t)st->control_pid);
	json_object_set_new(o, "control", control);
	if (st->error[0])
		json_set_text(o, "error", st->error);
	json_set_text(o, "storage_path", st->storage_path);
	json_set_flag(o, "hugepages", st->hugepages);
	json_set_flag(o, "direct", st->direct);
	json_set_flag(o, "balanced", st->balanced);
	if (!st->balanced)
		json_set_text(o, "imbalance", st->imbalance);
	json_object_set_new(o, "gateway",
			    st->gateway ? status_gateway_json(st, st->gateway) : json_null());
	json_object_set_new(o, "gateway_failure", status_failure_json(&st->gateway_failure));
	json_object_set_new(o, "ledger", ledger_json(st));
	json_object_set_new(o, "ports", ports_json(st));
	json_object_set_new(o, "partitions", partitions_json(st));
	json_object_set_new(o, "lanes", lanes_json(st));
	json_object_set_new(o, "cores", cores_json(st));
	return o;
}

bool status_print_json(FILE *out, const struct status *status, bool one_line)
{
	json_t *json = status_json(status);
	/* Seconds of years, to the microsecond, and no 2.8300000000000001. */
	int rc = json ? json_dumpf(json, out,
				   (one_line ? JSON_COMPACT : JSON_INDENT(2)) |
					   JSON_REAL_PRECISION(10))
		      : -1;

	json_decref(json);
	return rc == 0 && fputc('\n', out) != EOF;
}
