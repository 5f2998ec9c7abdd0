/* One scalar of the config file into the type that its key says. */
#pragma once

#include "config.h"
#include "config_keys.h"

/*
 * Stores text at dest as the key's type (config_keys.h) has it; types that hold several values
 * append. False: it is no such value, or out of range; hint then says what is special about it, or
 * is empty.
 */
bool config_value_parse(const struct config_key *key, const char *text, void *dest, char *hint,
			size_t hint_size);

/* "256KiB", "5ms": the shortest exact form. */
void config_size_text(uint64_t bytes, char *text, size_t size);
void config_duration_text(uint64_t ns, char *text, size_t size);

enum { CONFIG_PCI_ADDRESS_MAX = 16 };

/* A device string that is a PCI address, perhaps without its domain, perhaps with arguments behind
 * it; address, unless NULL: as the kernel names it, 0000:3b:00.0. */
bool config_pci_address(const char *device, char *address);
