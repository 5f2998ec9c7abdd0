#include "eal.h"

#include <string.h>

#include <rte_eal.h>
#include <rte_memory.h>

#include "api/state.h"
#include "eal_args.h"
#include "touch.h"

static void add_lcores(const struct plan *plan)
{
	uint16_t cpus[1 + PLAN_CORES_MAX];

	cpus[0] = plan->main_cpu;
	for (unsigned i = 0; i < plan->cores_count; i++)
		cpus[i + 1] = plan->cores[i].cpu;
	eal_args_lcores(cpus, 1 + plan->cores_count);
}

static void add_devices(const struct plan *plan)
{
	int pci = 0;

	for (unsigned i = 0; i < plan->ports_count; i++)
		if (plan->ports[i].is_pci) {
			eal_args_add("-a");
			eal_args_add("%s", plan->ports[i].device);
			pci++;
		}
	/* Virtual devices are probed one by one later (rx_port.c), for better errors. */
	if (!pci)
		eal_args_add("--no-pci");
}

static int touch_segment(const struct rte_memseg_list *list, const struct rte_memseg *segment,
			 size_t bytes, void *arg)
{
	(void)arg;
	if (!list->external)
		touch_pages(segment->addr, bytes);
	return 0;
}

int eal_start(const struct plan *plan, char *err, size_t err_size)
{
	char name[32];

	state_name(plan->run_dir, name);
	eal_args_add("weir-dataplane");
	add_lcores(plan);
	add_devices(plan);
	eal_args_add("--file-prefix=%s", name + 1);
	eal_args_add("--log-level=*:4"); /* errors; Weir's own lines say the rest */
	eal_args_add("-m");
	eal_args_add("%u", plan->memory_mib);
	if (plan->hugepages)
		eal_args_add("--huge-unlink");
	else
		eal_args_add("--no-huge");
	for (const char *arg = plan->eal_args; *arg; arg += strlen(arg) + 1)
		eal_args_add("%s", arg);
	int rc = eal_args_start(err, err_size);
	if (rc == 0 && !plan->hugepages) /* those EAL has touched itself */
		rte_memseg_contig_walk(touch_segment, NULL);
	return rc;
}

int eal_start_small(char *err, size_t err_size)
{
	eal_args_add("weir-dataplane");
	eal_args_add("--lcores=0");
	eal_args_add("--no-pci");
	eal_args_add("--no-huge");
	eal_args_add("--no-shconf");
	eal_args_add("--no-telemetry");
	eal_args_add("--log-level=*:4");
	eal_args_add("-m");
	eal_args_add("64");
	return eal_args_start(err, err_size);
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
