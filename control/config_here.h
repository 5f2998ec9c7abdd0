/* What a config names and this machine has not. Warnings, never errors: a config may be checked
 * where it is written and run elsewhere, and what is missing now may be there when Weir starts. */
#pragma once

#include "config.h"
#include "config_report.h"

void config_here_check(const struct config *config, struct config_report *report);
