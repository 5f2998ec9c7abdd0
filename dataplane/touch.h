/*
 * All memory is there from the start: a page that the kernel hands out at its first touch would
 * cost a polling core that touch, and the process would grow under load. Main thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* Zeroed, in cache lines of its own: what one core writes all the time must not share a line with
 * what malloc() gave to another. align: 64 at least. NULL: no memory. free() it. */
static inline void *touch_alloc(size_t align, size_t bytes)
{
	size_t size = (bytes + align - 1) / align * align;
	void *memory = aligned_alloc(align, size);

	if (memory)
		memset(memory, 0, size);
	return memory;
}
