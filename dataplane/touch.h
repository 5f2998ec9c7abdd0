/*
 * All memory is there from the start: a page that the kernel hands out at its first touch would
 * cost a polling core that touch, and the process would grow under load. Main thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Changes nothing: an atomic OR of 0 keeps what another thread stores meanwhile. */
static inline void touch_pages(void *memory, size_t bytes)
{
	uint8_t *at = memory;
	enum { PAGE = 4096 };

	for (size_t i = 0; i < bytes; i += PAGE)
		__atomic_fetch_or(at + i, 0, __ATOMIC_RELAXED);
	if (bytes)
		__atomic_fetch_or(at + bytes - 1, 0, __ATOMIC_RELAXED);
}
