/*
 * weir-dataplane: takes packets from DPDK ports and writes them as Kafka's log. It decides nothing:
 * control hands it a plan (api/plan.h) over <run_dir>/dataplane.sock.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "check_plan.h"
#include "dataplane.h"

static int usage(FILE *out)
{
	fputs("usage: weir-dataplane [--run-dir DIR]   wait for weir-control at DIR/dataplane.sock "
	      "(default /run/weir)\n"
	      "       weir-dataplane --check-plan      try the filters of the plan on descriptor "
	      "3\n"
	      "       weir-dataplane --help | --version\n",
	      out);
	return out == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"run-dir", required_argument, NULL, 'r'},
		{"check-plan", no_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	const char *run_dir = "/run/weir";
	struct dataplane d;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout);
		if (c == 'v')
			return puts("weir-dataplane " WEIR_VERSION) < 0;
		if (c == 'c')
			return check_plan();
		if (c != 'r')
			return usage(stderr);
		run_dir = optarg;
	}
	if (optind != argc)
		return usage(stderr);
	int rc = dataplane_open(&d, run_dir);
	int exit_code = rc < 0 ? 1 : dataplane_run(&d);
	dataplane_close(&d);
	return exit_code;
}
