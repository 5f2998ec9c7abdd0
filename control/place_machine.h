/* What hwloc says of this machine, as far as placement asks. Private to place.c. */
#pragma once

#include <hwloc.h>

#include "place.h"

enum { MACHINE_CORES_MAX = 1024 };

/* A physical core that we may use; its first processor stands for it. */
struct machine_core {
	uint16_t cpu;
	uint16_t numa;
	uint16_t threads; /* usable processors in it */
	bool zero;	  /* holds processor 0, where the kernel likes to work */
	bool near;	  /* on the NIC's NUMA node, or there is no NIC */
};

struct machine {
	hwloc_topology_t topology;
	hwloc_bitmap_t usable;		  /* processors that we may run on */
	unsigned cores_count, near_count; /* near_count: without core 0 while there is another */
	unsigned nodes;
	int nic_node; /* -1: unknown or no NIC */
	/* The near ones first, core 0 last. */
	struct machine_core cores[MACHINE_CORES_MAX];
};

int machine_load(struct machine *machine, const struct place_request *request, char *err,
		 size_t err_size);
void machine_free(struct machine *machine);

/* The core that a processor belongs to: one of machine->cores, or NULL where there is none. */
const struct machine_core *machine_core_of(const struct machine *machine, uint16_t cpu);

/* What two cores beside this one have of the last cache that they share; 0: unknown. */
uint64_t machine_cache_share(const struct machine *machine, uint16_t cpu);
