/* Filter expressions of streams: pcap's text to classic BPF instructions, run at the IP header. */
#pragma once

#include "config.h"

/*
 * Compiles expression for DLT_RAW into insns, which has room for max. The number of instructions,
 * or -EINVAL with libpcap's own words in err.
 */
int config_filter_compile(const char *expression, struct plan_insn *insns, unsigned max, char *err,
			  size_t err_size);

/* Compiles the filters of all streams; each that libpcap refuses is an error in the report. */
void config_filter_check(const struct config *config, struct config_report *report);

/*
 * Lets weir-dataplane try the plan's filters in a process of its own (translation, JIT against
 * interpreter); each that it refuses is an error in the report. 1: tried; 0: no weir-dataplane was
 * found to ask; -errno.
 */
int config_filter_try(const struct config *config, const struct plan *plan,
		      struct config_report *report);
