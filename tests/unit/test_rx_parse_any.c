/* What holds for parsing any frame: cut, random, tagged, by the short way. */
#include "parse_frames.h"

/* What a frame that was cut to `len` bytes must be called. */
static uint8_t row_when_cut(const struct frame_spec *s, uint32_t len)
{
	uint32_t ip = s->ip_off, end = s->payload_off + s->payload_len;

	if (len < 14 || len < ip)
		return LEDGER_malformed_ethernet;
	return len < end ? LEDGER_malformed_truncated : RX_OK;
}

Test(rx_parse_any, cut_at_every_byte)
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
Test(rx_parse_any, random_bytes)
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
Test(rx_parse_any, a_tag_changes_nothing_else)
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

Test(rx_parse_any, plain_packets_take_the_short_way)
{
	struct frame_spec s = {.payload_len = 100, .src_port = 5, .dst_port = 514};

	plain_seen = 0;
	ROW(parse(&s), RX_OK);
	cr_expect_eq(plain_seen, 1);
	s.ipv6 = 1;
	ROW(parse(&s), RX_OK);
	cr_expect_eq(plain_seen, 1);
}
