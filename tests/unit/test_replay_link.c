/* Link types of captures, made into Ethernet. */
#include <criterion/criterion.h>
#include <string.h>

#include <pcap/pcap.h>

#include "replay/link.h"

static const uint8_t ip4[24] = {0x45}, ip6[44] = {0x60};

/* What becomes of head followed by an IP packet. */
static bool cut(int type, const void *head, size_t head_len, const uint8_t *ip, size_t ip_len,
		struct link_cut *c)
{
	uint8_t packet[128];

	memcpy(packet, head, head_len);
	memcpy(packet + head_len, ip, ip_len);
	return link_cut_of(type, packet, (uint32_t)(head_len + ip_len), c);
}

static void expect_type(const struct link_cut *c, uint32_t skip, uint16_t type)
{
	cr_assert_eq(c->skip, skip);
	cr_assert_eq(c->header, 14);
	cr_assert_eq(c->bytes[12] << 8 | c->bytes[13], type);
}

Test(replay_link, ethernet_stays)
{
	struct link_cut c;
	uint8_t frame[14] = {0};

	cr_assert(link_cut_of(DLT_EN10MB, frame, 14, &c));
	cr_assert_eq(c.skip + c.header, 0);
	cr_assert_not(link_cut_of(DLT_EN10MB, frame, 13, &c));
}

Test(replay_link, raw_ip)
{
	static const int types[] = {DLT_RAW, DLT_IPV4, DLT_IPV6};
	struct link_cut c;

	for (int i = 0; i < 3; i++) {
		cr_assert(cut(types[i], "", 0, ip4, sizeof(ip4), &c));
		expect_type(&c, 0, 0x0800);
		cr_assert(cut(types[i], "", 0, ip6, sizeof(ip6), &c));
		expect_type(&c, 0, 0x86dd);
		cr_assert_not(cut(types[i], "\x10", 1, ip4, 4, &c), "version 1");
		cr_assert_not(link_cut_of(types[i], ip4, 0, &c));
	}
}

Test(replay_link, null_of_either_byte_order)
{
	struct link_cut c;

	cr_assert(cut(DLT_NULL, "\2\0\0\0", 4, ip4, sizeof(ip4), &c));
	expect_type(&c, 4, 0x0800);
	cr_assert(cut(DLT_NULL, "\0\0\0\2", 4, ip4, sizeof(ip4), &c));
	cr_assert(cut(DLT_LOOP, "\0\0\0\x1e", 4, ip6, sizeof(ip6), &c));
	expect_type(&c, 4, 0x86dd);
	cr_assert(cut(DLT_NULL, "\x18\0\0\0", 4, ip6, sizeof(ip6), &c));
	cr_assert_not(cut(DLT_NULL, "\7\0\0\0", 4, ip4, sizeof(ip4), &c), "AF_ISO or so");
	cr_assert_not(cut(DLT_NULL, "\2\0\0\0", 4, ip4, 0, &c));
}

Test(replay_link, linux_cooked)
{
	static const uint8_t sll[16] = {0, 0, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 0x08, 0x00};
	static const uint8_t sll2[20] = {0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0,
					 1,    0,    6, 2, 3, 4, 5, 6, 7};
	static const uint8_t loopback[16] = {0, 0, 3, 4, 0, 0, [14] = 0x08};
	static const uint8_t llc[16] = {0, 0, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 0x00, 0x04};
	struct link_cut c;

	cr_assert(cut(DLT_LINUX_SLL, sll, 16, ip4, sizeof(ip4), &c));
	expect_type(&c, 16, 0x0800);
	cr_assert_eq(memcmp(c.bytes + 6, sll + 6, 6), 0, "the sender's MAC is kept");
	cr_assert(cut(DLT_LINUX_SLL2, sll2, 20, ip6, sizeof(ip6), &c));
	expect_type(&c, 20, 0x86dd);
	cr_assert_eq(memcmp(c.bytes + 6, sll2 + 12, 6), 0);
	cr_assert(cut(DLT_LINUX_SLL, loopback, 16, ip4, sizeof(ip4), &c));
	cr_assert_eq(memcmp(c.bytes + 6, "\2\0\0\0\0\2", 6), 0, "there was none");
	cr_assert_not(cut(DLT_LINUX_SLL, llc, 16, ip4, sizeof(ip4), &c), "a number of Linux's own");
	cr_assert_not(cut(DLT_LINUX_SLL, sll, 15, ip4, 0, &c));
	cr_assert_not(cut(DLT_LINUX_SLL2, sll2, 19, ip6, 0, &c));
}

Test(replay_link, others)
{
	struct link_cut c;

	cr_assert(link_known(DLT_LINUX_SLL2));
	cr_assert_not(link_known(DLT_IEEE802_11_RADIO));
	cr_assert_not(cut(DLT_IEEE802_11_RADIO, "", 0, ip4, sizeof(ip4), &c));
}
