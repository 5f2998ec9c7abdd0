/*
 * Senders as text, against inet_ntop, and the cache that remembers those of IPv6.
 *
 * One form differs on purpose. For addresses that begin with 80 zero bits and then 16 ones or
 * zeros, inet_ntop writes the last 32 bits with dots ("::ffff:192.0.2.1"). RFC 5952, section 5,
 * recommends that for prefixes known to embed IPv4 addresses; its section 4 rules alone give
 * "::ffff:c000:201". Such addresses must not be on the wire (RFC 4213, RFC 6890), so a key that
 * shows them as what they are, IPv6 in hex, cannot be taken for the IPv4 sender it may forge.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/rx_sender.h"

static void random_bytes(uint8_t *p, unsigned n)
{
	while (n--)
		*p++ = (uint8_t)(rand() >> 7);
}

static void expect_text(const uint8_t *text, unsigned len, const char *want)
{
	cr_assert_eq(len, strlen(want), "\"%.*s\", not \"%s\"", (int)len, (const char *)text, want);
	cr_assert_eq(memcmp(text, want, len), 0, "\"%.*s\", not \"%s\"", (int)len,
		     (const char *)text, want);
}

static void check_v4(const uint8_t *address, uint16_t port)
{
	char ntop[INET_ADDRSTRLEN], want[64];
	uint8_t text[RX_SENDER_TEXT_ROOM];

	inet_ntop(AF_INET, address, ntop, sizeof(ntop));
	snprintf(want, sizeof(want), "%s:%u", ntop, port);
	memset(text, '#', sizeof(text));
	expect_text(text, rx_sender_format_v4(text, address, port), want);
	/* A packet's key ends a word further on (rx_packet.h). */
	for (unsigned i = strlen("255.255.255.255:65535"); i < sizeof(text); i++)
		cr_assert_eq(text[i], '#', "\"%s\" also wrote byte %u", want, i);
}

static void check_v6(const uint8_t *address, uint16_t port)
{
	char ntop[INET6_ADDRSTRLEN], want[64];
	uint8_t text[RX_SENDER_TEXT_ROOM];

	inet_ntop(AF_INET6, address, ntop, sizeof(ntop));
	if (strchr(ntop, '.'))
		return; /* the exception: below */
	snprintf(want, sizeof(want), "[%s]:%u", ntop, port);
	expect_text(text, rx_sender_format_v6(text, address, port), want);
}

Test(rx_sender, v4_texts)
{
	uint8_t a[4];

	srand(4);
	check_v4((const uint8_t[]){0, 0, 0, 0}, 0);
	check_v4((const uint8_t[]){255, 255, 255, 255}, 65535);
	for (unsigned i = 0; i < 256; i++)
		check_v4((const uint8_t[]){(uint8_t)i, 9, 10, (uint8_t)i}, (uint16_t)(i * 257));
	for (unsigned port = 0; port < 65536; port++)
		check_v4((const uint8_t[]){10, 0, 0, 1}, (uint16_t)port);
	for (int i = 0; i < 100000; i++) {
		random_bytes(a, 4);
		check_v4(a, (uint16_t)rand());
	}
}

Test(rx_sender, v6_texts)
{
	uint8_t a[16];

	srand(5);
	for (int i = 0; i < 100000; i++) {
		random_bytes(a, 16);
		check_v6(a, (uint16_t)rand());
	}
	/* Every pattern of zero groups, with short and long groups between. */
	for (int mask = 0; mask < 256; mask++)
		for (int i = 0; i < 20; i++) {
			for (int g = 0; g < 8; g++) {
				unsigned v = mask >> g & 1 ? 0 : 1 + (unsigned)rand() % 0xffff;

				v = v && rand() % 2 ? v % 0x10 + 1 : v;
				a[2 * g] = (uint8_t)(v >> 8);
				a[2 * g + 1] = (uint8_t)v;
			}
			check_v6(a, (uint16_t)rand());
		}
}

Test(rx_sender, v6_texts_of_rfc_5952)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"2001:db8::1", "[2001:db8::1]:514"},
		{"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:514"},
		{"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:514"},
		{"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:514"},
		{"::", "[::]:514"},
		{"::1", "[::1]:514"},
		{"fe80::", "[fe80::]:514"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:514"},
		{"::ffff:192.0.2.1", "[::ffff:c000:201]:514"},
		{"::192.0.2.1", "[::c000:201]:514"},
		{"64:ff9b::192.0.2.1", "[64:ff9b::c000:201]:514"},
	};
	uint8_t a[16], text[RX_SENDER_TEXT_ROOM];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(inet_pton(AF_INET6, cases[i].in, a), 1);
		expect_text(text, rx_sender_format_v6(text, a, 514), cases[i].want);
	}
}

/* A packet as the cache sees it: an IP header and a source port. */
struct sender {
	struct rx_packet p;
	uint8_t ip[40];
};

static void set_sender(struct sender *s, int ipv6, const uint8_t *address, uint16_t port)
{
	memset(s, 0, sizeof(*s));
	s->p.ip = s->ip;
	s->p.is_ipv6 = (uint8_t)ipv6;
	s->p.src_port = port;
	memcpy(s->ip + (ipv6 ? 8 : 12), address, ipv6 ? 16 : 4);
}

static void expect_key(const struct sender *s)
{
	uint8_t want[RX_SENDER_TEXT_ROOM];
	const uint8_t *key = rx_sender_key(&s->p);
	unsigned len = s->p.is_ipv6 ? rx_sender_format_v6(want, s->ip + 8, s->p.src_port)
				    : rx_sender_format_v4(want, s->ip + 12, s->p.src_port);

	cr_assert_eq(key[0], len << 1, "framed length %u, not %u", key[0], len << 1);
	cr_assert_eq(memcmp(key + 1, want, len), 0, "\"%.*s\", not \"%.*s\"", (int)len,
		     (const char *)key + 1, (int)len, (const char *)want);
}

static struct rx_senders *cache(void)
{
	/* As rte_zmalloc gives it. */
	struct rx_senders *s = aligned_alloc(4096, sizeof(*s));

	memset(s, 0, sizeof(*s));
	return s;
}

Test(rx_sender, the_longest_keys_fit)
{
	struct rx_senders *senders = cache();
	struct sender s;
	uint8_t ones[16];

	memset(ones, 0xff, sizeof(ones));
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		set_sender(&s, ipv6, ones, 65535);
		rx_sender_take(senders, &s.p);
		expect_key(&s);
		expect_key(&s); /* from the cache */
	}
	free(senders);
}

/* Sender 0.0.0.0 port 0 and its like must not be found in an empty cache. */
Test(rx_sender, zeros_are_a_sender_too)
{
	struct rx_senders *senders = cache();
	struct sender s;
	const uint8_t zeros[16] = {0};

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		set_sender(&s, ipv6, zeros, 0);
		rx_sender_take(senders, &s.p);
		expect_key(&s);
	}
	free(senders);
}

Test(rx_sender, another_port_is_another_sender)
{
	struct rx_senders *senders = cache();
	struct sender s;
	const uint8_t a[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (int round = 0; round < 2; round++)
			for (unsigned port = 0; port < 65536; port += 13) {
				set_sender(&s, ipv6, a, (uint16_t)port);
				rx_sender_take(senders, &s.p);
				expect_key(&s);
			}
	free(senders);
}

/* Far more senders than entries, a burst of them looked up before the first key is asked for: so
 * that many share an entry, and each still gets its own key. */
Test(rx_sender, collisions)
{
	enum { BURST = 64 };
	struct rx_senders *senders = cache();
	struct sender burst[BURST];
	uint8_t a[20] = {0x20, 1, 0xd, 0xb8};
	unsigned shared = 0;

	srand(6);
	for (int round = 0; round < 20000; round++) {
		for (int i = 0; i < BURST; i++) {
			if (i == 0 || rand() % 3)
				random_bytes(a + 4, 16);
			set_sender(&burst[i], rand() & 1, a + 4 * (rand() & 1), (uint16_t)rand());
			rx_sender_take(senders, &burst[i].p);
			for (int k = 0; k < i; k++)
				shared += burst[k].p.is_ipv6 && burst[i].p.is_ipv6 &&
					  burst[k].p.sender == burst[i].p.sender &&
					  burst[k].p.sender_tag != burst[i].p.sender_tag;
		}
		for (int i = 0; i < BURST; i++)
			expect_key(&burst[i]);
	}
	cr_expect_gt(shared, 100, "the test saw only %u collisions in a burst", shared);
	free(senders);
}

/* The tag of IPv6 is a hash: with the same tag the address and the port still count. */
Test(rx_sender, equal_hashes_are_told_apart)
{
	struct rx_senders *senders = cache();
	struct sender x, y;
	const uint8_t a[16] = {0x20, 1, 0xd, 0xb8, [15] = 1},
		      b[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};

	set_sender(&x, 1, a, 7);
	set_sender(&y, 1, b, 7);
	rx_sender_take(senders, &x.p);
	y.p.sender = x.p.sender;
	y.p.sender_tag = x.p.sender_tag;
	expect_key(&x);
	expect_key(&y);
	expect_key(&x);
	y = x;
	y.p.src_port = 8;
	y.p.ip = y.ip;
	expect_key(&y);
	expect_key(&x);
	free(senders);
}
