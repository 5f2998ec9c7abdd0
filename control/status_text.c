#include <inttypes.h>
#include <string.h>

#include "status.h"

enum { SHOWN_LANES = 6 }; /* more lanes than this get no column of their own */

const char *status_grouped(uint64_t value, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	int at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

const char *status_bytes(uint64_t bytes, char text[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	int unit = 0;

	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

const char *status_duration(uint64_t ns, char text[32])
{
	uint64_t s = ns / 1000000000u;

	if (s < 100)
		snprintf(text, 32, "%.1f s", (double)ns / 1e9);
	else if (s < 7200)
		snprintf(text, 32, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 48 * 3600)
		snprintf(text, 32, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(text, 32, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
	return text;
}

static void print_process(FILE *out, const struct status *st)
{
	char text[32];

	fprintf(out,
		"dataplane  %s, pid %d, plan %" PRIu64 ", up %s, %" PRIu64 " start%s, %" PRIu64
		" crash%s\n",
		status_run_name(st), (int)st->pid, st->plan_generation,
		status_duration(st->uptime_ns, text), st->starts, st->starts == 1 ? "" : "s",
		st->crashes, st->crashes == 1 ? "" : "es");
	if (st->error[0])
		fprintf(out, "           %s\n", st->error);
	if (st->alive && st->run_state == STATE_RUNNING && !st->fresh)
		fprintf(out, "           no sign of life for %s\n",
			status_duration(st->heartbeat_age_ns, text));
	if (st->control_pid)
		fprintf(out, "control    running, pid %d\n", (int)st->control_pid);
	else
		fprintf(out, "control    not running%s\n",
			st->alive && st->run_state == STATE_RUNNING ? " (packets keep flowing)"
								    : "");
	status_gateway_print(out, st);
	fprintf(out, "storage    %s, %s writes, %s\n", st->storage_path,
		st->direct ? "direct" : "buffered", st->hugepages ? "hugepages" : "no hugepages");
}

/* One line of the ledger: total, then a column for each lane if there are a few. */
static void print_row(FILE *out, const char *name, uint64_t total, const uint64_t *lanes,
		      unsigned lanes_count)
{
	char text[32];

	fprintf(out, "  %-24s %16s", name, status_grouped(total, text));
	for (unsigned i = 0; i < lanes_count; i++)
		fprintf(out, " %15s", status_grouped(lanes[i], text));
	fputc('\n', out);
}

static unsigned lane_columns(const struct status *st)
{
	return st->lanes_count > 1 && st->lanes_count <= SHOWN_LANES ? st->lanes_count : 0;
}

static void print_packets(FILE *out, const struct status *st)
{
	unsigned columns = lane_columns(st);
	uint64_t lanes[SHOWN_LANES];

	for (unsigned i = 0; i < columns; i++)
		lanes[i] = st->lanes[i].packets.received;
	print_row(out, "received", st->packets.received, lanes, columns);
	for (int row = 0; row < LEDGER_ROWS; row++) {
		const struct ledger_info *info = &ledger_info[row];
		char name[64];

		if (!st->packets.rows[row] && row != LEDGER_stored_none)
			continue;
		for (unsigned i = 0; i < columns; i++)
			lanes[i] = st->lanes[i].packets.rows[row];
		if (strcmp(info->cause, "none") == 0)
			snprintf(name, sizeof(name), "  %s", info->term);
		else
			snprintf(name, sizeof(name), "  %s (%s)", info->term, info->cause);
		print_row(out, name, st->packets.rows[row], lanes, columns);
	}
}

static void print_events(FILE *out, const struct status *st)
{
	unsigned columns = lane_columns(st);
	uint64_t lanes[SHOWN_LANES];

	for (int row = 0; row < EVENT_ROWS; row++) {
		char name[64];

		if (!st->events.rows[row] && row != EVENT_decoded && row != EVENT_stored)
			continue;
		for (unsigned i = 0; i < columns; i++)
			lanes[i] = st->lanes[i].events.rows[row];
		snprintf(name, sizeof(name), "%s%s", row == EVENT_decoded ? "" : "  ",
			 event_info[row].name);
		print_row(out, name, st->events.rows[row], lanes, columns);
	}
}

static void print_ledger(FILE *out, const struct status *st)
{
	fprintf(out, "\n%-26s %16s", "packets", "total");
	for (unsigned i = 0; i < lane_columns(st); i++)
		fprintf(out, " %13s %u", "lane", i);
	fputc('\n', out);
	print_packets(out, st);
	fputs("events\n", out);
	print_events(out, st);
}

static void print_ports(FILE *out, const struct status *st)
{
	char a[32], b[32], c[32];

	fprintf(out, "\n%-20s %-16s %-5s %6s %15s %12s %12s\n", "port", "driver", "link", "queues",
		"packets", "missed", "no mbuf");
	for (unsigned i = 0; i < st->ports_count; i++) {
		const struct status_port *p = &st->ports[i];
		if (!p->name[0]) /* a start that failed before it */
			continue;
		fprintf(out, "%-20s %-16s %-5s %6u %15s %12s %12s\n", p->name, p->driver,
			p->up ? "up" : "down", p->queues, status_grouped(p->ipackets, a),
			p->missed == STATE_UNKNOWN ? "unknown" : status_grouped(p->missed, b),
			status_grouped(p->rx_nombuf, c));
	}
}

static void print_partitions(FILE *out, const struct status *st)
{
	char a[32], b[32], c[32], d[32];

	fprintf(out, "\n%-24s %15s %15s %15s %9s %12s\n", "partition", "log start", "log end",
		"durable end", "segments", "size");
	for (unsigned i = 0; i < st->partitions_count; i++) {
		const struct status_partition *p = &st->partitions[i];
		char name[PLAN_NAME_MAX + 12];

		snprintf(name, sizeof(name), "%s-%u", st->streams[p->stream].name, p->partition);
		fprintf(out, "%-24s %15s %15s %15s %9" PRIu64 " %12s%s\n", name,
			status_grouped(p->log_start, a), status_grouped(p->log_end, b),
			status_grouped(p->durable_end, c), p->segments, status_bytes(p->bytes, d),
			p->storage_failed	       ? "  cannot take events"
			: !st->streams[p->stream].used ? "  stream removed"
						       : "");
	}
}

/* After an end that was not clean: `stored` counts when an event is in its batch. */
static void print_not_durable(FILE *out, const struct status *st)
{
	uint64_t events = 0;
	char text[32];

	if (st->alive || st->run_state == STATE_STOPPED)
		return;
	for (unsigned i = 0; i < st->partitions_count; i++)
		events += st->partitions[i].log_end - st->partitions[i].durable_end;
	if (events)
		fprintf(out,
			"%s of the stored events are not durable: the next start finds out which "
			"of them "
			"are lost\n",
			status_grouped(events, text));
}

void status_print(FILE *out, const struct status *st)
{
	print_process(out, st);
	print_ledger(out, st);
	if (st->balanced)
		fputs("balanced\n", out);
	else
		fprintf(out, "NOT BALANCED: %s\n", st->imbalance);
	print_not_durable(out, st);
	print_ports(out, st);
	print_partitions(out, st);
	if (st->gateway && st->gateway->header.groups) {
		fputc('\n', out);
		status_groups_print(out, st, st->gateway);
	}
}
