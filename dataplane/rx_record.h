/*
 * Frames one event as a Kafka record, straight into the open batch: the only copy it makes.
 *
 * Record (Kafka's DefaultRecord, all varints zigzag):
 *     varint length of what follows | int8 attributes 0 | varlong timestamp delta | varint offset
 * delta | varint key length (-1: null) | key | varint value length | value | varint header count |
 * headers
 */
#pragma once

#include <stdint.h>
#include <string.h>

enum {
	/* The most that a record adds to its key, value and headers: length 5, attributes 1,
	 * timestamp delta 10, offset delta 5, key length 5, value length 5. */
	RX_RECORD_OVERHEAD = 31,
	RX_RECORD_SLACK = 32, /* bytes behind a record that may be written meanwhile */
	RX_COPY_CHUNK = 64,
};

static inline uint64_t rx_zigzag64(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

/* Bytes of a varint. Sizes repeat, so the branches are foretold. */
static inline uint32_t rx_varint_len(uint64_t v)
{
	if (v < 0x80)
		return 1;
	if (v < 0x4000)
		return 2;
	/* 7 bits a byte: top / 7 + 1, exact for each top bit of 64. */
	return (uint32_t)((63 - __builtin_clzll(v)) * 9 + 73) >> 6;
}

static inline uint8_t *rx_put_varint(uint8_t *p, uint64_t v)
{
	if (v < 0x80) {
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v < 0x4000) {
		p[0] = (uint8_t)(v | 0x80);
		p[1] = (uint8_t)(v >> 7);
		return p + 2;
	}
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* memcpy of n bytes that neither reads nor writes beyond n, without a call: the sizes of events are
 * small, and the last chunk may overlap the one before. */
static inline void rx_copy(uint8_t *dst, const uint8_t *src, uint32_t n)
{
	if (__builtin_expect(n >= RX_COPY_CHUNK, 1)) {
		const uint8_t *last = src + n - RX_COPY_CHUNK;
		uint8_t *last_dst = dst + n - RX_COPY_CHUNK;

		for (; src < last; src += RX_COPY_CHUNK, dst += RX_COPY_CHUNK)
			__builtin_memcpy(dst, src, RX_COPY_CHUNK);
		__builtin_memcpy(last_dst, last, RX_COPY_CHUNK);
	} else if (n >= 32) {
		__builtin_memcpy(dst, src, 32);
		__builtin_memcpy(dst + n - 32, src + n - 32, 32);
	} else if (n >= 16) {
		__builtin_memcpy(dst, src, 16);
		__builtin_memcpy(dst + n - 16, src + n - 16, 16);
	} else if (n >= 8) {
		__builtin_memcpy(dst, src, 8);
		__builtin_memcpy(dst + n - 8, src + n - 8, 8);
	} else {
		for (uint32_t i = 0; i < n; i++)
			dst[i] = src[i];
	}
}

struct rx_record {
	uint64_t ts; /* timestamp delta as a varint of ts_len bytes, first byte lowest */
	uint32_t ts_len;
	uint32_t offset_delta;
	const uint8_t *key; /* framed: length varint and text; RX_KEY_READABLE bytes may be read */
	uint32_t key_len;   /* of all that: 1..48; beyond 24 bytes, 48 may be read */
	uint32_t value_len;
	const uint8_t *headers; /* header count and headers, framed */
	uint32_t headers_len;	/* at least 1 */
};

enum { RX_KEY_READABLE = 24, RX_KEY_LONGEST = 48 };

/* A framed null key, length -1. */
extern const uint8_t rx_null_key[RX_KEY_READABLE];

/* Chunks of fixed size instead of an exact copy: what is written too much, the value overwrites. */
static inline uint8_t *rx_put_key(uint8_t *p, const uint8_t *key, uint32_t len)
{
	__builtin_memcpy(p, key, 16);
	if (len > 16) {
		__builtin_memcpy(p + 16, key + 16, 8);
		if (__builtin_expect(len > RX_KEY_READABLE, 0))
			__builtin_memcpy(p + 24, key + 24, 24);
	}
	return p + len;
}

/* Writes everything before the value and returns where the value goes. `p` must have room for
 * RX_RECORD_OVERHEAD + key + value + headers, and RX_RECORD_SLACK more. */
static inline uint8_t *rx_record_begin(uint8_t *p, const struct rx_record *r)
{
	uint64_t offset = (uint64_t)r->offset_delta << 1; /* zigzag of what is never negative */
	uint64_t value = (uint64_t)r->value_len << 1;
	uint32_t body = 1 + r->ts_len + rx_varint_len(offset) + r->key_len + rx_varint_len(value) +
			r->value_len + r->headers_len;

	p = rx_put_varint(p, (uint64_t)body << 1);
	*p++ = 0; /* attributes */
	__builtin_memcpy(p, &r->ts, sizeof(r->ts));
	p = rx_put_varint(p + r->ts_len, offset);
	p = rx_put_key(p, r->key, r->key_len);
	return rx_put_varint(p, value);
}

/* Writes what follows the value; returns the end of the record. */
static inline uint8_t *rx_record_end(uint8_t *p, const struct rx_record *r)
{
	if (__builtin_expect(r->headers_len == 1, 1)) {
		*p = r->headers[0];
		return p + 1;
	}
	rx_copy(p, r->headers, r->headers_len);
	return p + r->headers_len;
}
