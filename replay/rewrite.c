#include "rewrite.h"

#include <netinet/in.h>

#include "dataplane/api/fnv.h"

enum {
	ETHERNET = 14,
	TAGS_MAX = 2,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	EXTENSIONS_MAX = 8,
	UDP_HEADER = 8,
	TCP_HEADER = 20,
	ICMPV6_HEADER = 4,
	SENDER_PORT_FIRST = 1024,
	SENDER_PORTS = 60000,
};

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static uint32_t folded(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

/* --- looking ------------------------------------------------------------------------------- */

/* Of a datagram's addresses, which lie side by side, and its identification. */
static uint32_t fragment_of(const uint8_t *addresses, uint32_t bytes, const uint8_t *id,
			    uint32_t id_bytes)
{
	uint32_t hash = folded(fnv_bytes(fnv_bytes(FNV_START, addresses, bytes), id, id_bytes));

	return hash ? hash : 1;
}

/* What is behind IP: header at `at`, the datagram's end at `end`; whole: not a fragment. */
static void look_behind_ip(const uint8_t *frame, uint32_t at, uint32_t end, bool whole,
			   struct rewrite_shape *shape)
{
	if (shape->protocol == IPPROTO_UDP && at + UDP_HEADER <= end) {
		uint32_t len = get16(frame + at + 4);

		shape->ports = (uint16_t)at;
		shape->checksum = (uint16_t)(at + 6);
		shape->whole = whole && len >= UDP_HEADER && at + len <= end;
		if (shape->whole && len >= UDP_HEADER + STAMP_BYTES)
			shape->stamp = (uint16_t)(at + len - STAMP_BYTES);
	} else if (shape->protocol == IPPROTO_TCP && at + TCP_HEADER <= end) {
		shape->ports = (uint16_t)at;
		shape->checksum = (uint16_t)(at + 16);
	} else if (shape->protocol == IPPROTO_ICMPV6 && shape->version == 6 &&
		   at + ICMPV6_HEADER <= end) {
		shape->checksum = (uint16_t)(at + 2);
	}
}

static void look_at_ipv4(const uint8_t *frame, uint32_t at, uint32_t len,
			 struct rewrite_shape *shape)
{
	if (at + IPV4_HEADER > len || frame[at] >> 4 != 4)
		return;
	uint32_t header = (uint32_t)(frame[at] & 0x0f) * 4, total = get16(frame + at + 2);
	uint32_t fragment = get16(frame + at + 6);

	if (header < IPV4_HEADER || total < header || at + total > len)
		return;
	shape->version = 4;
	shape->ip = (uint16_t)at;
	shape->protocol = frame[at + 9];
	if (fragment & 0x3fff)
		shape->fragment = fragment_of(frame + at + 12, 8, frame + at + 4, 2);
	if (!(fragment & 0x1fff))
		look_behind_ip(frame, at + header, at + total, !(fragment & 0x2000), shape);
}

/* Follows the extension headers to what the checksum is found in; 0: not there, in a later
 * fragment, or it covers an address of a routing header. */
static uint32_t behind_extensions(const uint8_t *frame, uint32_t at, uint32_t end,
				  struct rewrite_shape *shape, bool *whole)
{
	uint8_t *next = &shape->protocol;

	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING &&
		    *next != IPPROTO_DSTOPTS && *next != IPPROTO_FRAGMENT)
			return at;
		if (at + 8 > end)
			return 0;
		if (*next == IPPROTO_FRAGMENT) {
			*whole = !(get16(frame + at + 2) & 0xfff9);
			if (!*whole)
				shape->fragment =
					fragment_of(frame + shape->ip + 8, 32, frame + at + 4, 4);
			if (get16(frame + at + 2) & 0xfff8)
				return 0;
		}
		if (*next == IPPROTO_ROUTING && frame[at + 3])
			return 0;
		uint32_t bytes = *next == IPPROTO_FRAGMENT ? 8 : (frame[at + 1] + 1u) * 8;
		*next = frame[at];
		at += bytes;
	}
	return 0;
}

static void look_at_ipv6(const uint8_t *frame, uint32_t at, uint32_t len,
			 struct rewrite_shape *shape)
{
	bool whole = true;

	if (at + IPV6_HEADER > len || frame[at] >> 4 != 6)
		return;
	uint32_t end = at + IPV6_HEADER + get16(frame + at + 4);
	if (end > len)
		return;
	shape->version = 6;
	shape->ip = (uint16_t)at;
	shape->protocol = frame[at + 6];
	uint32_t behind = behind_extensions(frame, at + IPV6_HEADER, end, shape, &whole);
	if (behind)
		look_behind_ip(frame, behind, end, whole, shape);
}

void rewrite_shape_of(const uint8_t *frame, uint32_t len, struct rewrite_shape *shape)
{
	uint32_t at = ETHERNET;

	memset(shape, 0, sizeof(*shape));
	if (len < ETHERNET || len > UINT16_MAX)
		return;
	uint16_t type = get16(frame + 12);
	for (int i = 0; i < TAGS_MAX && (type == 0x8100 || type == 0x88a8 || type == 0x9100); i++) {
		if (at + 4 > len)
			return;
		type = get16(frame + at + 2);
		at += 4;
	}
	if (type == 0x0800)
		look_at_ipv4(frame, at, len, shape);
	else if (type == 0x86dd)
		look_at_ipv6(frame, at, len, shape);
}

/* --- changing ------------------------------------------------------------------------------ */

/* Sum of the 16-bit words in big-endian pairs, in the machine's own order: RFC 1071 section 2(B).
 * Not folded; bytes is even, and at most a few hundred. */
static uint64_t sum_of(const uint8_t *p, unsigned bytes)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < bytes; i += 2) {
		uint16_t v;
		memcpy(&v, p + i, sizeof(v));
		sum += v;
	}
	return sum;
}

/* The same with each word's complement. */
static uint64_t sum_of_complement(const uint8_t *p, unsigned bytes)
{
	return bytes / 2 * UINT64_C(0xffff) - sum_of(p, bytes);
}

/* RFC 1624: HC' = ~(~HC + ~m + m'). difference is ~m + m'. */
static void update_checksum(uint8_t *at, uint64_t difference)
{
	uint16_t checksum;

	memcpy(&checksum, at, sizeof(checksum));
	uint64_t sum = (uint16_t)~checksum + difference;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	checksum = (uint16_t)~sum;
	memcpy(at, &checksum, sizeof(checksum));
}

static void update_behind_ip(uint8_t *frame, const struct rewrite_shape *shape, uint64_t difference)
{
	uint8_t *at = frame + shape->checksum;

	if (!shape->checksum)
		return;
	if (shape->protocol == IPPROTO_UDP && !at[0] && !at[1])
		return; /* the sender made none */
	update_checksum(at, difference);
	if (shape->protocol == IPPROTO_UDP && !at[0] && !at[1])
		at[0] = at[1] = 0xff;
}

static void set_address(uint8_t *frame, const struct rewrite_shape *shape, uint32_t off4,
			uint32_t off6, const uint8_t *address)
{
	unsigned bytes = shape->version == 4 ? 4 : 16;
	uint8_t *at = frame + shape->ip + (shape->version == 4 ? off4 : off6);
	uint64_t difference = sum_of_complement(at, bytes) + sum_of(address, bytes);

	memcpy(at, address, bytes);
	if (shape->version == 4)
		update_checksum(frame + shape->ip + 10, difference);
	update_behind_ip(frame, shape, difference);
}

static void set_port(uint8_t *frame, const struct rewrite_shape *shape, uint32_t off, uint16_t port)
{
	uint8_t *at = frame + shape->ports + off;
	uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};

	if (!shape->ports)
		return;
	uint64_t difference = sum_of_complement(at, 2) + sum_of(bytes, 2);
	memcpy(at, bytes, 2);
	update_behind_ip(frame, shape, difference);
}

bool rewrite_destination(uint8_t *frame, const struct rewrite_shape *shape,
			 const struct rewrite_to *to)
{
	if (to->set_macs) {
		memcpy(frame, to->destination_mac, 6);
		memcpy(frame + 6, to->source_mac, 6);
	}
	if (!to->version)
		return true;
	if (shape->version != to->version)
		return false;
	set_address(frame, shape, 16, 24, to->address);
	if (to->port)
		set_port(frame, shape, 2, to->port);
	return true;
}

void rewrite_source(uint8_t *frame, const struct rewrite_shape *shape, uint32_t v)
{
	uint8_t address[16] = {0xfd, 0x77, 0x69, 0x72};
	uint32_t number = __builtin_bswap32(v + 1);

	if (!shape->version)
		return;
	memcpy(address + (shape->version == 4 ? 0 : 12), &number, sizeof(number));
	if (shape->version == 4)
		address[0] = 10;
	set_address(frame, shape, 12, 8, address);
	set_port(frame, shape, 0, (uint16_t)(SENDER_PORT_FIRST + v % SENDER_PORTS));
}

void rewrite_stamp(uint8_t *frame, const struct rewrite_shape *shape, const struct stamp *stamp)
{
	uint8_t *at = frame + shape->stamp;
	uint64_t difference = sum_of_complement(at, STAMP_BYTES);

	stamp_put(at, stamp);
	difference += sum_of(at, STAMP_BYTES);
	/* The checksum's words begin at the UDP header: at an odd distance ours lie across two of
	 * them, and a sum of swapped words is the swapped sum. */
	if ((shape->stamp - shape->ports) & 1) {
		while (difference >> 16)
			difference = (difference & 0xffff) + (difference >> 16);
		difference = __builtin_bswap16((uint16_t)difference);
	}
	update_behind_ip(frame, shape, difference);
}

/* What a UDP checksum covers and a new size changes: the length, twice (it stands in the pseudo
 * header too), and the payload. *bytes: of the words summed up, for the complement. */
static uint64_t sum_of_sized(const uint8_t *udp, unsigned *bytes)
{
	unsigned len = get16(udp + 4), payload = len - UDP_HEADER;
	uint8_t last[2] = {udp[len - 1], 0};
	uint64_t sum = 2 * sum_of(udp + 4, 2) + sum_of(udp + UDP_HEADER, payload & ~1u);

	*bytes = 4 + ((payload + 1) & ~1u);
	return payload & 1 ? sum + sum_of(last, 2) : sum;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

bool rewrite_size(const uint8_t *frame, const struct rewrite_shape *shape, uint32_t size,
		  uint8_t *out)
{
	uint32_t headers = shape->ports + (uint32_t)UDP_HEADER;
	const uint8_t *ip = frame + shape->ip;
	unsigned bytes;

	if (!shape->whole || size < headers || size > UINT16_MAX)
		return false;
	uint32_t payload = get16(frame + shape->ports + 4) - (uint32_t)UDP_HEADER;
	memcpy(out, frame, headers);
	for (uint32_t at = headers; at < size; at++)
		out[at] = payload ? frame[headers + (at - headers) % payload] : 0;
	put16(out + shape->ports + 4, size - shape->ports);
	if (shape->version == 4) {
		put16(out + shape->ip + 2, size - shape->ip);
		update_checksum(out + shape->ip + 10,
				sum_of_complement(ip + 2, 2) + sum_of(out + shape->ip + 2, 2));
	} else {
		put16(out + shape->ip + 4, size - shape->ip - IPV6_HEADER);
	}
	uint64_t sum = sum_of_sized(frame + shape->ports, &bytes);
	uint64_t difference = bytes / 2 * UINT64_C(0xffff) - sum;
	update_behind_ip(out, shape, difference + sum_of_sized(out + shape->ports, &bytes));
	return true;
}

uint32_t rewrite_sender_hash(const uint8_t *frame, const struct rewrite_shape *shape)
{
	const uint8_t *at = frame + shape->ip + (shape->version == 4 ? 12 : 8);

	return folded(fnv_bytes(FNV_START, at,
				shape->version == 4   ? 4
				: shape->version == 6 ? 16
						      : 0));
}
