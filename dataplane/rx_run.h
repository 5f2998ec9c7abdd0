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
	/* Bytes from a record to the lines that are fetched with it, to be written. The log core
	 * has had them last, so each takes a way between cores: some dozen are under way at a time.
	 */
	RX_RUN_AHEAD = 2048,
	RX_RUN_SHORT = 4, /* fewer packets: others are between this stream's */
};

/* A varint of two bytes, as a word: 7 bits of v, a bit that says that more follow, 7 bits. */
static __rte_always_inline uint64_t rx_run_varint2(uint64_t v)
{
	return v + (v & ~UINT64_C(0x7f)) + 0x80;
}

/* What a record takes from the one before. */
struct rx_run {
	const uint8_t *limit; /* behind what key and value may take */
	uint64_t mid;	      /* of the next record: attributes, which are 0, and both deltas */
	uint64_t mid_step;    /* one offset delta more ... */
	uint64_t mid_more;    /* ... and the bit that says that it takes two bytes, if it does */
	uint64_t fixed;	      /* bytes of the body before the key, and the one behind the value */
	unsigned room;	      /* records until the run must end; at least 1 */
};

/* False: what comes next in the batch is none of the common case. */
static __rte_always_inline bool rx_run_begin(const struct lane *lane, const struct rx_batch *b,
					     struct rx_run *run)
{
	if (!b->limit || b->ts_ms != lane->now_ms || b->ts_len > RX_RUN_TS_MAX ||
	    b->records >= RX_RUN_RECORDS)
		return false;
	const bool off_2 = b->records >= RX_RUN_OFF_2;
	const unsigned shift = 8 + 8 * b->ts_len;
	const uint64_t off = (uint64_t)b->records * 2;

	*run = (struct rx_run){
		.limit = b->limit - (RX_RECORD_OVERHEAD + 1),
		.mid = b->ts << 8 | (off_2 ? rx_run_varint2(off) : off) << shift,
		.mid_step = UINT64_C(2) << shift,
		.mid_more = off_2 ? UINT64_C(0x80) << shift : 0,
		.fixed = 2 + b->ts_len + 1 + off_2,
		.room = (off_2 ? RX_RUN_RECORDS : RX_RUN_OFF_2) - b->records,
	};
	return true;
}

/* Writes what of a record comes before its key, and returns where that goes. key_len: of the framed
 * key. *end is the record's end: the value ends one byte before. */
static __rte_always_inline uint8_t *rx_run_head(uint8_t *at, struct rx_run *run, uint64_t key_len,
						uint64_t value_len, uint8_t **end)
{
	const uint64_t body = run->fixed + key_len + value_len + 1 + (value_len >= 64);
	uint64_t head;

	if (likely(body >= 64)) {
		head = rx_run_varint2(body * 2) | run->mid << 16;
		__builtin_memcpy(at, &head, sizeof(head));
		at += 2;
	} else {
		head = body * 2 | run->mid << 8;
		__builtin_memcpy(at, &head, sizeof(head));
		at += 1;
	}
	/* A carry into the second byte goes through that bit, and clears it. */
	run->mid = (run->mid + run->mid_step) | run->mid_more;
	*end = at + body;
	return at + run->fixed - 1;
}

/* Writes what comes between key and value, at `at`, and behind the value. */
static __rte_always_inline void rx_run_tail(uint8_t *at, uint64_t value_len, uint8_t *end)
{
	const uint64_t value_2 = value_len * 2;
	const uint16_t head = (uint16_t)(value_len >= 64 ? rx_run_varint2(value_2) : value_2);

	__builtin_memcpy(at, &head, sizeof(head));
	end[-1] = 0; /* no headers */
}

/* For each line of a record one that is RX_RUN_AHEAD further on: how many that are the processor
 * foretells, since sizes repeat. It may lie behind the slab: a line that is fetched in vain. */
static __rte_always_inline void rx_run_fetch_ahead(const uint8_t *record, const uint8_t *end)
{
	for (; record < end; record += 64)
		__builtin_prefetch(record + RX_RUN_AHEAD, 1);
}

/* What the stream's next record is likely to be written to. Of so many streams at once the lines
 * that were fetched ahead are no longer near. */
static __rte_always_inline void rx_run_fetch_next(const uint8_t *cursor)
{
	for (unsigned line = 1; line <= 3; line++)
		__builtin_prefetch(cursor + line * 64, 1);
}
