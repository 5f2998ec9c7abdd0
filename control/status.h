/*
 * What Weir is doing, taken from the state block at one moment: the ledger per lane, port and
 * stream, ports, partitions, lanes and cores. Serves `weir status`, /api/status, /metrics and the
 * end of `weir run`. Works without control, and after the dataplane's death.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "dataplane/api/state.h"
#include "gateway/report.h"
#include "gateway_failure.h"

struct status_packets {
	uint64_t received, received_bytes;
	uint64_t rows[LEDGER_ROWS];
};

struct status_events {
	uint64_t rows[EVENT_ROWS];
};

struct status_cell { /* one port on one lane */
	unsigned lane, port;
	struct status_packets packets;
};

struct status_lane {
	struct status_packets packets;
	struct status_events events;
	uint64_t polls, polls_empty, cycles_busy, cycles_idle, sleeps, slabs_short, last_packet_ns,
		plan_generation, batches, log_cycles_busy, log_cycles_idle, slabs_queued;
	double busy_ratio, log_busy_ratio; /* of the time since the block began; 0 before any */
};

struct status_port {
	char name[PLAN_NAME_MAX], device[PLAN_DEVICE_MAX], driver[64];
	bool up;
	unsigned queues;
	uint64_t ipackets, ibytes, missed, rx_nombuf,
		errors; /* missed: STATE_UNKNOWN is possible */
	struct status_packets packets;
};

struct status_stream {
	char name[PLAN_NAME_MAX];
	bool used;
	unsigned slot;
	uint64_t stored, shed, filtered, undecodable; /* packets */
	struct status_events events;
	uint64_t value_bytes;
};

struct status_partition {
	unsigned stream; /* index into streams */
	unsigned partition;
	uint64_t log_start, log_end, durable_end, visible_end, segments, bytes, active_base;
	unsigned leader_epoch;
	bool storage_failed;
};

struct status_core {
	uint64_t writes, write_bytes, batch_bytes, syncs, sync_ns_total, sync_ns_max,
		write_ns_total, write_ns_max, rolls, segment_waits, tail_writes, realigned,
		write_errors;
	uint64_t commit[16];
};

struct status {
	unsigned run_state; /* enum state_run */
	pid_t pid;
	bool alive; /* the process pid exists */
	bool fresh; /* its heartbeat is younger than STATUS_FRESH_NS */
	bool hugepages, direct;
	uint64_t plan_generation, starts, crashes, heartbeat_age_ns, uptime_ns, started_ns, tsc_hz;
	char storage_path[PLAN_PATH_MAX], error[STATE_TEXT_MAX];
	pid_t control_pid; /* 0: control is not running */
	bool balanced;
	char imbalance[256]; /* where it does not, the first place */
	struct status_packets packets;
	struct status_events events;
	unsigned lanes_count, ports_count, cells_count, streams_count, partitions_count,
		cores_count;
	struct status_lane *lanes;
	struct status_port *ports;
	struct status_cell *cells;
	struct status_stream *streams;
	struct status_partition *partitions;
	struct status_core *cores;
	struct report_view *gateway; /* NULL: none has run here, or its report is not to be read */
	struct gateway_failure gateway_failure; /* reason "": none */
};

#define STATUS_FRESH_NS UINT64_C(2000000000)

/* Reads the block of run_dir. 0; -ENOENT: no dataplane ever ran there; -EPROTO: one of another
 * version; -EACCES; -ENOMEM. The caller gives it back with status_free(). */
int status_read(const char *run_dir, struct status **out);
/* The same of a block that is mapped already. control_pid is left 0, gateway NULL. */
int status_of(const struct state *state, struct status **out);
void status_free(struct status *status);

/* "running", and so on; "dead" for a dataplane that is gone without having said why. */
const char *status_run_name(const struct status *status);
/* Running, and it said so within the last two seconds. */
bool status_ready(const struct status *status);

/* Sum of the rows with this term; all causes. */
uint64_t status_term(const struct status_packets *packets, const char *term);

/* status_gateway.c. The visible end of the offset's partition: the dataplane's, where it has the
 * partition open, else as the gateway saw it; -1: there is none. */
int64_t status_offset_end(const struct status *status, const struct report_view *gateway,
			  const struct report_offset *offset);
/* Records behind a group's commit; -1: not known. */
int64_t status_offset_lag(const struct status *status, const struct report_view *gateway,
			  const struct report_offset *offset);
/* Why no gateway runs, of a control that tries; reason "": it runs, or nobody tries. gateway: its
 * report, or NULL. */
void status_gateway_failure(const char *run_dir, pid_t control_pid,
			    const struct report_view *gateway, struct gateway_failure *out);
/* The gateway's own line and its groups, as status_print() has them; status may be NULL for groups.
 */
void status_gateway_print(FILE *out, const struct status *status);
void status_groups_print(FILE *out, const struct status *status, const struct report_view *gateway);
/* The same for status_json(): all of the gateway, and its groups alone. */
json_t *status_gateway_json(const struct status *status, const struct report_view *gateway);
json_t *status_groups_json(const struct status *status, const struct report_view *gateway);
json_t *status_failure_json(const struct gateway_failure *failure);

/* status_text.c: numbers for people. */
const char *status_grouped(uint64_t value, char text[32]);
const char *status_bytes(uint64_t bytes, char text[32]);
const char *status_duration(uint64_t ns, char text[32]);

/* As people read it. */
void status_print(FILE *out, const struct status *status);
/* As docs/json.md tells. NULL: out of memory. */
json_t *status_json(const struct status *status);
/* The same as text, and a newline; on one line or indented. False: not all of it was written. */
bool status_print_json(FILE *out, const struct status *status, bool one_line);
