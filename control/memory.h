/* What memory this machine has to give. */
#pragma once

#include <stdint.h>

/* Bytes of hugepages that are free now, and mounted where DPDK finds them. */
uint64_t memory_hugepages_free(void);

/* MemAvailable of /proc/meminfo; 0: cannot be told. */
uint64_t memory_available(void);
