/* The arguments that EAL is started with, put together one by one. Main thread, one start a
 * process. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The first one is the program's name. */
__attribute__((format(printf, 1, 2))) void eal_args_add(const char *format, ...);

/* lcore i runs on processor cpus[i], or on any that we may use (PLAN_CPU_ANY); lcore 0 is the main
 * thread. */
void eal_args_lcores(const uint16_t *cpus, unsigned count);

/* 0 or -errno with the reason. */
int eal_args_start(char *err, size_t err_size);
