/* A config file of arbitrary text: a config, or a report that says why not. */
#include <stdlib.h>

#include "control/config.h"
#include "control/config_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static FILE *nowhere;
	struct config_report report;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	config_report_init(&report, "fuzz.yaml");
	struct config *config = config_parse((const char *)input, size, "fuzz.yaml", &report);
	if (nowhere)
		config_report_print(&report, nowhere);
	if (config)
		config_free(config);
	config_report_free(&report);
	return 0;
}
