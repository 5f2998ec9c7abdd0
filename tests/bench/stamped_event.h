/* What travels from event_sender to event_reader, at the head of each event; as it lies in memory.
 */
#pragma once

#include <stdint.h>

struct stamped_event {
	uint64_t sent_ns; /* CLOCK_MONOTONIC, just before it was handed over */
	uint64_t number;  /* from 0 */
};

enum { STAMPED_EVENT_BYTES = 128 };
