/* The reader of log_testing.h: Kafka's format by its description. */
#include "log_testing.h"

#include <isa-l.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static uint64_t be(const uint8_t *at, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *at++;
	return v;
}

static bool get_varint(const uint8_t **at, const uint8_t *end, int64_t *v)
{
	uint64_t z = 0;

	for (unsigned shift = 0; *at < end && shift < 70; shift += 7) {
		uint8_t b = *(*at)++;

		z |= (uint64_t)(b & 127) << shift;
		if (b < 128) {
			*v = (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
			return true;
		}
	}
	return false;
}

static bool decompress(unsigned codec, const uint8_t *from, size_t len, uint8_t *to, size_t *room)
{
	if (codec == 0) {
		memcpy(to, from, len);
		*room = len;
		return true;
	}
	if (codec == 3) {
		LZ4F_dctx *ctx;
		size_t in = len;

		/* The header that Kafka's readers want, byte for byte. */
		if (memcmp(from, "\x04\x22\x4d\x18\x60\x40\x82", 7) != 0)
			return false;
		LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION);
		size_t left = LZ4F_decompress(ctx, to, room, from, &in, NULL);
		LZ4F_freeDecompressionContext(ctx);
		return left == 0 && in == len;
	}
	if (codec != 4)
		return false;
	size_t n = ZSTD_decompress(to, *room, from, len);
	*room = n;
	return !ZSTD_isError(n);
}

static bool walk_records(const uint8_t *at, size_t len, uint64_t base, uint64_t count,
			 int64_t base_ts, int64_t max_ts,
			 void (*fn)(void *arg, const struct testing_record *r), void *arg)
{
	const uint8_t *end = at + len;
	int64_t seen_ts = INT64_MIN;

	for (uint64_t i = 0; i < count; i++) {
		int64_t length, ts, delta, key, value, headers;

		if (!get_varint(&at, end, &length) || length < 0 || length > end - at)
			return false;
		const uint8_t *record_end = at + length;
		if (*at++ != 0 || !get_varint(&at, record_end, &ts) ||
		    !get_varint(&at, record_end, &delta) || !get_varint(&at, record_end, &key) ||
		    key != -1 || !get_varint(&at, record_end, &value) || value < 0 ||
		    value > record_end - at || delta != (int64_t)i)
			return false;
		struct testing_record r = {base + i, base_ts + ts, at, (unsigned)value};
		at += value;
		if (!get_varint(&at, record_end, &headers) || headers != 0 || at != record_end)
			return false;
		if (r.ts_ms > seen_ts)
			seen_ts = r.ts_ms;
		if (fn)
			fn(arg, &r);
	}
	return at == end && seen_ts == max_ts;
}

uint64_t testing_walk(const uint8_t *bytes, uint64_t len, uint64_t *offset, const char **why,
		      void (*fn)(void *arg, const struct testing_record *r), void *arg)
{
	static uint8_t plain[4 << 20];
	uint64_t at = 0;

	*why = NULL;
	while (at < len) {
		const uint8_t *b = bytes + at;

		*why = "short head";
		if (len - at < 61)
			return at;
		uint64_t size = be(b + 8, 4) + 12, count = be(b + 57, 4);
		*why = "length";
		if (size < 61 || size > len - at)
			return at;
		*why = "magic";
		if (b[16] != 2)
			return at;
		*why = "offset";
		if (be(b, 8) != *offset)
			return at;
		*why = "crc";
		if (~crc32_iscsi((unsigned char *)(uintptr_t)b + 21, (int)(size - 21),
				 UINT32_MAX) != be(b + 17, 4))
			return at;
		*why = "fixed fields";
		if (be(b + 43, 8) != UINT64_MAX || be(b + 51, 2) != 0xffff ||
		    be(b + 53, 4) != 0xffffffff || be(b + 23, 4) + 1 != count)
			return at;
		*why = "codec";
		size_t room = sizeof(plain);
		if (be(b + 21, 2) > 7 || !decompress(b[22], b + 61, size - 61, plain, &room))
			return at;
		*why = "records";
		if (!walk_records(plain, room, *offset, count, (int64_t)be(b + 27, 8),
				  (int64_t)be(b + 35, 8), fn, arg))
			return at;
		*offset += count;
		at += size;
	}
	*why = NULL;
	return at;
}

static void put_be(uint8_t *at, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		at[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static void time_entry(struct testing_index *x, int64_t *last, int64_t ts, uint64_t relative)
{
	if (ts <= *last)
		return;
	put_be(x->times + x->times_bytes, (uint64_t)ts, 8);
	put_be(x->times + x->times_bytes + 8, relative, 4);
	x->times_bytes += 12;
	*last = ts;
}

struct testing_index testing_index_of(const uint8_t *log, uint64_t len, uint64_t base)
{
	struct testing_index x = {malloc(len + 64), malloc(2 * len + 64), 0, 0};
	uint64_t acc = 0, max_offset = 0;
	int64_t max_ts = -1, last_ts = -1;

	for (uint64_t at = 0; at < len;) {
		const uint8_t *b = log + at;
		uint64_t size = be(b + 8, 4) + 12, last = be(b, 8) + be(b + 23, 4);

		if ((int64_t)be(b + 35, 8) > max_ts) {
			max_ts = (int64_t)be(b + 35, 8);
			max_offset = last;
		}
		if (acc > 4096) {
			put_be(x.index + x.index_bytes, last - base, 4);
			put_be(x.index + x.index_bytes + 4, at, 4);
			x.index_bytes += 8;
			time_entry(&x, &last_ts, max_ts, max_offset - base);
			acc = 0;
		}
		acc += size;
		at += size;
	}
	time_entry(&x, &last_ts, max_ts, max_offset - base);
	return x;
}
