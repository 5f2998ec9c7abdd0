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
	RX_COPY_CHUNK = 32,
};

static inline uint32_t rx_zigzag32(int32_t v)
{
	return ((uint32_t)v << 1) ^ (uint32_t)(v >> 31);
}

static inline uint64_t rx_zigzag64(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline uint32_t rx_varint_len(uint64_t v)
{
	/* 7 bits a byte: ceil(bits / 7), with one byte for 0. */
	return (uint32_t)(((64 - __builtin_clzll(v | 1)) * 37 + 252) >> 8);
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
		uint32_t last = n - RX_COPY_CHUNK;

		for (uint32_t i = 0; i < last; i += RX_COPY_CHUNK)
			__builtin_memcpy(dst + i, src + i, RX_COPY_CHUNK);
		__builtin_memcpy(dst + last, src + last, RX_COPY_CHUNK);
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
	int64_t ts_delta;
	uint32_t offset_delta;
	const uint8_t *key; /* NULL: a null key */
	uint32_t key_len;
	uint32_t value_len;
	const uint8_t *headers; /* header count and headers, already framed */
	uint32_t headers_len;	/* at least 1 */
};

/* Writes everything before the value; *value_end is where the value ends. Returns where the value
 * starts. `p` must have room for RX_RECORD_OVERHEAD + RX_COPY_CHUNK + key + value + headers. */
static inline uint8_t *rx_record_begin(uint8_t *p, const struct rx_record *r)
{
	uint64_t ts = rx_zigzag64(r->ts_delta);
	uint64_t offset = (uint64_t)r->offset_delta << 1;
	uint64_t key = r->key ? (uint64_t)r->key_len << 1 : 1; /* zigzag(-1) is 1 */
	uint64_t value = (uint64_t)r->value_len << 1;
	uint32_t key_len = r->key ? r->key_len : 0;
	uint32_t body = 1 + rx_varint_len(ts) + rx_varint_len(offset) + rx_varint_len(key) +
			key_len + rx_varint_len(value) + r->value_len + r->headers_len;

	p = rx_put_varint(p, (uint64_t)body << 1);
	*p++ = 0; /* attributes */
	p = rx_put_varint(p, ts);
	p = rx_put_varint(p, offset);
	p = rx_put_varint(p, key);
	if (key_len) {
		rx_copy(p, r->key, key_len);
		p += key_len;
	}
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
