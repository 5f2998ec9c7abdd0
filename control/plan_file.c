#include "plan_file.h"

struct config *plan_file_check(const char *file, struct config_report *report, struct plan *plan,
			       struct placement *placement)
{
	return config_load(file, report);
}
