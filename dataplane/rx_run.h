/*
 * The common case of rx_append(), many records at a time: no headers, all in one piece, lengths of
 * one or two bytes. The batch stays in registers, and a record's head is one store. The same bytes
 * come out, and what does not fit the case goes to rx_append().
 */
#pragma once

#include "rx_append.h"

enum {
	/* Above these rx_append() takes over: their varints are longer. */
	RX_RUN_TS_MAX = 2,	  /* bytes of the timestamp delta */
	RX_RUN_RECORDS = 1 << 13, /* the offset delta takes two bytes ... */
	RX_RUN_OFF_2 = 1 << 6,	  /* ... from here on */
	RX_RUN_VALUE = 1 << 12,	  /* the value's length and the record's take two bytes */
	RX_RUN_SHORT = 4,	  /* fewer packets: others are between this stream's */
};

/* A varint of two bytes, as a word: 7 bits of v, a bit that says that more follow, 7 bits. */
static __rte_always_inline uint64_t rx_run_varint2(uint64_t v)
{
	return v + (v & ~UINT64_C(0x7f)) + 0x80;
}

/* Of a run of records all that stays the same. */
struct rx_run {
	const uint8_t *limit; /* behind what key and value may take */
	uint64_t ts;	      /* behind the attributes, which are 0 */
	uint64_t records_max; /* the batch's records, when the run must end */
	uint32_t off_shift;
	uint32_t fixed; /* bytes of the body before the key */
	bool off_2;	/* the offset delta takes two bytes */
};

/* False: what comes next in the batch is none of the common case. */
static __rte_always_inline bool rx_run_begin(const struct lane *lane, const struct rx_batch *b,
					     struct rx_run *run)
{
	if (!b->limit || b->ts_ms != lane->now_ms || b->ts_len > RX_RUN_TS_MAX ||
	    b->records >= RX_RUN_RECORDS)
		return false;
	const bool off_2 = b->records >= RX_RUN_OFF_2;

	*run = (struct rx_run){
		.limit = b->limit - (RX_RECORD_OVERHEAD + 1),
		.ts = b->ts << 8,
		.records_max = off_2 ? RX_RUN_RECORDS : RX_RUN_OFF_2,
		.off_shift = 8 + 8 * b->ts_len,
		.fixed = 2 + b->ts_len + 1 + off_2,
		.off_2 = off_2,
	};
	return true;
}

/* Writes a record but for its value and returns its end: the value ends one byte before. long_key:
 * the key may have more than RX_KEY_READABLE bytes, and RX_KEY_LONGEST of it may be read. */
static __rte_always_inline uint8_t *rx_run_frame(uint8_t *at, const struct rx_run *run,
						 uint64_t record, const uint8_t *key,
						 uint64_t key_len, bool long_key,
						 uint64_t value_len)
{
	uint64_t off = record * 2, value_2 = value_len * 2;
	uint64_t mid = run->ts | (run->off_2 ? rx_run_varint2(off) : off) << run->off_shift;
	uint64_t body = run->fixed + key_len + value_len + 1 + (value_len >= 64), body_2 = body * 2;
	uint64_t head;
	uint16_t value_head;
	uint8_t *end;

	if (likely(body >= 64)) {
		head = rx_run_varint2(body_2) | mid << 16;
		__builtin_memcpy(at, &head, sizeof(head));
		at += 2;
	} else {
		head = body_2 | mid << 8;
		__builtin_memcpy(at, &head, sizeof(head));
		at += 1;
	}
	end = at + body;
	at += run->fixed - 1;
	__builtin_memcpy(at, key, RX_KEY_READABLE);
	if (long_key)
		__builtin_memcpy(at + RX_KEY_READABLE, key + RX_KEY_READABLE,
				 RX_KEY_LONGEST - RX_KEY_READABLE);
	at += key_len;
	value_head = (uint16_t)(value_len >= 64 ? rx_run_varint2(value_2) : value_2);
	__builtin_memcpy(at, &value_head, sizeof(value_head));
	end[-1] = 0; /* no headers */
	return end;
}

/* Fetches what the stream's next record is likely to be written to: of so many streams at once no
 * processor foretells it. */
static __rte_always_inline void rx_run_fetch(const uint8_t *cursor)
{
	for (unsigned line = 1; line <= 3; line++)
		__builtin_prefetch(cursor + line * 64, 1);
}
