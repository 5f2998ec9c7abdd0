/* Rewriting frames: every checksum that was right is right afterwards, summed up anew from scratch.
 */
#include <criterion/criterion.h>

#include "frames.h"
#include "replay/rewrite.h"

enum { FRAMES = 20000 };

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* RFC 1071, as it stands there: big-endian pairs, an odd last byte with a zero. */
static uint32_t sum_up(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += word(p + i);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The sum over pseudo header, header and payload: 0xffff with a right checksum in its place. */
static uint32_t transport_sum(const uint8_t *frame, const struct frame_spec *s)
{
	const uint8_t *ip = frame + s->ip_off, *udp = frame + s->udp_off;
	uint32_t len = 8 + s->payload_len;
	uint32_t sum = sum_up(IPPROTO_UDP + len, ip + (s->ipv6 ? 8 : 12), s->ipv6 ? 32 : 8);

	return sum_up(sum, udp, len);
}

static void set_right_checksums(uint8_t *frame, const struct frame_spec *s)
{
	uint8_t *udp = frame + s->udp_off;

	if (!s->ipv6) {
		log_put16(frame + s->ip_off + 10, 0);
		log_put16(frame + s->ip_off + 10,
			  (uint16_t)~sum_up(0, frame + s->ip_off, s->udp_off - s->ip_off));
	}
	log_put16(udp + 6, 0);
	uint16_t checksum = (uint16_t)~transport_sum(frame, s);
	log_put16(udp + 6, checksum ? checksum : 0xffff);
}

static void expect_right_checksums(const uint8_t *frame, const struct frame_spec *s)
{
	if (!s->ipv6)
		cr_assert_eq(sum_up(0, frame + s->ip_off, s->udp_off - s->ip_off), 0xffff);
	cr_assert_eq(transport_sum(frame, s), 0xffff, "%08x", transport_sum(frame, s));
	cr_assert_neq(word(frame + s->udp_off + 6), 0);
}

static struct frame_spec random_spec(uint8_t *payload)
{
	struct frame_spec s = frame_default(rand() & 1);

	s.tags = rand() % 3;
	s.tag_type[0] = s.tags == 2 && rand() & 1 ? 0x88a8 : 0x8100;
	s.option_words = s.ipv6 ? 0 : rand() % 11;
	s.extensions = s.ipv6 ? rand() % 3 : 0;
	for (int i = 0; i < s.extensions; i++) {
		s.extension[i].type = i ? IPPROTO_DSTOPTS : IPPROTO_HOPOPTS;
		s.extension[i].words = (uint8_t)(rand() % 4);
	}
	s.payload_len = (uint32_t)(rand() % 200);
	s.padding = (uint32_t)(rand() % 8);
	for (uint32_t i = 0; i < s.payload_len; i++)
		payload[i] = (uint8_t)(rand() % 16 ? rand() : rand() & 1 ? 0xff : 0);
	s.payload = payload;
	for (int i = 0; i < 16; i++) {
		s.src[i] = (uint8_t)rand();
		s.dst[i] = (uint8_t)rand();
	}
	s.src_port = (uint16_t)rand();
	s.dst_port = (uint16_t)rand();
	return s;
}

static struct rewrite_to random_to(void)
{
	struct rewrite_to to = {.version = rand() & 1 ? 4 : 6, .set_macs = rand() & 1};

	for (int i = 0; i < 16; i++)
		to.address[i] = (uint8_t)rand();
	to.port = (uint16_t)(rand() & 1 ? rand() : 0);
	memset(to.destination_mac, 0xaa, 6);
	memset(to.source_mac, 0xbb, 6);
	return to;
}

Test(replay_rewrite, right_checksums_stay_right)
{
	static uint8_t frame[FRAME_MAX], payload[256];

	srand(1);
	for (int i = 0; i < FRAMES; i++) {
		struct frame_spec s = random_spec(payload);
		struct rewrite_to to = random_to();
		struct rewrite_shape shape;
		uint32_t len = frame_make(frame, &s);

		set_right_checksums(frame, &s);
		rewrite_shape_of(frame, len, &shape);
		cr_assert_eq(shape.version, s.ipv6 ? 6 : 4);
		cr_assert_eq(shape.ports, s.udp_off);
		cr_assert_eq(rewrite_destination(frame, &shape, &to), to.version == shape.version);
		expect_right_checksums(frame, &s);
		if (rand() & 1)
			rewrite_source(frame, &shape, (uint32_t)rand() & 0xfffff);
		expect_right_checksums(frame, &s);
		cr_assert_eq(shape.stamp != 0, s.payload_len >= STAMP_BYTES);
		if (!shape.stamp)
			continue;
		struct stamp stamp = {(uint16_t)rand(), (uint8_t)rand(), (uint32_t)rand(),
				      (uint64_t)rand() << 32 | (uint32_t)rand()};
		rewrite_stamp(frame, &shape, &stamp);
		expect_right_checksums(frame, &s);
		cr_assert_eq(memcmp(frame + s.payload_off, payload, s.payload_len - STAMP_BYTES), 0,
			     "only the tail changes");
	}
}

/* The lengths and the payload of what was made `size` bytes long. */
static void expect_size(const uint8_t *frame, const uint8_t *was, const struct frame_spec *s,
			uint32_t size)
{
	cr_assert_eq(memcmp(frame, was, s->ip_off), 0);
	cr_assert_eq(word(frame + s->ip_off + (s->ipv6 ? 4 : 2)),
		     size - s->ip_off - (s->ipv6 ? 40 : 0));
	cr_assert_eq(word(frame + s->udp_off + 4), size - s->udp_off);
	cr_assert_eq(memcmp(frame + s->udp_off, was + s->udp_off, 4), 0);
	for (uint32_t at = s->payload_off; at < size; at++) {
		uint32_t k = at - s->payload_off;
		uint8_t want = s->payload_len ? was[s->payload_off + k % s->payload_len] : 0;
		cr_assert_eq(frame[at], want);
	}
}

Test(replay_rewrite, another_size)
{
	static uint8_t frame[FRAME_MAX], payload[256], out[65535];

	srand(3);
	for (int i = 0; i < FRAMES; i++) {
		struct frame_spec s = random_spec(payload);
		struct rewrite_shape shape;
		uint32_t len = frame_make(frame, &s);
		uint32_t size = (uint32_t)(rand() % (i % 100 ? 400 : 65535));
		int none = rand() % 4 == 0;

		set_right_checksums(frame, &s);
		if (none)
			log_put16(frame + s.udp_off + 6, 0);
		rewrite_shape_of(frame, len, &shape);
		cr_assert(shape.whole);
		bool done = rewrite_size(frame, &shape, size, out);
		cr_assert_eq(done, size >= s.payload_off, "%u of %u", size, s.payload_off);
		if (!done)
			continue;
		expect_size(out, frame, &s, size);
		s.payload_len = size - s.payload_off;
		if (none)
			cr_assert_eq(word(out + s.udp_off + 6), 0);
		else
			expect_right_checksums(out, &s);
		if (!s.ipv6)
			cr_assert_eq(sum_up(0, out + s.ip_off, s.udp_off - s.ip_off), 0xffff);
	}
}

Test(replay_rewrite, no_checksum_stays_none_and_a_wrong_one_wrong)
{
	static uint8_t frame[FRAME_MAX], payload[256];

	srand(2);
	for (int i = 0; i < FRAMES; i++) {
		struct frame_spec s = random_spec(payload);
		struct rewrite_to to = random_to();
		struct rewrite_shape shape;
		uint32_t len = frame_make(frame, &s);

		set_right_checksums(frame, &s);
		uint8_t *checksum = frame + s.udp_off + 6;
		uint32_t wrong_by = i & 1 ? 1u + (uint32_t)rand() % 0xfffd : 0;
		uint32_t off = sum_up(0, checksum, 2) + wrong_by;
		off = (off & 0xffff) + (off >> 16);
		log_put16(checksum, wrong_by && off ? (uint16_t)off : 0);
		bool none = word(checksum) == 0;
		rewrite_shape_of(frame, len, &shape);
		rewrite_destination(frame, &shape, &to);
		rewrite_source(frame, &shape, 7);
		if (none)
			cr_assert_eq(word(checksum), 0);
		else
			cr_assert_neq(transport_sum(frame, &s), 0xffff);
	}
}

Test(replay_rewrite, what_it_says_is_what_is_there)
{
	static uint8_t frame[FRAME_MAX];
	struct rewrite_to to = {.version = 4,
				.address = {10, 20, 0, 5},
				.port = 514,
				.set_macs = true,
				.destination_mac = {2, 0, 0, 0, 0, 9},
				.source_mac = {2, 0, 0, 0, 0, 8}};
	struct frame_spec s = frame_default(0);
	struct rewrite_shape shape;
	struct stamp got, stamp = {.run = 0xabcd,
				   .queue = 3,
				   .number = 0x123456789a,
				   .time_ns = UINT64_C(1795388252531000001)};

	rewrite_shape_of(frame, frame_make(frame, &s), &shape);
	cr_assert(rewrite_destination(frame, &shape, &to));
	rewrite_source(frame, &shape, 0x1ffff);
	rewrite_stamp(frame, &shape, &stamp);
	cr_assert_eq(memcmp(frame, "\2\0\0\0\0\x9\2\0\0\0\0\x8", 12), 0);
	cr_assert_eq(memcmp(frame + s.ip_off + 12, "\x0a\x02\0\0\x0a\x14\0\x05", 8), 0);
	cr_assert_eq(word(frame + s.udp_off), 1024 + 0x1ffff % 60000);
	cr_assert_eq(word(frame + s.udp_off + 2), 514);
	cr_assert(stamp_get(frame + s.payload_off, s.payload_len, &got));
	cr_assert_eq(got.run, stamp.run);
	cr_assert_eq(got.queue, stamp.queue);
	cr_assert_eq(got.number, stamp.number);
	cr_assert_eq(got.time_ns, stamp.time_ns);
	const uint8_t *tail = frame + s.payload_off + s.payload_len - STAMP_BYTES;
	cr_assert_eq(memcmp(tail, "\x57\xd5\xab\xcd\x03\x12\x34\x56\x78\x9a", 10), 0);
	cr_assert_not(stamp_get(frame + s.payload_off, STAMP_BYTES - 1, &got));
}

Test(replay_rewrite, ipv6_senders)
{
	static uint8_t frame[FRAME_MAX];
	static const uint8_t want[16] = {0xfd, 0x77, 0x69, 0x72, [13] = 1, [14] = 0, [15] = 0};
	struct frame_spec s = frame_default(1);
	struct rewrite_shape shape;

	rewrite_shape_of(frame, frame_make(frame, &s), &shape);
	rewrite_source(frame, &shape, 0xffff);
	cr_assert_eq(memcmp(frame + s.ip_off + 8, want, 16), 0);
	cr_assert_eq(memcmp(frame + s.ip_off + 24, s.dst, 16), 0);
}

/* A later fragment has no ports; the first one has, but its payload is no whole datagram. */
Test(replay_rewrite, fragments)
{
	static uint8_t frame[FRAME_MAX];
	struct frame_spec s = frame_default(0);
	struct rewrite_shape shape;

	s.fragment = 0x2000;
	rewrite_shape_of(frame, frame_make(frame, &s), &shape);
	cr_assert_neq(shape.ports, 0);
	cr_assert_eq(shape.stamp, 0);
	cr_assert_not(shape.whole);
	s.fragment = 0x0010;
	rewrite_shape_of(frame, frame_make(frame, &s), &shape);
	cr_assert_eq(shape.version, 4);
	cr_assert_eq(shape.ports, 0);
	cr_assert_eq(shape.checksum, 0);

	struct frame_spec v6 = frame_default(1);
	v6.extensions = 1;
	v6.extension[0] = (struct frame_extension){.type = IPPROTO_FRAGMENT, .fragment = 1};
	rewrite_shape_of(frame, frame_make(frame, &v6), &shape);
	cr_assert_eq(shape.ports, v6.udp_off);
	cr_assert_eq(shape.stamp, 0);
	v6.extension[0].fragment = 64;
	rewrite_shape_of(frame, frame_make(frame, &v6), &shape);
	cr_assert_eq(shape.version, 6);
	cr_assert_eq(shape.ports, 0);
}

/* The checksum is over the last address of a routing header that is not done with. */
Test(replay_rewrite, routing_header)
{
	static uint8_t frame[FRAME_MAX];
	struct frame_spec s = frame_default(1);
	struct rewrite_shape shape;

	s.extensions = 1;
	s.extension[0] = (struct frame_extension){.type = IPPROTO_ROUTING, .words = 2};
	frame_make(frame, &s);
	rewrite_shape_of(frame, s.len, &shape);
	cr_assert_neq(shape.ports, 0);
	frame[s.ip_off + 40 + 3] = 1; /* segments left */
	rewrite_shape_of(frame, s.len, &shape);
	cr_assert_eq(shape.ports, 0);
}

Test(replay_rewrite, lengths_that_lie)
{
	static uint8_t frame[FRAME_MAX];
	struct rewrite_shape shape;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame_spec s = frame_default(ipv6);
		s.lie_ip_len = 1;
		rewrite_shape_of(frame, frame_make(frame, &s), &shape);
		cr_assert_eq(shape.version, 0, "an IP packet that is longer than the frame");
		s = frame_default(ipv6);
		s.lie_udp_len = 1;
		rewrite_shape_of(frame, frame_make(frame, &s), &shape);
		cr_assert_eq(shape.stamp, 0, "a datagram that is longer than its IP packet");
	}
}

/* IPv4: more fragments, identification; no room for more than a UDP header behind it. */
static uint32_t fragment_number(uint16_t fragment, uint16_t id, uint8_t source)
{
	uint8_t frame[14 + 20 + 8] = {[12] = 0x08, [14] = 0x45, [17] = 28, [23] = IPPROTO_UDP};
	struct rewrite_shape shape;

	frame[29] = source;
	log_put16(frame + 18, id);
	log_put16(frame + 20, fragment);
	rewrite_shape_of(frame, sizeof(frame), &shape);
	cr_assert_eq(shape.version, 4);
	return shape.fragment;
}

Test(replay_rewrite, fragments_of_a_datagram_have_one_number)
{
	cr_assert_eq(fragment_number(0, 7, 1), 0);
	cr_assert_eq(fragment_number(0x4000, 7, 1), 0, "don't fragment");
	cr_assert_neq(fragment_number(0x2000, 7, 1), 0);
	cr_assert_eq(fragment_number(0x2000, 7, 1), fragment_number(0x2001, 7, 1));
	cr_assert_eq(fragment_number(0x2000, 7, 1), fragment_number(0x0002, 7, 1), "the last");
	cr_assert_neq(fragment_number(0x2000, 7, 1), fragment_number(0x2000, 8, 1));
	cr_assert_neq(fragment_number(0x2000, 7, 1), fragment_number(0x2000, 7, 2));
}
