/* FNV-1a with 64 bits: names that are the same on every start. */
#pragma once

#include <stdint.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)

/* hash: FNV_START, or what a call for an earlier piece of text gave. */
static inline uint64_t fnv_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return hash;
}
