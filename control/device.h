/*
 * Device strings of ports, as DPDK takes them: a PCI address, or DRIVER[NUMBER][,NAME=VALUE]...
 * What they say of themselves; and whether this machine has what they name. DPDK itself is not
 * linked here: its own word comes from the dataplane, at the start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool device_is(const char *device, const char *driver);

/* The value of the n-th argument of that name, from 0, with what follows it; NULL: there are not so
 * many. device_copy_argument() takes the value alone. */
const char *device_argument(const char *device, const char *name, unsigned n);
void device_copy_argument(const char *value, char *out, size_t size);
/* Its number, 65,535 or 4,294,967,295 at most. */
unsigned device_number(const char *device, const char *name, unsigned otherwise);
uint32_t device_amount(const char *device, const char *name, uint32_t otherwise);

/* False: an argument is missing without which its driver works nowhere; hint says which. */
bool device_is_whole(const char *device, char *hint, size_t hint_size);

/* False: this machine has not what it names, or no driver is known by its name; why says it. */
bool device_is_here(const char *device, char *why, size_t why_size);
