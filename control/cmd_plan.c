/* weir plan: which core will do what, and why; what memory it takes. */
#include <getopt.h>
#include <stdlib.h>

#include "plan_file.h"
#include "plan_print.h"
#include "weir.h"

static const char help[] =
	"Usage: weir plan [--json] FILE\n\n"
	"Shows what a config file comes to on this machine: which core polls, which one\n"
	"writes, and why; ports, streams, memory. Starts nothing.\n\n"
	"  -j, --json  as one JSON object\n"
	"  -h, --help  this text\n\n"
	"Exit status: 0 fine, 1 failed, 2 the file is wrong.\n";

static int print(const char *file, const struct config *config, const struct plan *plan,
		 const struct placement *placement, struct config_report *report, bool json)
{
	struct plan_print p = {.file = file,
			       .config = config,
			       .plan = plan,
			       .placement = placement,
			       .report = report};

	if (!json)
		plan_print_text(&p, stdout);
	else if (plan_print_json(&p, stdout) != 0)
		return WEIR_FAILED;
	return WEIR_OK;
}

static int plan_file(const char *file, bool json)
{
	struct plan *plan = malloc(sizeof(*plan));
	struct placement *placement = malloc(sizeof(*placement));
	struct config_report report;
	struct config *config = NULL;
	int rc = WEIR_FAILED;

	config_report_init(&report, file);
	if (plan && placement) {
		config = plan_file_check(file, &report, plan, placement);
		if (config) {
			rc = print(file, config, plan, placement, &report, json);
		} else {
			config_report_print(&report, stderr);
			rc = WEIR_USAGE;
		}
	}
	config_free(config);
	config_report_free(&report);
	free(plan);
	free(placement);
	return rc;
}

int cmd_plan(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return WEIR_OK;
		default:
			return weir_option_error("plan");
		}
	}
	if (optind + 1 != argc)
		return weir_usage_error("plan", "needs one config file");
	return plan_file(argv[optind], json);
}
