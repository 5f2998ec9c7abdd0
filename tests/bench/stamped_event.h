/* What travels from event_sender to event_reader, at the head of each event; as it lies in memory.
 */
#pragma once

#include <stdint.h>
#include <time.h>

struct stamped_event {
	uint64_t sent_ns; /* CLOCK_MONOTONIC, just before it was handed over */
	uint64_t number;  /* from 0 */
};

enum { STAMPED_EVENT_BYTES = 128 };

static inline uint64_t stamp_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
