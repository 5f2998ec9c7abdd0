/*
 * Which processor does what: lanes and log cores placed on the machine with hwloc.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/api/plan.h"

enum { PLACE_WHY = 160, PLACE_WARNINGS_MAX = 8 };

struct place_request {
	unsigned lanes;	       /* 0: up to us */
	unsigned queues_hint;  /* queues that a device is known to have; 0: of none known */
	bool nic_auto;	       /* a NIC may get as many queues as there are lanes */
	const uint16_t *cores; /* processors that must poll, or NULL */
	unsigned cores_count;
	const uint16_t *log_cores; /* processors that must write, or NULL */
	unsigned log_cores_count;
	bool spin;		/* polling cores never sleep */
	const char *const *pci; /* addresses of the NICs */
	unsigned pci_count;
};

struct placement {
	unsigned lanes_count, cores_count;
	struct plan_core cores[PLAN_CORES_MAX];
	uint16_t rx_core[PLAN_LANES_MAX], log_core[PLAN_LANES_MAX]; /* indices into cores */
	uint16_t main_cpu;
	uint64_t cache_share_bytes; /* of the last-level cache, for one lane's cores; 0: unknown */
	unsigned machine_cores, machine_cpus, machine_nodes;
	int nic_node; /* -1: no NIC, or it says no node */
	char why_lanes[PLACE_WHY], why_main[PLACE_WHY];
	char why[PLAN_CORES_MAX][PLACE_WHY]; /* of cores[] */
	unsigned warnings_count;
	char warnings[PLACE_WARNINGS_MAX][PLACE_WHY];
};

/* 0, or -EINVAL with the key that cannot be met in key and the reason in err. */
int place(const struct place_request *request, struct placement *out, const char **key, char *err,
	  size_t err_size);
