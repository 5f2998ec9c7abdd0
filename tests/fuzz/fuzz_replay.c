/* A captured packet on its way out: made into Ethernet, looked at, rewritten. Nothing outside the
 * frame is read or written, and checksums that were right stay right. The first byte of the input
 * is the link type, the second what is done. */
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "replay/link.h"
#include "replay/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* RFC 1071, in big-endian pairs, of an IPv4 header: 0xffff when it is right. */
static uint32_t header_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < (ip[0] & 0x0fu) * 4; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void rewrite(uint8_t *frame, uint32_t len, uint8_t what)
{
	struct rewrite_to to = {.version = what & 1 ? 4 : 6, .port = what & 2 ? 514 : 0};
	struct stamp got, stamp = {.run = 1, .queue = 2, .number = 3, .time_ns = 4};
	struct rewrite_shape shape;

	memset(to.address, what, sizeof(to.address));
	to.set_macs = what & 4;
	rewrite_shape_of(frame, len, &shape);
	if (shape.ip > len || shape.ports > len || shape.checksum > len || shape.stamp > len)
		abort();
	uint32_t size = what * 7u;
	uint8_t *sized = malloc(size ? size : 1);
	if (rewrite_size(frame, &shape, size, sized)) {
		struct rewrite_shape again;
		rewrite_shape_of(sized, size, &again);
		if (!again.whole || again.ports != shape.ports)
			abort();
	}
	free(sized);
	bool right = shape.version == 4 && header_sum(frame + shape.ip) == 0xffff;
	rewrite_sender_hash(frame, &shape);
	rewrite_destination(frame, &shape, &to);
	if (what & 8)
		rewrite_source(frame, &shape, what * 65537u);
	if (shape.stamp) {
		rewrite_stamp(frame, &shape, &stamp);
		if (!stamp_get(frame, shape.stamp + STAMP_BYTES, &got) || got.number != 3)
			abort();
	}
	if (right && header_sum(frame + shape.ip) != 0xffff)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const int types[] = {DLT_EN10MB, DLT_RAW,       DLT_NULL,
				    DLT_LOOP,	DLT_LINUX_SLL, DLT_LINUX_SLL2};
	struct link_cut cut;

	if (size < 2 || size > 65000)
		return 0;
	/* Copies of their own size, so that one byte too far is seen. */
	uint32_t len = (uint32_t)size - 2;
	uint8_t *packet = malloc(len ? len : 1);
	memcpy(packet, input + 2, len);
	if (link_cut_of(types[input[0] % 6], packet, len, &cut)) {
		if (cut.skip > len || cut.header > sizeof(cut.bytes))
			abort();
		uint32_t frame_len = len - cut.skip + cut.header;
		uint8_t *frame = malloc(frame_len);
		memcpy(frame, cut.bytes, cut.header);
		memcpy(frame + cut.header, packet + cut.skip, len - cut.skip);
		rewrite(frame, frame_len, input[1]);
		free(frame);
	}
	free(packet);
	return 0;
}
