/* Rows of the ledger that parsing gives: Ethernet, IPv4, UDP. */
#include "parse_frames.h"

Test(rx_parse, plain_packets)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (uint32_t len = 0; len <= 1500; len += len < 40 ? 1 : 97) {
			struct frame_spec s = frame_default(ipv6);

			s.payload_len = len;
			struct result r = parse(&s);
			expect_found(&r, &s);
		}
}

Test(rx_parse, the_largest_datagrams)
{
	struct frame_spec s = frame_default(0);
	struct result r;

	s.payload_len = 65507;
	frame_make(frame, &s);
	/* More than an mbuf can hold in one segment: the headers are in the first. */
	struct rte_mbuf m, tail;
	frame_mbuf(&m, frame, 9000);
	frame_mbuf(&tail, frame + 9000, s.len - 9000);
	m.next = &tail;
	m.nb_segs = 2;
	m.pkt_len = s.len;
	r.row = rx_parse(&r.p, &m);
	expect_found(&r, &s);
}

Test(rx_parse, padding_is_no_payload)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame_spec s = frame_default(ipv6);

		s.payload_len = 1;
		s.padding = 17;
		struct result r = parse(&s);
		expect_found(&r, &s);
	}
}

Test(rx_parse, one_tag)
{
	static const uint16_t types[] = {0x8100, 0x88a8};

	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (int t = 0; t < 2; t++)
			for (unsigned tci = 0; tci < 0x10000; tci += 0xfff) {
				struct frame_spec s = frame_default(ipv6);

				s.tags = 1;
				s.tag_type[0] = types[t];
				s.tag_id[0] = (uint16_t)tci; /* priority bits, too */
				struct result r = parse(&s);
				expect_found(&r, &s);
			}
}

Test(rx_parse, a_tag_that_the_nic_took_off)
{
	struct frame_spec s = frame_default(0);
	uint32_t len = frame_make(frame, &s);
	struct result r = parse_bytes(frame, len, RTE_MBUF_F_RX_VLAN_STRIPPED, 0xe123);

	ROW(r, RX_OK);
	cr_expect_eq(r.p.vlan, 0x123);
	/* Without the flag the field means nothing. */
	r = parse_bytes(frame, len, 0, 0xe123);
	cr_expect_eq(r.p.vlan, RX_NO_VLAN);
}

Test(rx_parse, two_tags)
{
	struct frame_spec s = frame_default(0);

	s.tags = 2;
	s.tag_type[0] = 0x88a8;
	struct result r = parse(&s);
	ROW(r, LEDGER_not_for_us_not_ip);
	s.tag_type[0] = 0x8100;
	r = parse(&s);
	ROW(r, LEDGER_not_for_us_not_ip);
	/* One taken off, one left. */
	s.tags = 1;
	uint32_t len = frame_make(frame, &s);
	r = parse_bytes(frame, len, RTE_MBUF_F_RX_VLAN_STRIPPED, 5);
	ROW(r, LEDGER_not_for_us_not_ip);
}

Test(rx_parse, other_ethertypes)
{
	static const uint16_t types[] = {0x0806, 0x88cc, 0x8847, 46, 1500, 0x8863, 0xffff};
	struct frame_spec s = frame_default(0);

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		frame_make(frame, &s);
		log_put16(frame + 12, types[i]);
		struct result r = parse_bytes(frame, s.len, 0, 0);
		ROW(r, LEDGER_not_for_us_not_ip);
	}
}

Test(rx_parse, ipv4_options)
{
	for (int words = 0; words <= 10; words++) {
		struct frame_spec s = frame_default(0);

		s.option_words = words;
		struct result r = parse(&s);
		expect_found(&r, &s);
	}
}

Test(rx_parse, ipv4_header_that_lies)
{
	struct frame_spec s = frame_default(0);
	struct result r;

	for (unsigned ihl = 0; ihl < 5; ihl++) {
		frame_make(frame, &s);
		frame[14] = (uint8_t)(0x40 | ihl);
		r = parse_bytes(frame, s.len, 0, 0);
		ROW(r, LEDGER_malformed_ipv4_header);
	}
	for (unsigned version = 0; version < 16; version++) {
		frame_make(frame, &s);
		frame[14] = (uint8_t)(version << 4 | 5);
		r = parse_bytes(frame, s.len, 0, 0);
		ROW(r, version == 4 ? RX_OK : LEDGER_malformed_ipv4_header);
	}
	for (unsigned total = 0; total <= 28; total++) {
		frame_make(frame, &s);
		log_put16(frame + 16, (uint16_t)total);
		r = parse_bytes(frame, s.len, 0, 0);
		ROW(r, total < 20 ? LEDGER_malformed_ipv4_header : LEDGER_malformed_udp_header);
	}
	/* The header's length beyond the total. */
	frame_make(frame, &s);
	frame[14] = 0x4f;
	log_put16(frame + 16, 59);
	r = parse_bytes(frame, s.len, 0, 0);
	ROW(r, LEDGER_malformed_ipv4_header);
	/* More than there is. */
	s.lie_ip_len = 1;
	r = parse(&s);
	ROW(r, LEDGER_malformed_truncated);
}

Test(rx_parse, other_protocols)
{
	static const uint8_t protocols[] = {1, 2, 6, 47, 50, 51, 58, 59, 89, 132, 255};

	for (unsigned i = 0; i < sizeof(protocols); i++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct frame_spec s = frame_default(ipv6);

			s.protocol = protocols[i];
			struct result r = parse(&s);
			ROW(r, LEDGER_not_for_us_not_udp);
		}
}

Test(rx_parse, ipv4_fragments)
{
	static const struct {
		uint16_t field;
		uint8_t row;
	} cases[] = {
		{0x0000, RX_OK},
		{0x4000, RX_OK},		       /* don't fragment */
		{0x8000, RX_OK},		       /* the reserved bit */
		{0x2000, LEDGER_undecodable_fragment}, /* first */
		{0x2001, LEDGER_undecodable_fragment}, /* middle */
		{0x0001, LEDGER_undecodable_fragment}, /* last */
		{0x1fff, LEDGER_undecodable_fragment},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame_spec s = frame_default(0);

		s.fragment = cases[i].field;
		struct result r = parse(&s);
		ROW(r, cases[i].row);
	}
	/* A fragment of something else, and one that was cut. */
	struct frame_spec s = frame_default(0);
	s.fragment = 0x2000;
	s.protocol = 6;
	struct result r = parse(&s);
	ROW(r, LEDGER_not_for_us_not_udp);
	s.protocol = 0;
	frame_make(frame, &s);
	r = parse_bytes(frame, s.len - 1, 0, 0);
	ROW(r, LEDGER_malformed_truncated);
}

Test(rx_parse, udp_length)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (int len = 0; len <= 64; len++) {
			struct frame_spec s = frame_default(ipv6);

			s.lie_udp_len = len - 40; /* 32 bytes of payload */
			struct result r = parse(&s);
			if (len < 8 || len > 40) {
				ROW(r, LEDGER_malformed_udp_header);
				continue;
			}
			ROW(r, RX_OK); /* bytes between the two lengths are nobody's */
			cr_expect_eq(r.p.payload_len, (uint32_t)len - 8);
		}
}

Test(rx_parse, udp_may_not_reach_into_the_padding)
{
	struct frame_spec s = frame_default(0);

	s.padding = 20;
	s.lie_udp_len = 1;
	struct result r = parse(&s);
	ROW(r, LEDGER_malformed_udp_header);
}
