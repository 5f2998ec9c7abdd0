/* EAL's argv. See eal_args.h. */
#include "eal_args.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "api/plan.h"

enum { EAL_ARGS_MAX = 96, EAL_TEXT_MAX = 16384 };

/* argv in one piece of text. EAL keeps pointers into it, so it is static. */
static struct {
	char text[EAL_TEXT_MAX];
	size_t used;
	char *argv[EAL_ARGS_MAX];
	int argc;
} args;

void eal_args_add(const char *format, ...)
{
	va_list ap;

	if (args.argc + 1 >= EAL_ARGS_MAX || args.used + 1 >= EAL_TEXT_MAX)
		return;
	va_start(ap, format);
	int n = vsnprintf(args.text + args.used, EAL_TEXT_MAX - args.used, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= EAL_TEXT_MAX - args.used)
		return;
	args.argv[args.argc++] = args.text + args.used;
	args.used += (size_t)n + 1;
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

void eal_args_lcores(const uint16_t *cpus, unsigned count)
{
	char any[2048], list[EAL_TEXT_MAX / 2];
	size_t n = 0;

	any_cpu(any, sizeof(any));
	for (unsigned i = 0; i < count && n < sizeof(list) - 1; i++) {
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%u@", n ? "," : "", i);
		if (n < sizeof(list) && cpus[i] == PLAN_CPU_ANY)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s", any);
		else if (n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%u", cpus[i]);
	}
	eal_args_add("--lcores=%s", list);
	eal_args_add("--main-lcore=0");
}

int eal_args_start(char *err, size_t err_size)
{
	args.argv[args.argc] = NULL;
	if (rte_eal_init(args.argc, args.argv) >= 0)
		return 0;
	int rc = rte_errno > 0 ? -rte_errno : -EIO;
	size_t n = (size_t)snprintf(err, err_size,
				    "EAL does not start%s%s; arguments:", rte_errno > 0 ? ": " : "",
				    rte_errno > 0 ? rte_strerror(rte_errno) : "");
	for (int i = 1; i < args.argc && n < err_size; i++)
		n += (size_t)snprintf(err + n, err_size - n, " %s", args.argv[i]);
	return rc;
}
