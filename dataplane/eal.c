#include "eal.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "api/state.h"

enum { EAL_ARGS_MAX = 96, EAL_TEXT_MAX = 16384 };

/* argv in one piece of text. EAL keeps pointers into it, so it is static. */
struct eal_args {
	char text[EAL_TEXT_MAX];
	size_t used;
	char *argv[EAL_ARGS_MAX];
	int argc;
};

static struct eal_args eal_args;

__attribute__((format(printf, 2, 3))) static void add(struct eal_args *a, const char *format, ...)
{
	va_list ap;

	if (a->argc + 1 >= EAL_ARGS_MAX || a->used + 1 >= EAL_TEXT_MAX)
		return;
	va_start(ap, format);
	int n = vsnprintf(a->text + a->used, EAL_TEXT_MAX - a->used, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= EAL_TEXT_MAX - a->used)
		return;
	a->argv[a->argc++] = a->text + a->used;
	a->used += (size_t)n + 1;
}

/* "(0,1,3)": every processor we may run on. */
static void any_cpu(char *out, size_t size)
{
	cpu_set_t set;
	size_t n = 1;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	snprintf(out, size, "(");
	for (int cpu = 0; cpu < CPU_SETSIZE && n + 8 < size; cpu++)
		if (CPU_ISSET(cpu, &set))
			n += (size_t)snprintf(out + n, size - n, "%s%d", n > 1 ? "," : "", cpu);
	snprintf(out + n, size - n, ")");
}

static void add_lcores(struct eal_args *a, const struct plan *plan)
{
	char any[2048], list[EAL_TEXT_MAX / 2];
	size_t n = 0;

	any_cpu(any, sizeof(any));
	for (int i = -1; i < (int)plan->cores_count; i++) {
		uint16_t cpu = i < 0 ? plan->main_cpu : plan->cores[i].cpu;

		if (cpu == PLAN_CPU_ANY)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%d@%s", n ? "," : "",
					      i + 1, any);
		else
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%d@%u", n ? "," : "",
					      i + 1, cpu);
		if (n >= sizeof(list) - 1)
			break;
	}
	add(a, "--lcores=%s", list);
	add(a, "--main-lcore=0");
}

static void add_devices(struct eal_args *a, const struct plan *plan)
{
	int pci = 0;

	for (unsigned i = 0; i < plan->ports_count; i++)
		if (plan->ports[i].is_pci) {
			add(a, "-a");
			add(a, "%s", plan->ports[i].device);
			pci++;
		}
	/* Virtual devices are probed one by one later (rx_port.c), for better errors. */
	if (!pci)
		add(a, "--no-pci");
}

static int start(struct eal_args *a, char *err, size_t err_size)
{
	a->argv[a->argc] = NULL;
	if (rte_eal_init(a->argc, a->argv) >= 0)
		return 0;
	int rc = rte_errno > 0 ? -rte_errno : -EIO;
	size_t n = (size_t)snprintf(err, err_size,
				    "EAL does not start%s%s; arguments:", rte_errno > 0 ? ": " : "",
				    rte_errno > 0 ? rte_strerror(rte_errno) : "");
	for (int i = 1; i < a->argc && n < err_size; i++)
		n += (size_t)snprintf(err + n, err_size - n, " %s", a->argv[i]);
	return rc;
}

int eal_start(const struct plan *plan, char *err, size_t err_size)
{
	struct eal_args *a = &eal_args;
	char name[32];

	state_name(plan->run_dir, name);
	add(a, "weir-dataplane");
	add_lcores(a, plan);
	add_devices(a, plan);
	add(a, "--file-prefix=%s", name + 1);
	add(a, "--log-level=*:4"); /* errors; Weir's own lines say the rest */
	add(a, "-m");
	add(a, "%u", plan->memory_mib);
	if (plan->hugepages)
		add(a, "--huge-unlink");
	else
		add(a, "--no-huge");
	for (const char *arg = plan->eal_args; *arg; arg += strlen(arg) + 1)
		add(a, "%s", arg);
	return start(a, err, err_size);
}

int eal_start_small(char *err, size_t err_size)
{
	struct eal_args *a = &eal_args;

	add(a, "weir-dataplane");
	add(a, "--lcores=0");
	add(a, "--no-pci");
	add(a, "--no-huge");
	add(a, "--no-shconf");
	add(a, "--no-telemetry");
	add(a, "--log-level=*:4");
	add(a, "-m");
	add(a, "64");
	return start(a, err, err_size);
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
