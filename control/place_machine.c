#include "place_machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hwloc_obj_t pu_of(const struct machine *m, uint16_t cpu)
{
	return hwloc_get_pu_obj_by_os_index(m->topology, cpu);
}

static uint16_t node_of(hwloc_obj_t object)
{
	int node = object->nodeset ? hwloc_bitmap_first(object->nodeset) : -1;

	return node < 0 ? 0 : (uint16_t)node;
}

/* The node of the first NIC that says one. */
static int find_nic_node(struct machine *m, const struct place_request *request)
{
	for (unsigned i = 0; i < request->pci_count; i++) {
		hwloc_obj_t nic = hwloc_get_pcidev_by_busidstring(m->topology, request->pci[i]);
		hwloc_obj_t near = nic ? hwloc_get_non_io_ancestor_obj(m->topology, nic) : NULL;

		/* A device below the whole machine of several nodes is near none of them. */
		if (near && near->nodeset && hwloc_bitmap_weight(near->nodeset) == 1)
			return hwloc_bitmap_first(near->nodeset);
	}
	return -1;
}

static void add_core(struct machine *m, hwloc_obj_t object)
{
	struct machine_core *core = &m->cores[m->cores_count];
	hwloc_bitmap_t mine = hwloc_bitmap_dup(object->cpuset);

	hwloc_bitmap_and(mine, mine, m->usable);
	if (!hwloc_bitmap_iszero(mine) && m->cores_count < MACHINE_CORES_MAX) {
		core->cpu = (uint16_t)hwloc_bitmap_first(mine);
		core->numa = node_of(object);
		core->threads = (uint16_t)hwloc_bitmap_weight(mine);
		/* By the whole core: its other processor is no better. */
		core->zero = hwloc_bitmap_isset(object->cpuset, 0);
		core->near = m->nic_node < 0 || core->numa == m->nic_node;
		m->cores_count++;
	}
	hwloc_bitmap_free(mine);
}

static int by_use(const void *a, const void *b)
{
	const struct machine_core *x = a, *y = b;

	if (x->zero != y->zero)
		return x->zero - y->zero;
	if (x->near != y->near)
		return y->near - x->near;
	if (x->numa != y->numa)
		return x->numa - y->numa;
	return x->cpu - y->cpu;
}

static void find_usable(struct machine *m)
{
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();

	m->usable = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(m->topology));
	/* taskset and the like; a topology that is not this machine has no binding. */
	if (hwloc_topology_is_thissystem(m->topology) &&
	    hwloc_get_cpubind(m->topology, bound, HWLOC_CPUBIND_PROCESS) == 0 &&
	    hwloc_bitmap_intersects(bound, m->usable))
		hwloc_bitmap_and(m->usable, m->usable, bound);
	hwloc_bitmap_free(bound);
}

int machine_load(struct machine *m, const struct place_request *request, char *err, size_t err_size)
{
	hwloc_obj_type_t type = HWLOC_OBJ_CORE;
	hwloc_obj_t object = NULL;

	memset(m, 0, sizeof(*m));
	if (hwloc_topology_init(&m->topology) < 0)
		goto fail;
	/* Looking for devices takes time that only a NIC is worth. */
	if (request->pci_count)
		hwloc_topology_set_io_types_filter(m->topology, HWLOC_TYPE_FILTER_KEEP_ALL);
	if (hwloc_topology_load(m->topology) < 0) {
		hwloc_topology_destroy(m->topology);
		m->topology = NULL;
		goto fail;
	}
	find_usable(m);
	m->nodes = (unsigned)hwloc_get_nbobjs_by_type(m->topology, HWLOC_OBJ_NUMANODE);
	m->nic_node = find_nic_node(m, request);
	if (hwloc_get_nbobjs_by_type(m->topology, HWLOC_OBJ_CORE) <= 0)
		type = HWLOC_OBJ_PU; /* some virtual machines know no cores */
	while ((object = hwloc_get_next_obj_by_type(m->topology, type, object)) != NULL)
		add_core(m, object);
	if (m->cores_count == 0) {
		snprintf(err, err_size, "no processor that we may run on");
		machine_free(m);
		return -EINVAL;
	}
	qsort(m->cores, m->cores_count, sizeof(m->cores[0]), by_use);
	for (unsigned i = 0; i < m->cores_count; i++)
		m->near_count += m->cores[i].near && (!m->cores[i].zero || m->cores_count == 1);
	return 0;
fail:
	snprintf(err, err_size, "hwloc cannot read the machine's topology: %s", strerror(errno));
	return -EINVAL;
}

void machine_free(struct machine *m)
{
	if (m->usable)
		hwloc_bitmap_free(m->usable);
	if (m->topology)
		hwloc_topology_destroy(m->topology);
	m->usable = NULL;
	m->topology = NULL;
}

const struct machine_core *machine_core_of(const struct machine *m, uint16_t cpu)
{
	hwloc_obj_t pu = pu_of(m, cpu), core;

	if (!pu || !hwloc_bitmap_isset(m->usable, cpu))
		return NULL;
	core = hwloc_get_ancestor_obj_by_type(m->topology, HWLOC_OBJ_CORE, pu);
	for (unsigned i = 0; i < m->cores_count; i++)
		if (hwloc_bitmap_isset((core ? core : pu)->cpuset, m->cores[i].cpu))
			return &m->cores[i];
	return NULL;
}

uint64_t machine_cache_share(const struct machine *m, uint16_t cpu)
{
	static const hwloc_obj_type_t types[] = {HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE};
	hwloc_obj_t pu = pu_of(m, cpu), cache = NULL;
	int cores;

	for (unsigned i = 0; pu && !cache && i < 2; i++)
		cache = hwloc_get_ancestor_obj_by_type(m->topology, types[i], pu);
	if (!cache)
		return 0;
	cores = hwloc_get_nbobjs_inside_cpuset_by_type(m->topology, cache->cpuset, HWLOC_OBJ_CORE);
	return cache->attr->cache.size / (uint64_t)(cores > 2 ? cores : 2) * 2;
}
