#include "rx_sender.h"

#include <string.h>

static uint8_t *put_decimal(uint8_t *p, unsigned v)
{
	uint8_t digits[5];
	int n = 0;

	do {
		digits[n++] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		*p++ = digits[--n];
	return p;
}

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
	uint8_t *p = text;

	for (int i = 0; i < 4; i++) {
		p = put_decimal(p, address[i]);
		*p++ = i < 3 ? '.' : ':';
	}
	return (unsigned)(put_decimal(p, port) - text);
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
	return (unsigned)(put_decimal(p, port) - text);
}

void rx_sender_fill_v4(struct rx_sender_v4 *entry, const struct rx_packet *p)
{
	uint8_t text[RX_SENDER_TEXT_ROOM] = {0};
	unsigned len = rx_sender_format_v4(text, p->ip + 12, p->src_port);

	entry->framed[0] = (uint8_t)(len << 1); /* zigzag */
	memcpy(entry->framed + 1, text, sizeof(entry->framed) - 1);
	entry->tag = p->sender_tag;
}

void rx_sender_fill_v6(struct rx_sender_v6 *entry, const struct rx_packet *p)
{
	uint8_t text[RX_SENDER_TEXT_ROOM] = {0};
	unsigned len = rx_sender_format_v6(text, p->ip + 8, p->src_port);

	entry->framed[0] = (uint8_t)(len << 1);
	memcpy(entry->framed + 1, text, sizeof(entry->framed) - 1);
	memcpy(entry->address, p->ip + 8, sizeof(entry->address));
	entry->port = p->src_port;
	entry->tag = p->sender_tag;
}
