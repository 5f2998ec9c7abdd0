/*
 * Rates between two looks at the status, as one line for a terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct rates {
	bool known; /* there was a look before */
	uint64_t at_ns, received, received_bytes, stored, shed, started_ns;
};

/* Remembers this look; with one before, writes the line ("1.23 M packets/s ...") and returns true.
 */
bool rates_line(struct rates *rates, const struct status *status, uint64_t mono_ns, char *line,
		size_t size);
