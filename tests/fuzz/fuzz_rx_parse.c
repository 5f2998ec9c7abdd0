/* rx_parse() on arbitrary frames: never reads outside the first segment, and what it accepts lies
 * within the packet. The first byte of the input says how many more bytes the packet has in further
 * segments. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/rx_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct rx_packet packet;
	struct rte_mbuf mbuf;

	if (size < 1 || size > 65000)
		return 0;
	/* A copy of its own size, so that one byte too far is seen. */
	uint8_t *frame = malloc(size - 1 ? size - 1 : 1);
	if (!frame)
		return 0;
	memcpy(frame, input + 1, size - 1);
	memset(&packet, 0, sizeof(packet));
	memset(&mbuf, 0, sizeof(mbuf));
	mbuf.buf_addr = frame;
	mbuf.data_len = (uint16_t)(size - 1);
	mbuf.pkt_len = (uint32_t)(size - 1) + input[0] * 8u;
	uint8_t row = rx_parse(&packet, &mbuf);

	if (row > RX_OK)
		abort();
	if (row == RX_OK && ((uint64_t)packet.payload_off + packet.payload_len > mbuf.pkt_len ||
			     packet.payload_off > mbuf.data_len || packet.ip < frame))
		abort();
	/* The short way may refuse, but must not differ. */
	struct rx_packet plain = packet;
	uint64_t udp;
	plain.ip_off = 0;
	bool is_plain = rx_plain(&mbuf, frame, &udp);
	if (is_plain)
		rx_parse_plain(&plain, frame, udp);
	if (is_plain &&
	    (row != RX_OK || plain.ip != packet.ip || plain.ip_off != packet.ip_off ||
	     plain.payload_off != packet.payload_off || plain.payload_len != packet.payload_len ||
	     plain.src_port != packet.src_port || plain.dst_port != packet.dst_port))
		abort();
	free(frame);
	return 0;
}
