#include "link.h"

#include <string.h>

#include <pcap/pcap.h>

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_LEAST = 0x0600, /* below: a length, or one of Linux's own numbers */
	/* DLT_NULL and DLT_LOOP: the address family of the system that captured */
	FAMILY_INET = 2,
	SLL_BYTES = 16,
	SLL2_BYTES = 20,
	NULL_BYTES = 4,
};

static uint32_t be(const uint8_t *p, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

bool link_known(int type)
{
	static const int known[] = {
		DLT_EN10MB,	DLT_RAW, DLT_IPV4, DLT_IPV6, DLT_NULL, DLT_LOOP, DLT_LINUX_SLL,
#ifdef DLT_LINUX_SLL2
		DLT_LINUX_SLL2,
#endif
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == type)
			return true;
	return false;
}

static bool make_header(struct link_cut *cut, uint32_t skip, uint32_t type, const uint8_t *source)
{
	static const uint8_t made_destination[] = LINK_MADE_DESTINATION,
			     made_source[] = LINK_MADE_SOURCE;

	cut->skip = skip;
	cut->header = LINK_ETHERNET_HEADER;
	memcpy(cut->bytes, made_destination, 6);
	memcpy(cut->bytes + 6, source ? source : made_source, 6);
	cut->bytes[12] = (uint8_t)(type >> 8);
	cut->bytes[13] = (uint8_t)type;
	return type >= TYPE_LEAST;
}

/* The IP header says its version itself. */
static bool cut_ip(const uint8_t *packet, uint32_t len, uint32_t skip, struct link_cut *cut)
{
	if (len <= skip)
		return false;
	uint32_t version = packet[skip] >> 4;
	return make_header(cut, skip, version == 6 ? TYPE_IPV6 : TYPE_IPV4, NULL) &&
	       (version == 4 || version == 6);
}

/* The family in the byte order of the machine that captured, which a file does not tell: IPv4 is 2
 * everywhere, IPv6 differs by system, so the header tells. */
static bool cut_null(const uint8_t *packet, uint32_t len, struct link_cut *cut)
{
	if (len <= NULL_BYTES)
		return false;
	uint32_t family = be(packet, NULL_BYTES);
	if (family & 0xffff0000)
		family = __builtin_bswap32(family);
	bool inet6 = family == 10 || family == 24 || family == 28 || family == 30;
	return (family == FAMILY_INET || inet6) && cut_ip(packet, len, NULL_BYTES, cut);
}

static bool cut_sll(const uint8_t *packet, uint32_t len, struct link_cut *cut)
{
	if (len < SLL_BYTES)
		return false;
	bool is_mac = be(packet + 4, 2) == 6;
	return make_header(cut, SLL_BYTES, be(packet + 14, 2), is_mac ? packet + 6 : NULL);
}

static bool cut_sll2(const uint8_t *packet, uint32_t len, struct link_cut *cut)
{
	if (len < SLL2_BYTES)
		return false;
	return make_header(cut, SLL2_BYTES, be(packet, 2), packet[11] == 6 ? packet + 12 : NULL);
}

bool link_cut_of(int type, const uint8_t *packet, uint32_t len, struct link_cut *cut)
{
	switch (type) {
	case DLT_EN10MB:
		cut->skip = cut->header = 0;
		return len >= LINK_ETHERNET_HEADER;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return cut_ip(packet, len, 0, cut);
	case DLT_NULL:
	case DLT_LOOP:
		return cut_null(packet, len, cut);
	case DLT_LINUX_SLL:
		return cut_sll(packet, len, cut);
#ifdef DLT_LINUX_SLL2
	case DLT_LINUX_SLL2:
		return cut_sll2(packet, len, cut);
#endif
	default:
		return false;
	}
}
