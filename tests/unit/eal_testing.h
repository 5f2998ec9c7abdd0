/* EAL for a test: no hugepages, no files, no devices; each Criterion test is a process of its own.
 */
#pragma once

#include <criterion/criterion.h>
#include <rte_eal.h>

static inline void eal_up(void)
{
	static char args[][20] = {
		"test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "--log-level=*:4",
		"-m",	"64",	     "-l",	    "0"};
	char *argv[11] = {NULL};

	for (int i = 0; i < 10; i++)
		argv[i] = args[i];
	cr_assert_geq(rte_eal_init(10, argv), 0);
}

static inline void eal_down(void)
{
	rte_eal_cleanup();
}
