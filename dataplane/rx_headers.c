#include "rx_headers.h"

#include <string.h>

#include "api/plan.h"
#include "rx_record.h"
#include "rx_sender.h"

static uint8_t *put_header(uint8_t *p, const char *name, const uint8_t *value, uint32_t len)
{
	uint32_t name_len = (uint32_t)strlen(name);

	p = rx_put_varint(p, (uint64_t)name_len << 1);
	memcpy(p, name, name_len);
	p = rx_put_varint(p + name_len, (uint64_t)len << 1);
	memcpy(p, value, len);
	return p + len;
}

static uint32_t decimal(uint8_t *out, uint64_t v)
{
	uint8_t digits[20];
	uint32_t n = 0, len;

	do {
		digits[n++] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v);
	for (len = 0; n; len++)
		out[len] = digits[--n];
	return len;
}

static uint32_t endpoint(uint8_t *text, const struct rx_packet *p, bool source)
{
	uint16_t port = source ? p->src_port : p->dst_port;

	if (p->is_ipv6)
		return rx_sender_format_v6(text, p->ip + (source ? 8 : 24), port);
	return rx_sender_format_v4(text, p->ip + (source ? 12 : 16), port);
}

uint32_t rx_headers(uint8_t out[RX_HEADERS_ROOM], uint8_t which, const struct rx_packet *p,
		    uint64_t rx_ns)
{
	uint8_t text[RX_SENDER_TEXT_ROOM];
	uint8_t *at = out;

	if (p->vlan == RX_NO_VLAN)
		which &= (uint8_t)~PLAN_HEADER_VLAN;
	at = rx_put_varint(at, (uint64_t)__builtin_popcount(which) << 1);
	if (which & PLAN_HEADER_SRC)
		at = put_header(at, "src", text, endpoint(text, p, true));
	if (which & PLAN_HEADER_DST)
		at = put_header(at, "dst", text, endpoint(text, p, false));
	if (which & PLAN_HEADER_VLAN)
		at = put_header(at, "vlan", text, decimal(text, p->vlan));
	if (which & PLAN_HEADER_RX_NS)
		at = put_header(at, "rx_ns", text, decimal(text, rx_ns));
	return (uint32_t)(at - out);
}

void rx_gather(uint8_t *dst, const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	while (m && off >= m->data_len) {
		off -= m->data_len;
		m = m->next;
	}
	while (m && len) {
		uint32_t n = m->data_len - off;

		if (n > len)
			n = len;
		memcpy(dst, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);
		dst += n;
		len -= n;
		off = 0;
		m = m->next;
	}
}
