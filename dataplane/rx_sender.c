#include "rx_sender.h"

#include <string.h>

/* ---- tables ---- */

#define DIGIT(v)    ((uint64_t)('0' + (v) % 10))
#define DIGITS_2(v) (DIGIT((v) / 10) | DIGIT(v) << 8)
#define DIGITS_3(v) (DIGIT((v) / 100) | DIGIT((v) / 10) << 8 | DIGIT(v) << 16)
#define DIGITS(v)   ((v) < 10 ? DIGIT(v) : (v) < 100 ? DIGITS_2(v) : DIGITS_3(v))
#define COUNT(v)    ((uint64_t)((v) < 10 ? 1 : (v) < 100 ? 2 : 3))
#define OCTET(v, i)                                                                                \
	{                                                                                          \
		(uint32_t)(DIGITS(v) | (uint64_t)'.' << 8 * COUNT(v)),                             \
			(COUNT(v) - 1) << 2 * (i) | (COUNT(v) + 1) << 16                           \
	}
#define OCTET_0(v)  OCTET(v, 0)
#define OCTET_1(v)  OCTET(v, 1)
#define OCTET_2(v)  OCTET(v, 2)
#define OCTET_3(v)  OCTET(v, 3)
#define HUNDREDS(v) ((v) ? DIGITS(v) | COUNT(v) << 32 : 0)

/* Of rx_sender_places[v]: what octet i takes, with its dot; what is before octet i; byte j. */
#define TAKES(v, i) (((v) >> 2 * (i)&3) + 2)
#define BEFORE_2(v) (TAKES(v, 0) + TAKES(v, 1))
#define BEFORE_3(v) (BEFORE_2(v) + TAKES(v, 2))
#define PLACE(v, j)                                                                                \
	((j) < TAKES(v, 0)   ? (j)                                                                 \
	 : (j) < BEFORE_2(v) ? 4 + (j)-TAKES(v, 0)                                                 \
	 : (j) < BEFORE_3(v) ? 8 + (j)-BEFORE_2(v)                                                 \
			     : (12 + (j)-BEFORE_3(v)) & 15)
#define PLACES_4(v, j) PLACE(v, j), PLACE(v, (j) + 1), PLACE(v, (j) + 2), PLACE(v, (j) + 3)
#define PLACES(v)                                                                                  \
	{                                                                                          \
		PLACES_4(v, 0), PLACES_4(v, 4), PLACES_4(v, 8), PLACES_4(v, 12)                    \
	}

#define TIMES_4(what, v) what(v), what((v) + 1), what((v) + 2), what((v) + 3)
#define TIMES_16(what, v)                                                                          \
	TIMES_4(what, v), TIMES_4(what, (v) + 4), TIMES_4(what, (v) + 8), TIMES_4(what, (v) + 12)
#define TIMES_64(what, v)                                                                          \
	TIMES_16(what, v), TIMES_16(what, (v) + 16), TIMES_16(what, (v) + 32),                     \
		TIMES_16(what, (v) + 48)
#define TIMES_256(what, v)                                                                         \
	TIMES_64(what, v), TIMES_64(what, (v) + 64), TIMES_64(what, (v) + 128),                    \
		TIMES_64(what, (v) + 192)

const struct rx_sender_octet rx_sender_octets[4][256] = {{TIMES_256(OCTET_0, 0)},
							 {TIMES_256(OCTET_1, 0)},
							 {TIMES_256(OCTET_2, 0)},
							 {TIMES_256(OCTET_3, 0)}};
const uint64_t rx_sender_hundreds[656] = {TIMES_256(HUNDREDS, 0), TIMES_256(HUNDREDS, 256),
					  TIMES_64(HUNDREDS, 512), TIMES_64(HUNDREDS, 576),
					  TIMES_16(HUNDREDS, 640)};
const uint16_t rx_sender_pairs[100] = {TIMES_64(DIGITS_2, 0), TIMES_16(DIGITS_2, 64),
				       TIMES_16(DIGITS_2, 80), TIMES_4(DIGITS_2, 96)};

const rx_sender_bytes rx_sender_places[256] = {TIMES_256(PLACES, 0)};

/* ---- texts ---- */

static uint8_t *put_hex(uint8_t *p, unsigned v)
{
	int shift = 12;

	while (shift > 0 && (v >> shift) == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = (uint8_t) "0123456789abcdef"[(v >> shift) & 0xf];
	return p;
}

unsigned rx_sender_format_v4(uint8_t *text, const uint8_t *address, uint16_t port)
{
	const struct rx_sender_v4 s = rx_sender_v4(address, port);

	rx_sender_put_v4(text, &s);
	return s.address_len + s.port.len;
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952, 4.2). */
static void longest_zero_run(const unsigned groups[8], int *start, int *len)
{
	*start = -1;
	*len = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && groups[i + n] == 0)
			n++;
		if (n > *len) {
			*start = i;
			*len = n;
		}
		if (n)
			i += n - 1;
	}
}

unsigned rx_sender_format_v6(uint8_t *text, const uint8_t *address, uint16_t port)
{
	const struct rx_sender_port decimal = rx_sender_port(port);
	unsigned groups[8];
	int start, len;
	uint8_t *p = text;

	for (int i = 0; i < 8; i++)
		groups[i] = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
	longest_zero_run(groups, &start, &len);
	*p++ = '[';
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			*p++ = ':';
			*p++ = ':';
			i += len - 1;
			continue;
		}
		if (i && i != start + len)
			*p++ = ':';
		p = put_hex(p, groups[i]);
	}
	*p++ = ']';
	*p++ = ':';
	rx_sender_put_port(p, &decimal);
	return (unsigned)(p - text) + decimal.len;
}

void rx_sender_fill_v6(struct rx_sender_v6 *entry, const struct rx_packet *p)
{
	uint8_t text[RX_SENDER_TEXT_ROOM] = {0};
	unsigned len = rx_sender_format_v6(text, p->ip + 8, p->src_port);

	entry->framed[0] = (uint8_t)(len << 1); /* zigzag */
	memcpy(entry->framed + 1, text, sizeof(entry->framed) - 1);
	memcpy(entry->address, p->ip + 8, sizeof(entry->address));
	entry->port = p->src_port;
	entry->tag = p->sender_tag;
}
