#include "plan_print.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "config_value.h"
#include "memory.h"
#include "plan_build.h"

#define MIB (UINT64_C(1) << 20)

static bool polls(const struct plan *plan, unsigned core, unsigned lane)
{
	return plan->lanes[lane].rx_core == core;
}

static bool writes(const struct plan *plan, unsigned core, unsigned lane)
{
	return plan->lanes[lane].log_core == core;
}

/* What follows from the plan alone and deserves a word. Calls fn for each. */
static void each_warning(const struct plan_print *p, void (*fn)(void *arg, const char *text),
			 void *arg)
{
	char text[1200];

	for (unsigned i = 0; i < p->placement->warnings_count; i++)
		fn(arg, p->placement->warnings[i]);
	for (unsigned i = 0; i < p->plan->lanes_count; i++) {
		if (p->plan->lanes[i].rx_core != p->plan->lanes[i].log_core)
			continue;
		fn(arg, "run to completion: a core that polls also writes its log; a write that "
			"blocks delays polling by up to milliseconds");
		break;
	}
	if (p->plan->hugepages && memory_hugepages_free() < p->plan->memory_mib * MIB) {
		snprintf(text, sizeof(text),
			 "hugepages: on, but only %llu MiB of them are free and mounted now; the "
			 "plan needs %u MiB",
			 (unsigned long long)(memory_hugepages_free() / MIB), p->plan->memory_mib);
		fn(arg, text);
	}
	if (!plan_fits_memory(p->plan, text, sizeof(text)))
		fn(arg, text);
	for (unsigned i = 0; i < p->report->count; i++) {
		const struct config_finding *f = &p->report->findings[i];
		if (!f->warning)
			continue;
		snprintf(text, sizeof(text), "%s: %s", f->key, f->expected);
		fn(arg, text);
	}
}

static void text_cores(const struct plan_print *p, FILE *out)
{
	const struct plan *plan = p->plan;

	fprintf(out, "cores\n");
	for (unsigned i = 0; i < plan->cores_count; i++) {
		char job[160] = "";
		size_t n = 0;

		for (unsigned k = 0; k < plan->lanes_count; k++)
			if (polls(plan, i, k))
				n += (size_t)snprintf(job + n, sizeof(job) - n, "polls lane %u", k);
		for (unsigned k = 0, first = 1; k < plan->lanes_count && n < sizeof(job); k++) {
			if (!writes(plan, i, k))
				continue;
			n += (size_t)snprintf(job + n, sizeof(job) - n, "%s%u",
					      !first ? ", "
					      : n    ? ", writes the log of lane "
						     : "writes the log of lane ",
					      k);
			first = 0;
		}
		fprintf(out, "  cpu %-4u %-44s %s\n", plan->cores[i].cpu, job,
			p->placement->why[i]);
	}
	if (plan->main_cpu == PLAN_CPU_ANY)
		fprintf(out, "  any      %-44s %s\n", "housekeeping, files, helper threads", "");
	else
		fprintf(out, "  cpu %-4u %-44s %s\n", plan->main_cpu,
			"housekeeping, files, helper threads", p->placement->why_main);
}

/* One row of the sum, in tenths of a MiB, which it returns: so that what is read adds up. */
static uint64_t text_part(FILE *out, uint64_t bytes, const char *what)
{
	uint64_t tenths = 10 * bytes / MIB; /* never more than all of it */

	fprintf(out, "  %6llu.%llu MiB %s\n", (unsigned long long)(tenths / 10),
		(unsigned long long)(tenths % 10), what);
	return tenths;
}

static void text_memory(const struct plan_print *p, FILE *out)
{
	const struct plan *plan = p->plan;
	const struct plan_lane *lane = &plan->lanes[0];
	struct plan_memory m = plan_memory(plan);
	char slab[32], slabs[240];
	uint64_t sum;

	config_size_text(lane->slab_bytes, slab, sizeof(slab));
	snprintf(slabs, sizeof(slabs),
		 "slabs: %u of %s for each of %u lane%s, %u of them in turn (what stays in the "
		 "cache), the others for a disk that stalls",
		 lane->slabs, slab, plan->lanes_count, plan->lanes_count == 1 ? "" : "s",
		 lane->hot_slabs);
	fprintf(out, "memory\n");
	sum = text_part(out, m.mbufs, "packet buffers: those of each queue, see ports, and heads");
	sum += text_part(out, m.slabs, slabs);
	sum += text_part(out, m.rest, "rings, sender caches, DPDK's own");
	if (m.rings)
		sum += text_part(out, m.rings, "the kernel's rings of AF_PACKET sockets");
	sum += text_part(out, m.logs, "counters and indexes of partitions, compression");
	sum += text_part(out, m.program, "the program itself");
	fprintf(out,
		"  %6llu.%llu MiB in all, from start to end; the first three, %u MiB, reserved at "
		"once, %s hugepages (%llu MiB of them are free)\n",
		(unsigned long long)(sum / 10), (unsigned long long)(sum % 10), plan->memory_mib,
		plan->hugepages ? "in" : "without",
		(unsigned long long)(memory_hugepages_free() / MIB));
}

static void text_streams(const struct plan_print *p, FILE *out)
{
	fprintf(out, "streams, in the order in which they are tried (at most %u)\n",
		p->plan->streams_max);
	for (unsigned i = 0; i < p->config->streams_count; i++) {
		const struct config_stream *s = &p->config->streams[i];

		fprintf(out, "  %-20s ", s->name);
		if (s->udp.any)
			fprintf(out, "every UDP packet that is left");
		else if (s->filter[0])
			fprintf(out, "filter \"%s\"", s->filter);
		for (unsigned k = 0; k < s->udp.count; k++) {
			fprintf(out, "%s%u", k ? ", " : "udp ", s->udp.list[k].first);
			if (s->udp.list[k].last != s->udp.list[k].first)
				fprintf(out, "-%u", s->udp.list[k].last);
		}
		fprintf(out, "\n");
	}
}

static void text_warning(void *arg, const char *text)
{
	fprintf(arg, "warning: %s\n", text);
}

void plan_print_text(const struct plan_print *p, FILE *out)
{
	const struct placement *place = p->placement;
	const struct plan *plan = p->plan;
	char node[32] = "no node known";

	if (place->nic_node >= 0)
		snprintf(node, sizeof(node), "NUMA node %d", place->nic_node);
	fprintf(out, "machine\n  %u core%s, %u processor%s, %u NUMA node%s; NIC: %s\n",
		place->machine_cores, place->machine_cores == 1 ? "" : "s", place->machine_cpus,
		place->machine_cpus == 1 ? "" : "s", place->machine_nodes,
		place->machine_nodes == 1 ? "" : "s", node);
	fprintf(out, "lanes\n  %u: %s\n", plan->lanes_count, place->why_lanes);
	text_cores(p, out);
	fprintf(out, "ports\n");
	for (unsigned i = 0; i < plan->ports_count; i++) {
		const struct plan_port *port = &plan->ports[i];
		fprintf(out,
			"  %-10s %s: %u queue%s, each %u descriptors, %u buffers of %u bytes\n",
			port->name, port->device, port->queues, port->queues == 1 ? "" : "s",
			port->rx_descriptors, port->mbufs, port->mbuf_room_bytes);
	}
	text_streams(p, out);
	text_memory(p, out);
	fprintf(out, "storage\n  %s\n", plan->storage_path);
	each_warning(p, text_warning, out);
}

static json_t *json_cores(const struct plan_print *p)
{
	json_t *cores = json_array();

	for (unsigned i = 0; i < p->plan->cores_count; i++) {
		json_t *polled = json_array(), *written = json_array();
		for (unsigned k = 0; k < p->plan->lanes_count; k++) {
			if (polls(p->plan, i, k))
				json_array_append_new(polled, json_integer(k));
			if (writes(p->plan, i, k))
				json_array_append_new(written, json_integer(k));
		}
		json_array_append_new(
			cores, json_pack("{s:i, s:i, s:o, s:o, s:s}", "cpu", p->plan->cores[i].cpu,
					 "numa", p->plan->cores[i].numa, "polls_lanes", polled,
					 "writes_lanes", written, "why", p->placement->why[i]));
	}
	return cores;
}

static json_t *json_lanes(const struct plan *plan)
{
	json_t *lanes = json_array();

	for (unsigned i = 0; i < plan->lanes_count; i++) {
		const struct plan_lane *lane = &plan->lanes[i];
		json_array_append_new(
			lanes,
			json_pack("{s:i, s:i, s:i, s:b, s:I, s:I, s:I}", "lane", i, "rx_cpu",
				  plan->cores[lane->rx_core].cpu, "log_cpu",
				  plan->cores[lane->log_core].cpu, "run_to_completion",
				  lane->rx_core == lane->log_core, "slabs", (json_int_t)lane->slabs,
				  "slab_bytes", (json_int_t)lane->slab_bytes, "hot_slabs",
				  (json_int_t)lane->hot_slabs));
	}
	return lanes;
}

static json_t *json_ports(const struct plan *plan)
{
	json_t *ports = json_array();

	for (unsigned i = 0; i < plan->ports_count; i++) {
		const struct plan_port *port = &plan->ports[i];
		json_array_append_new(ports, json_pack("{s:s, s:s, s:i, s:i, s:I, s:I}", "name",
						       port->name, "device", port->device, "queues",
						       port->queues, "rx_descriptors",
						       port->rx_descriptors, "mbufs",
						       (json_int_t)port->mbufs, "mbuf_room_bytes",
						       (json_int_t)port->mbuf_room_bytes));
	}
	return ports;
}

static json_t *json_streams(const struct plan_print *p)
{
	json_t *streams = json_array();

	for (unsigned i = 0; i < p->config->streams_count; i++) {
		const char *name = p->config->streams[i].name;
		int slot = plan_stream_slot(p->plan, name);
		json_array_append_new(
			streams,
			json_pack("{s:s, s:i, s:b, s:I}", "stream", name, "slot", slot, "catch_all",
				  (int)p->config->streams[i].udp.any, "filter_instructions",
				  (json_int_t)p->plan->streams[slot].filter_insns));
	}
	return streams;
}

static void json_warning(void *arg, const char *text)
{
	json_array_append_new(arg, json_string(text));
}

int plan_print_json(const struct plan_print *p, FILE *out)
{
	const struct placement *place = p->placement;
	const struct plan *plan = p->plan;
	struct plan_memory m = plan_memory(plan);
	json_t *warnings = json_array(), *all;

	each_warning(p, json_warning, warnings);
	all = json_pack(
		"{s:s, s:{s:i, s:i, s:i, s:o}, s:i, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:i,"
		" s:{s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}, s:{s:s, s:b, s:i}, s:o}",
		"file", p->file, "machine", "cores", place->machine_cores, "processors",
		place->machine_cpus, "numa_nodes", place->machine_nodes, "nic_node",
		place->nic_node >= 0 ? json_integer(place->nic_node) : json_null(), "lanes_count",
		plan->lanes_count, "lanes_why", place->why_lanes, "main_cpu", plan->main_cpu,
		"main_why", place->why_main, "cores", json_cores(p), "lanes", json_lanes(plan),
		"ports", json_ports(plan), "streams", json_streams(p), "max_streams",
		plan->streams_max, "memory", "total_bytes", (json_int_t)m.total, "reserved_mib",
		plan->memory_mib, "packet_buffers_bytes", (json_int_t)m.mbufs, "slabs_bytes",
		(json_int_t)m.slabs, "rest_bytes", (json_int_t)m.rest, "kernel_rings_bytes",
		(json_int_t)m.rings, "logs_bytes", (json_int_t)m.logs, "program_bytes",
		(json_int_t)m.program, "hugepages", plan->hugepages, "hugepages_free_bytes",
		(json_int_t)memory_hugepages_free(), "storage", "path", plan->storage_path, "sink",
		plan->sink, "write_depth", plan->write_depth, "warnings", warnings);
	if (!all)
		return -ENOMEM;
	json_dumpf(all, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(all);
	return 0;
}
