/* weir-control: reads the config, hands out the plan, watches over the dataplane. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "gateway_arguments.h"
#include "metrics.h"
#include "weir.h"

static void usage(FILE *out)
{
	fputs("Usage: weir-control -c FILE [--attach | --gateway]\n"
	      "       weir-control --metrics-markdown | --version | --help\n\n"
	      "  -c, --config FILE       the config file\n"
	      "      --attach            never start or stop weir-dataplane and weir-gateway: for "
	      "systemd\n"
	      "      --gateway           become weir-gateway as the config says: for systemd\n"
	      "      --metrics-markdown  print the list of metrics\n",
	      out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"attach", no_argument, NULL, 'a'},
						{"gateway", no_argument, NULL, 'g'},
						{"metrics-markdown", no_argument, NULL, 'm'},
						{"version", no_argument, NULL, 'V'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct control_options wanted = {0};
	struct control *control;
	bool gateway = false;
	int o;

	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			wanted.config_path = optarg;
			break;
		case 'a':
			wanted.attach = true;
			break;
		case 'g':
			gateway = true;
			break;
		case 'm':
			metrics_markdown(stdout);
			return WEIR_OK;
		case 'V':
			printf("weir-control %s\n", WEIR_VERSION);
			return WEIR_OK;
		case 'h':
			usage(stdout);
			return WEIR_OK;
		default:
			usage(stderr);
			return WEIR_USAGE;
		}
	}
	if (!wanted.config_path || optind < argc || (gateway && wanted.attach)) {
		usage(stderr);
		return WEIR_USAGE;
	}
	if (gateway)
		return gateway_arguments_run(wanted.config_path);
	int status = control_create(&control, &wanted);
	if (status != 0)
		return status;
	status = control_run(control);
	control_destroy(control);
	return status;
}
