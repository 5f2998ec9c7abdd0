/* The config's values that name processors, UDP ports and addresses. See config_value.h. */
#pragma once

#include "config.h"

bool config_parse_cpus(const char *text, struct config_cpus *cpus, char *hint, size_t hint_size);
bool config_parse_udp_ports(const char *text, struct config_udp_ports *ports, char *hint,
			    size_t hint_size);
bool config_parse_cidr(const char *text, struct config_cidrs *cidrs, char *hint, size_t hint_size);
bool config_parse_group(const char *text, struct config_cidrs *groups, char *hint,
			size_t hint_size);
bool config_parse_host(const char *text, char *dest, char *hint, size_t hint_size);
bool config_parse_listen(const char *text, struct config_listen *listen, char *hint,
			 size_t hint_size);
