/* Rows of the ledger that parsing gives: what only IPv6 has. */
#include "parse_frames.h"

static struct frame_spec with_extension(uint8_t type, uint8_t words, uint16_t fragment)
{
	struct frame_spec s = frame_default(1);

	s.extensions = 1;
	s.extension[0] = (struct frame_extension){type, words, fragment};
	return s;
}

Test(rx_parse_ipv6, ipv6_extension_headers)
{
	static const uint8_t types[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS};

	for (unsigned i = 0; i < sizeof(types); i++)
		for (unsigned words = 0; words < 256; words += words < 4 ? 1 : 83) {
			struct frame_spec s = with_extension(types[i], (uint8_t)words, 0);
			struct result r = parse(&s);
			expect_found(&r, &s);
		}
	/* Up to eight of them in any order. */
	for (int n = 0; n <= FRAME_EXTENSIONS; n++) {
		struct frame_spec s = frame_default(1);

		s.extensions = n;
		for (int i = 0; i < n; i++)
			s.extension[i] =
				(struct frame_extension){types[i % 3], (uint8_t)(i % 2), 0};
		struct result r = parse(&s);
		if (n <= RX_IPV6_EXTENSIONS_MAX)
			expect_found(&r, &s);
		else
			ROW(r, LEDGER_malformed_ipv6_header);
	}
}

Test(rx_parse_ipv6, ipv6_extension_header_before_something_else)
{
	struct frame_spec s = with_extension(IPPROTO_HOPOPTS, 0, 0);

	s.protocol = 58; /* multicast listener reports look like this */
	struct result r = parse(&s);
	ROW(r, LEDGER_not_for_us_not_udp);
}

Test(rx_parse_ipv6, ipv6_extension_header_that_lies)
{
	for (unsigned words = 1; words < 256; words++) {
		struct frame_spec s = with_extension(IPPROTO_DSTOPTS, 0, 0);

		frame_make(frame, &s);
		frame[54 + 1] = (uint8_t)words; /* longer than it is */
		struct result r = parse_bytes(frame, s.len, 0, 0);
		/* It ends within the payload, or behind the packet: no UDP header there. */
		if (54 + 8 * (words + 1) + 8 > s.len)
			ROW(r, LEDGER_malformed_udp_header);
	}
}

Test(rx_parse_ipv6, ipv6_fragments)
{
	static const struct {
		uint16_t field;
		uint8_t row;
	} cases[] = {
		{0, RX_OK},	 /* atomic: RFC 6946 */
		{0x0006, RX_OK}, /* reserved bits */
		{1, LEDGER_undecodable_fragment},
		{8, LEDGER_undecodable_fragment},
		{9, LEDGER_undecodable_fragment},
		{0xfff8, LEDGER_undecodable_fragment},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame_spec s = with_extension(IPPROTO_FRAGMENT, 0, cases[i].field);
		struct result r = parse(&s);
		ROW(r, cases[i].row);
	}
	struct frame_spec s = with_extension(IPPROTO_FRAGMENT, 0, 1);
	s.protocol = 6;
	struct result r = parse(&s);
	ROW(r, LEDGER_not_for_us_not_udp);
	/* Options behind the fragment header: it may be UDP, nobody can tell. */
	s = frame_default(1);
	s.extensions = 2;
	s.extension[0] = (struct frame_extension){IPPROTO_FRAGMENT, 0, 1};
	s.extension[1] = (struct frame_extension){IPPROTO_DSTOPTS, 0, 0};
	r = parse(&s);
	ROW(r, LEDGER_undecodable_fragment);
}

Test(rx_parse_ipv6, jumbogram)
{
	/* RFC 2675: payload length 0, the true one in a hop-by-hop option. No link we know carries
	 * them; such a header says "no payload". */
	struct frame_spec s = with_extension(IPPROTO_HOPOPTS, 0, 0);

	frame_make(frame, &s);
	log_put16(frame + 14 + 4, 0);
	memcpy(frame + 54 + 2, "\xc2\x04\x00\x01\x00\x00", 6);
	struct result r = parse_bytes(frame, s.len, 0, 0);
	ROW(r, LEDGER_malformed_ipv6_header);
	/* UDP length 0 means "look at the jumbo length" only there. */
	s = frame_default(1);
	s.lie_udp_len = -40;
	r = parse(&s);
	ROW(r, LEDGER_malformed_udp_header);
}

Test(rx_parse_ipv6, ipv6_header_that_lies)
{
	struct frame_spec s = frame_default(1);

	for (unsigned version = 0; version < 16; version++) {
		frame_make(frame, &s);
		frame[14] = (uint8_t)(version << 4);
		struct result r = parse_bytes(frame, s.len, 0, 0);
		ROW(r, version == 6 ? RX_OK : LEDGER_malformed_ipv6_header);
	}
	s.lie_ip_len = 1;
	struct result r = parse(&s);
	ROW(r, LEDGER_malformed_truncated);
	s.lie_ip_len = -(int)s.payload_len - 1; /* not even a UDP header */
	r = parse(&s);
	ROW(r, LEDGER_malformed_udp_header);
}
