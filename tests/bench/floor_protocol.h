/*
 * How gateway_reader asks sendfile_floor for a piece of a file: this request, as it lies in memory;
 * the answer is a uint32_t with the number of bytes that follow. Both run on the same machine.
 */
#pragma once

#include <stdint.h>

struct floor_request {
	uint32_t file; /* of those that the floor was started with, from 0 */
	uint32_t max_bytes;
	uint64_t position;
};
