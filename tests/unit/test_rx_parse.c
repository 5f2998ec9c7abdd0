/*
 * Every row of the ledger that parsing gives, on frames made by hand. Each frame lies at the end of
 * a block of exactly its size, so that AddressSanitizer sees a read behind it.
 */
#include <criterion/criterion.h>

#include "dataplane/rx_parse.h"
#include "frames.h"

static uint8_t frame[FRAME_MAX];

struct result {
	uint8_t row;
	struct rx_packet p;
};

static unsigned plain_seen;

/* The short way may refuse, but must not differ. */
static void check_plain(const struct rte_mbuf *m, const struct result *r)
{
	struct rx_packet p;
	uint64_t ports;

	memset(&p, 0xa5, sizeof(p));
	if (!rx_parse_plain(&p, m, rte_pktmbuf_mtod(m, const uint8_t *), &ports))
		return;
	plain_seen++;
	cr_expect_eq(r->row, RX_OK);
	cr_expect_eq(p.ip, r->p.ip);
	cr_expect_eq(p.ip_off, r->p.ip_off);
	cr_expect_eq(p.payload_off, r->p.payload_off);
	cr_expect_eq(p.payload_len, r->p.payload_len);
	cr_expect_eq(p.src_port, r->p.src_port);
	cr_expect_eq(p.dst_port, r->p.dst_port);
	cr_expect_eq(ports >> 48, r->p.src_port);
	cr_expect_eq(ports >> 32 & 0xffff, r->p.dst_port);
	cr_expect_eq(p.vlan, r->p.vlan);
	cr_expect_eq(r->p.is_ipv6, 0);
	cr_expect_eq(r->p.one_piece, 1);
	cr_expect_eq(p.payload_off - p.ip_off, RX_PLAIN_PAYLOAD - RX_PLAIN_IP);
}

static struct result parse_bytes(const uint8_t *bytes, uint32_t len, uint64_t flags, uint16_t tci)
{
	struct result r;
	struct rte_mbuf m;
	uint8_t *block = malloc(len ? len : 1);

	memcpy(block, bytes, len);
	/* For no bytes at all, point behind the one that malloc must give. */
	frame_mbuf(&m, len ? block : block + 1, len);
	m.ol_flags = flags;
	m.vlan_tci = tci;
	memset(&r.p, 0xa5, sizeof(r.p));
	r.row = rx_parse(&r.p, &m);
	check_plain(&m, &r);
	free(block);
	return r;
}

static struct result parse(struct frame_spec *s)
{
	return parse_bytes(frame, frame_make(frame, s), 0, 0);
}

static const char *row_name(uint8_t row)
{
	static char text[64];

	if (row == RX_OK)
		return "ok";
	snprintf(text, sizeof(text), "%s.%s", ledger_info[row].term, ledger_info[row].cause);
	return text;
}

#define ROW(r, want) cr_expect_eq((r).row, want, "%s, not " #want, row_name((r).row))

static void expect_found(const struct result *r, const struct frame_spec *s)
{
	ROW(*r, RX_OK);
	cr_expect_eq(r->p.payload_off, s->payload_off);
	cr_expect_eq(r->p.payload_len, s->payload_len);
	cr_expect_eq(r->p.ip_off, s->ip_off);
	cr_expect_eq(r->p.src_port, s->src_port);
	cr_expect_eq(r->p.dst_port, s->dst_port);
	cr_expect_eq(r->p.is_ipv6, s->ipv6);
	cr_expect_eq(r->p.vlan, s->tags ? s->tag_id[0] & 0xfff : RX_NO_VLAN);
}

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

static struct frame_spec with_extension(uint8_t type, uint8_t words, uint16_t fragment)
{
	struct frame_spec s = frame_default(1);

	s.extensions = 1;
	s.extension[0] = (struct frame_extension){type, words, fragment};
	return s;
}

Test(rx_parse, ipv6_extension_headers)
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

Test(rx_parse, ipv6_extension_header_before_something_else)
{
	struct frame_spec s = with_extension(IPPROTO_HOPOPTS, 0, 0);

	s.protocol = 58; /* multicast listener reports look like this */
	struct result r = parse(&s);
	ROW(r, LEDGER_not_for_us_not_udp);
}

Test(rx_parse, ipv6_extension_header_that_lies)
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

Test(rx_parse, ipv6_fragments)
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

Test(rx_parse, jumbogram)
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

Test(rx_parse, ipv6_header_that_lies)
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

/* What a frame that was cut to `len` bytes must be called. */
static uint8_t row_when_cut(const struct frame_spec *s, uint32_t len)
{
	uint32_t ip = s->ip_off, end = s->payload_off + s->payload_len;

	if (len < 14 || len < ip)
		return LEDGER_malformed_ethernet;
	return len < end ? LEDGER_malformed_truncated : RX_OK;
}

Test(rx_parse, cut_at_every_byte)
{
	for (int kind = 0; kind < 8; kind++) {
		struct frame_spec s = frame_default(kind & 1);

		s.tags = kind >> 1 & 1;
		s.padding = 9;
		if (kind & 4) {
			s.option_words = 3;
			s.extensions = 3;
			s.extension[0] = (struct frame_extension){IPPROTO_HOPOPTS, 1, 0};
			s.extension[1] = (struct frame_extension){IPPROTO_FRAGMENT, 0, 0};
			s.extension[2] = (struct frame_extension){IPPROTO_DSTOPTS, 2, 0};
		}
		frame_make(frame, &s);
		for (uint32_t len = 0; len <= s.len; len++) {
			struct result r = parse_bytes(frame, len, 0, 0);
			uint8_t want = row_when_cut(&s, len);

			cr_expect_eq(r.row, want, "kind %d cut to %u: %s", kind, len,
				     row_name(r.row));
		}
	}
}

/* Whatever the bytes: a row, or a payload that lies within the packet. */
Test(rx_parse, random_bytes)
{
	srand(1);
	for (int round = 0; round < 200000; round++) {
		struct frame_spec s = frame_default(rand() & 1);

		s.payload_len = (uint32_t)rand() % 64;
		s.tags = rand() % 3 == 0;
		s.option_words = rand() % 11;
		s.extensions = rand() % 4;
		for (int i = 0; i < s.extensions; i++)
			s.extension[i] = (struct frame_extension){
				(uint8_t[]){0, 43, 44, 60, 51}[rand() % 5], (uint8_t)(rand() % 3),
				(uint16_t)(rand() % 3 ? 0 : rand())};
		frame_make(frame, &s);
		for (int n = rand() % 4; n > 0; n--)
			frame[(uint32_t)rand() % s.len] = (uint8_t)rand();
		uint32_t len = rand() % 4 ? s.len : (uint32_t)rand() % (s.len + 1);
		struct result r = parse_bytes(frame, len, 0, 0);
		if (r.row != RX_OK) {
			cr_assert_lt(r.row, LEDGER_ROWS);
			continue;
		}
		cr_assert_leq(r.p.payload_off, len);
		cr_assert_leq(r.p.payload_len, len - r.p.payload_off);
		cr_assert_lt(r.p.ip_off, r.p.payload_off);
	}
}

/* Tagged frames take the general way, most others a short one: both must say the same. */
Test(rx_parse, a_tag_changes_nothing_else)
{
	static uint8_t tagged[FRAME_MAX];

	srand(2);
	for (int round = 0; round < 200000; round++) {
		struct frame_spec s = frame_default(0);

		s.payload_len = (uint32_t)rand() % 48;
		s.padding = (uint32_t)rand() % 4;
		s.option_words = rand() % 8 ? 0 : rand() % 11;
		frame_make(frame, &s);
		/* Where it hurts: lengths, flags, offsets, protocol. */
		for (int n = rand() % 3; n > 0; n--)
			frame[12 + (uint32_t)rand() % (s.len - 12)] =
				(uint8_t)(rand() % 2 ? rand() : rand() % 64);
		uint32_t len = rand() % 4 ? s.len : 14 + (uint32_t)rand() % (s.len - 13);
		memcpy(tagged, frame, 12);
		log_put32(tagged + 12, 0x81000001);
		memcpy(tagged + 16, frame + 12, len - 12);
		struct result a = parse_bytes(frame, len, 0, 0);
		struct result b = parse_bytes(tagged, len + 4, 0, 0);
		if (a.row == LEDGER_malformed_ethernet || frame[12] == 0x81 || frame[12] == 0x88)
			continue; /* it became a tag itself */
		cr_assert_eq(a.row, b.row, "%s, but tagged row %u", row_name(a.row), b.row);
		if (a.row != RX_OK)
			continue;
		cr_assert_eq(a.p.payload_len, b.p.payload_len);
		cr_assert_eq(a.p.payload_off + 4, b.p.payload_off);
		cr_assert_eq(a.p.ip_off + 4, b.p.ip_off);
		cr_assert_eq(a.p.src_port, b.p.src_port);
		cr_assert_eq(a.p.dst_port, b.p.dst_port);
		cr_assert_eq(a.p.is_ipv6, b.p.is_ipv6);
		cr_assert_eq(a.p.vlan, RX_NO_VLAN);
		cr_assert_eq(b.p.vlan, 1);
	}
}

Test(rx_parse, plain_packets_take_the_short_way)
{
	struct frame_spec s = {.payload_len = 100, .src_port = 5, .dst_port = 514};

	plain_seen = 0;
	ROW(parse(&s), RX_OK);
	cr_expect_eq(plain_seen, 1);
	s.ipv6 = 1;
	ROW(parse(&s), RX_OK);
	cr_expect_eq(plain_seen, 1);
}
