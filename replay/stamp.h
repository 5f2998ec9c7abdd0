/*
 * What `weir replay --stamp` writes over the last STAMP_BYTES of a UDP payload, so that loss,
 * reordering and latency can be read from the log. Everything is big endian.
 *
 *     offset bytes
 *          0     2  magic, 0x57d5
 *          2     2  run: differs from one run of weir replay to the next
 *          4     1  queue: the sending queue; numbers count within it
 *          5     5  number: 0, 1, 2, ... of the stamped packets of this run and queue
 *         10     8  time: nanoseconds since 1970 UTC by the sender's clock, when the packet was
 *                   first offered to the device
 *
 * 18 bytes: all that the shortest Ethernet frame with IPv4 and UDP has room for. A shorter payload
 * is left as it is. Two bytes of magic may be met by chance: a reader should also want the time to
 * be near the record's own. The queue and the number together say what is missing, and what came
 * out of order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { STAMP_BYTES = 18, STAMP_MAGIC = 0x57d5 };

struct stamp {
	uint16_t run;
	uint8_t queue;
	uint64_t number; /* 40 bits */
	uint64_t time_ns;
};

static inline void stamp_put(uint8_t *out, const struct stamp *s)
{
	uint64_t head = (uint64_t)STAMP_MAGIC << 48 | (uint64_t)s->run << 32 |
			(uint64_t)s->queue << 24 | (s->number >> 16 & 0xffffff);
	uint16_t low = (uint16_t)s->number;

	head = __builtin_bswap64(head);
	low = __builtin_bswap16(low);
	uint64_t time = __builtin_bswap64(s->time_ns);
	memcpy(out, &head, sizeof(head));
	memcpy(out + 8, &low, sizeof(low));
	memcpy(out + 10, &time, sizeof(time));
}

/* Reads the end of a payload; false: there is no stamp. */
static inline bool stamp_get(const uint8_t *payload, uint32_t len, struct stamp *s)
{
	uint64_t head, time;
	uint16_t low;

	if (len < STAMP_BYTES)
		return false;
	const uint8_t *at = payload + len - STAMP_BYTES;
	memcpy(&head, at, sizeof(head));
	memcpy(&low, at + 8, sizeof(low));
	memcpy(&time, at + 10, sizeof(time));
	head = __builtin_bswap64(head);
	s->run = (uint16_t)(head >> 32);
	s->queue = (uint8_t)(head >> 24);
	s->number = (head & 0xffffff) << 16 | __builtin_bswap16(low);
	s->time_ns = __builtin_bswap64(time);
	return head >> 48 == STAMP_MAGIC;
}
