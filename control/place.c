/*
 * Lanes on cores. A lane wants two cores: one polls, one writes the log. The order in which cores
 * are given away is machine->cores: near the NIC first, core 0 last.
 *
 *     enough for two a lane     each lane two neighbours
 *     fewer                     lanes share the log cores that are left
 *     none left but core 0      that is the log core of all
 *     not even that             run to completion: a lane does both on one core
 */
#include "place.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place_machine.h"

enum { LANES_AUTO_MAX = 8 };

struct placing {
	const struct place_request *request;
	struct placement *out;
	struct machine *machine;
	bool taken[MACHINE_CORES_MAX];			  /* machine->cores */
	uint16_t rx[PLAN_LANES_MAX], log[PLAN_LANES_MAX]; /* processors */
	unsigned log_count;				  /* 0: run to completion */
	const char **key;
	char *err;
	size_t err_size;
};

__attribute__((format(printf, 2, 3))) static void warn(struct placing *p, const char *format, ...)
{
	va_list ap;

	if (p->out->warnings_count == PLACE_WARNINGS_MAX)
		return;
	va_start(ap, format);
	vsnprintf(p->out->warnings[p->out->warnings_count++], PLACE_WHY, format, ap);
	va_end(ap);
}

static void choose_lanes(struct placing *p)
{
	const struct place_request *r = p->request;
	struct placement *out = p->out;
	unsigned nic = 0;

	if (r->cores_count) {
		out->lanes_count = r->cores_count;
		snprintf(out->why_lanes, PLACE_WHY, "one for each of lanes.cores");
		return;
	}
	if (r->lanes) {
		out->lanes_count = r->lanes;
		snprintf(out->why_lanes, PLACE_WHY, "lanes.count says so");
		return;
	}
	if (r->nic_auto) {
		nic = p->machine->near_count / 2;
		nic = nic < 1 ? 1 : nic > LANES_AUTO_MAX ? LANES_AUTO_MAX : nic;
	}
	out->lanes_count = nic > r->queues_hint ? nic : r->queues_hint;
	if (out->lanes_count == 0)
		out->lanes_count = 1;
	if (out->lanes_count > PLAN_LANES_MAX)
		out->lanes_count = PLAN_LANES_MAX;
	if (nic >= out->lanes_count)
		snprintf(out->why_lanes, PLACE_WHY, "half of the %u cores %s, at most %d",
			 p->machine->near_count,
			 p->machine->nic_node < 0 ? "there are" : "near the NIC", LANES_AUTO_MAX);
	else if (r->queues_hint)
		snprintf(out->why_lanes, PLACE_WHY, "the device has %u queue%s", r->queues_hint,
			 r->queues_hint == 1 ? "" : "s");
	else
		snprintf(out->why_lanes, PLACE_WHY, "one is enough for a virtual device");
}

static int refuse_cpu(struct placing *p, const char *key, uint16_t cpu, const char *why)
{
	*p->key = key;
	snprintf(p->err, p->err_size, "processor %u: %s", cpu, why);
	return -EINVAL;
}

/* Marks the cores that the config names as given away. */
static int take_named(struct placing *p, const char *key, const uint16_t *cpus, unsigned count)
{
	char why[64], usable[160];

	for (unsigned i = 0; i < count; i++) {
		const struct machine_core *core = machine_core_of(p->machine, cpus[i]);
		if (!core) {
			char *list = NULL;
			hwloc_bitmap_list_asprintf(&list, p->machine->usable);
			snprintf(usable, sizeof(usable), "we may run on processors %.100s",
				 list ? list : "?");
			free(list);
			return refuse_cpu(p, key, cpus[i], usable);
		}
		for (unsigned k = 0; k < i; k++)
			if (cpus[k] == cpus[i]) {
				snprintf(why, sizeof(why), "named twice");
				return refuse_cpu(p, key, cpus[i], why);
			}
		if (core->threads > 1 && p->taken[core - p->machine->cores] && core->cpu != cpus[i])
			warn(p, "%s: processor %u shares a physical core with another one in use",
			     key, cpus[i]);
		if (!core->near)
			warn(p, "%s: processor %u is on node %u, the NIC on node %d", key, cpus[i],
			     core->numa, p->machine->nic_node);
		p->taken[core - p->machine->cores] = true;
	}
	return 0;
}

/* The next core in order that is free; core 0 only when asked for. NULL: none. */
static const struct machine_core *take_next(struct placing *p, bool zero_too)
{
	for (unsigned i = 0; i < p->machine->cores_count; i++) {
		const struct machine_core *core = &p->machine->cores[i];
		if (p->taken[i] || (core->zero && p->machine->cores_count > 1 && !zero_too))
			continue;
		p->taken[i] = true;
		return core;
	}
	return NULL;
}

static bool may_take(const struct placing *p, unsigned i)
{
	return !p->taken[i] && (!p->machine->cores[i].zero || p->machine->cores_count == 1);
}

static unsigned free_cores(const struct placing *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->machine->cores_count; i++)
		n += may_take(p, i);
	return n;
}

/* Two neighbours on one node, as early in the order as they come; false: no node has two left. */
static bool take_pair(struct placing *p, uint16_t *first, uint16_t *second)
{
	const struct machine_core *cores = p->machine->cores;

	for (unsigned i = 0; i < p->machine->cores_count; i++)
		for (unsigned k = i + 1; may_take(p, i) && k < p->machine->cores_count; k++) {
			if (!may_take(p, k) || cores[k].numa != cores[i].numa)
				continue;
			p->taken[i] = p->taken[k] = true;
			*first = cores[i].cpu;
			*second = cores[k].cpu;
			return true;
		}
	return false;
}

/* Both left to us, and enough cores: neighbours, since they share the most. */
static void place_pairs(struct placing *p)
{
	for (unsigned i = 0; i < p->out->lanes_count; i++) {
		if (take_pair(p, &p->rx[i], &p->log[i]))
			continue;
		p->rx[i] = take_next(p, false)->cpu;
		p->log[i] = take_next(p, false)->cpu;
	}
	p->log_count = p->out->lanes_count;
}

static void place_rx(struct placing *p)
{
	unsigned lanes = p->out->lanes_count, n = 0;

	while (n < lanes) {
		const struct machine_core *core = take_next(p, false);
		if (!core)
			core = take_next(p, true);
		if (!core)
			break;
		p->rx[n++] = core->cpu;
	}
	if (n == 0) /* all are named as log cores */
		p->rx[n++] = p->machine->cores[0].cpu;
	if (n == lanes)
		return;
	warn(p, "%u lanes on %u core%s: they take turns, which costs latency and rate", lanes, n,
	     n == 1 ? "" : "s");
	if (p->request->spin)
		warn(p, "lanes.idle: spin makes lanes that share a core wait for each other");
	for (unsigned i = n; i < lanes; i++)
		p->rx[i] = p->rx[i % n];
}

static void place_log(struct placing *p)
{
	unsigned lanes = p->out->lanes_count, left = free_cores(p);
	const struct machine_core *core;

	p->log_count = left < lanes ? left : lanes;
	for (unsigned i = 0; i < p->log_count; i++)
		p->log[i] = take_next(p, false)->cpu;
	if (p->log_count == 0 && (core = take_next(p, true)) != NULL) {
		p->log[0] = core->cpu;
		p->log_count = 1;
	}
}

static int place_all(struct placing *p)
{
	const struct place_request *r = p->request;
	unsigned lanes = p->out->lanes_count;
	int rc = 0;

	if (r->cores_count)
		rc = take_named(p, "lanes.cores", r->cores, r->cores_count);
	if (rc == 0 && r->log_cores_count)
		rc = take_named(p, "lanes.log_cores", r->log_cores, r->log_cores_count);
	if (rc != 0)
		return rc;
	if (r->log_cores_count > lanes) {
		*p->key = "lanes.log_cores";
		snprintf(p->err, p->err_size, "%u processors for %u lane%s: at most one each",
			 r->log_cores_count, lanes, lanes == 1 ? "" : "s");
		return -EINVAL;
	}
	if (!r->cores_count && !r->log_cores_count && free_cores(p) >= 2 * lanes) {
		place_pairs(p);
		return 0;
	}
	if (r->cores_count)
		memcpy(p->rx, r->cores, lanes * sizeof(*p->rx));
	else
		place_rx(p);
	if (r->log_cores_count) {
		memcpy(p->log, r->log_cores, r->log_cores_count * sizeof(*p->log));
		p->log_count = r->log_cores_count;
	} else {
		place_log(p);
	}
	return 0;
}

static uint16_t add_core(struct placing *p, uint16_t cpu)
{
	struct placement *out = p->out;
	const struct machine_core *core = machine_core_of(p->machine, cpu);

	out->cores[out->cores_count].cpu = cpu;
	out->cores[out->cores_count].numa = core ? core->numa : 0;
	return (uint16_t)out->cores_count++;
}

/* The lane whose log goes to log core i is k: the lanes in order, evenly. */
static unsigned log_of_lane(const struct placing *p, unsigned lane)
{
	return lane * p->log_count / p->out->lanes_count;
}

static int fill_cores(struct placing *p)
{
	struct placement *out = p->out;
	uint16_t log_core[PLAN_LANES_MAX];
	bool named = p->request->log_cores_count != 0;
	bool same[PLAN_LANES_MAX] = {false};

	for (unsigned i = 0; i < out->lanes_count; i++)
		out->rx_core[i] = add_core(p, p->rx[i]);
	for (unsigned k = 0; k < p->log_count; k++) {
		unsigned writes = 0, lane = 0, polls = out->lanes_count;
		for (unsigned i = 0; i < out->lanes_count; i++) {
			if (log_of_lane(p, i) == k && writes++ == 0)
				lane = i;
			if (p->rx[i] == p->log[k])
				polls = i;
		}
		same[k] = polls == lane && writes == 1;
		if (polls < out->lanes_count && !same[k] && named) {
			*p->key = "lanes.log_cores";
			snprintf(p->err, p->err_size,
				 "processor %u: it polls for lane %u; one that polls can write "
				 "for its own lane only",
				 p->log[k], polls);
			return -EINVAL;
		}
		log_core[k] = same[k] ? out->rx_core[lane] : add_core(p, p->log[k]);
	}
	for (unsigned i = 0; i < out->lanes_count; i++)
		out->log_core[i] = p->log_count ? log_core[log_of_lane(p, i)] : out->rx_core[i];
	return 0;
}

static void explain_core(struct placing *p, unsigned index)
{
	struct placement *out = p->out;
	const struct machine_core *core = machine_core_of(p->machine, out->cores[index].cpu);
	const struct place_request *r = p->request;
	bool polls = false, named;
	char near[48] = "";

	for (unsigned i = 0; i < out->lanes_count; i++)
		polls |= out->rx_core[i] == index;
	named = polls ? r->cores_count != 0 : r->log_cores_count != 0;
	if (p->machine->nic_node >= 0)
		snprintf(near, sizeof(near), "%s the NIC (node %u), ",
			 core->near ? "near" : "away from", core->numa);
	snprintf(out->why[index], PLACE_WHY, "%s%s%s%s", named ? "named by the config, " : "", near,
		 core->threads > 1 ? "a whole core, its other thread left idle, " : "",
		 core->zero && p->machine->cores_count > 1
			 ? "core 0, since no other is left"
			 : (core->zero ? "the only core" : "not core 0"));
}

static void choose_main(struct placing *p)
{
	struct placement *out = p->out;
	const struct machine_core *zero = &p->machine->cores[p->machine->cores_count - 1];
	const char *with = "";

	out->main_cpu = zero->cpu;
	for (unsigned i = 0; i < out->cores_count; i++)
		if (out->cores[i].cpu == zero->cpu)
			with = ", beside the lane's work";
	snprintf(out->why_main, PLACE_WHY, "%s%s",
		 zero->zero ? "core 0, where the kernel works too" : "the last core in order",
		 with);
}

int place(const struct place_request *request, struct placement *out, const char **key, char *err,
	  size_t err_size)
{
	struct placing *p = calloc(1, sizeof(*p));
	struct machine *machine = calloc(1, sizeof(*machine));
	int rc = -ENOMEM;

	*key = "lanes";
	memset(out, 0, sizeof(*out));
	if (!p || !machine) {
		snprintf(err, err_size, "no memory");
		goto out;
	}
	*p = (struct placing){.request = request,
			      .out = out,
			      .machine = machine,
			      .key = key,
			      .err = err,
			      .err_size = err_size};
	rc = machine_load(machine, request, err, err_size);
	if (rc != 0)
		goto out;
	out->nic_node = machine->nic_node;
	out->machine_cores = machine->cores_count;
	out->machine_cpus = (unsigned)hwloc_bitmap_weight(machine->usable);
	out->machine_nodes = machine->nodes;
	choose_lanes(p);
	rc = place_all(p);
	if (rc == 0)
		rc = fill_cores(p);
	if (rc == 0) {
		for (unsigned i = 0; i < out->cores_count; i++)
			explain_core(p, i);
		choose_main(p);
		out->cache_share_bytes = machine_cache_share(machine, out->cores[0].cpu);
	}
	machine_free(machine);
out:
	free(machine);
	free(p);
	return rc;
}
