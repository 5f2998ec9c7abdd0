/*
 * Decoder `lines` against a plain loop: random payloads of all kinds of senders, many packets into
 * one batch, lines and batches of all sizes at which a varint of a record gets longer.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/batch_reader.h"
#include "dataplane/rx_decode.h"
#include "dataplane/rx_lane.h"

enum {
	SLAB_BYTES = 16 << 20,
	PAYLOAD_MAX = 9000,
	EVENTS_MAX = 40000,
};

struct event {
	uint8_t *value;
	uint32_t len;
	uint8_t key[RX_SENDER_TEXT_ROOM];
	int32_t key_len; /* -1: none */
};

static struct lane lane;
static struct rx_senders senders;
static struct rx_batch batch;
static struct state_partition partition;
static uint8_t slab[SLAB_BYTES], scratch[LANE_SCRATCH];
static struct event events[EVENTS_MAX];
static unsigned events_count;

static void open_batch(int64_t delta_ms)
{
	for (unsigned i = 0; i < events_count; i++)
		free(events[i].value);
	events_count = 0;
	batch = (struct rx_batch){.cursor = slab, .limit = slab + sizeof(slab) - RX_RECORD_SLACK};
	rx_batch_set_time(&batch, delta_ms);
	lane.now_ms = delta_ms;
	lane.batches = &batch;
	lane.partitions = &partition;
	lane.scratch = scratch;
}

/* Of one of a few senders, whose texts are short and long. */
static void take_sender(struct rx_packet *p, uint8_t ip[40], bool is_ipv6)
{
	memset(ip, 0, 40);
	ip[is_ipv6 ? 8 : 12] = (uint8_t)(rand() % 2 ? 1 : 210);
	for (unsigned i = is_ipv6 ? 9 : 13; i < (is_ipv6 ? 24 : 16); i++)
		ip[i] = (uint8_t)(rand() % 3 ? 0 : 200);
	p->ip = ip;
	p->is_ipv6 = is_ipv6;
	p->src_port = (uint16_t)(rand() % 2 ? 7 : 65535);
	rx_sender_take(&senders, p);
}

static void add_event(const struct rx_packet *p, const uint8_t *value, uint32_t len, bool keyed)
{
	struct event *e = &events[events_count++];

	cr_assert_lt(events_count, EVENTS_MAX);
	e->value = malloc(len);
	memcpy(e->value, value, len);
	e->len = len;
	e->key_len = -1;
	if (keyed)
		e->key_len =
			(int32_t)(p->is_ipv6
					  ? rx_sender_format_v6(e->key, p->ip + 8, p->src_port)
					  : rx_sender_format_v4(e->key, p->ip + 12, p->src_port));
}

/* What a packet's events are, byte by byte; how many. */
static unsigned expect(const struct rx_packet *p, const uint8_t *data, uint32_t size, bool keyed)
{
	unsigned before = events_count;

	for (uint32_t i = 0, start = 0; i <= size; i++) {
		if (i < size && data[i] != '\n')
			continue;
		uint32_t end = i > start && data[i - 1] == '\r' ? i - 1 : i;
		if (end > start)
			add_event(p, data + start, end - start, keyed);
		start = i + 1;
	}
	return events_count - before;
}

static uint32_t make_payload(uint8_t *data, uint32_t line)
{
	uint32_t size = (uint32_t)rand() % PAYLOAD_MAX;

	for (uint32_t i = 0; i < size; i++) {
		uint32_t r = (uint32_t)rand() >> 4;

		data[i] = r % line == 0		? '\n'
			  : r % (2 * line) == 1 ? '\r'
						: (uint8_t)('a' + r % 26);
	}
	return size;
}

static void send_one(uint32_t line, bool is_ipv6, bool keyed)
{
	struct rx_stream stream = {.key = keyed ? PLAN_KEY_SENDER : PLAN_KEY_NONE,
				   .decoder = PLAN_DECODER_lines};
	uint8_t data[PAYLOAD_MAX], ip[40];
	struct rte_mbuf m = {.buf_addr = data, .nb_segs = 1};
	struct rx_packet p = {.mbuf = &m, .one_piece = 1, .row = RX_OK};
	uint32_t packets = batch.packets;

	take_sender(&p, ip, is_ipv6);
	p.payload_len = make_payload(data, line);
	m.data_len = (uint16_t)p.payload_len;
	m.pkt_len = p.payload_len;
	unsigned want = expect(&p, data, p.payload_len, keyed);
	uint8_t row = rx_decode(&lane, &stream, &p);
	cr_assert_eq(row, want ? LEDGER_stored_none : LEDGER_undecodable_no_event);
	cr_assert_eq(batch.packets - packets, want != 0);
}

static void check_batch(void)
{
	struct batch_head head = {.records = batch.records, .last_offset = batch.records - 1};
	struct record_iter it;
	struct record r;
	uint64_t bytes = 0;

	record_iter_init(&it, &head, slab, (size_t)(batch.cursor - slab));
	for (unsigned i = 0; i < events_count; i++) {
		const struct event *e = &events[i];

		cr_assert(record_next(&it, &r), "record %u of %u", i, events_count);
		cr_assert_eq(r.offset, i);
		cr_assert_eq(r.timestamp_ms, batch.ts_ms);
		cr_assert_eq(r.key_len, e->key_len, "record %u", i);
		if (e->key_len >= 0)
			cr_assert_eq(memcmp(r.key, e->key, (size_t)e->key_len), 0, "key %u", i);
		cr_assert_eq(r.value_len, (int32_t)e->len, "record %u", i);
		cr_assert_eq(memcmp(r.value, e->value, e->len), 0, "record %u", i);
		cr_assert_eq(r.headers_count, 0);
		bytes += e->len;
	}
	cr_assert_not(record_next(&it, &r));
	cr_assert_eq(it.error, BATCH_OK);
	cr_assert_eq(batch.records, events_count);
	cr_assert_eq(batch.value_bytes, bytes);
}

/* A line of 30 bytes has heads of one byte each, one of 100 longer ones, and of 6,000 some have
 * three. */
Test(rx_lines, against_a_plain_loop)
{
	static const uint32_t lines[] = {2, 30, 100, 6000};
	static const int64_t deltas_ms[] = {0, 63, 64, 8191, 8192, 2000000};

	srand(7);
	for (unsigned t = 0; t < sizeof(deltas_ms) / sizeof(deltas_ms[0]); t++) {
		for (unsigned l = 0; l < 4; l++) {
			open_batch(deltas_ms[t]);
			for (int i = 0; i < 200 && events_count < EVENTS_MAX - PAYLOAD_MAX; i++)
				send_one(lines[l], rand() % 2, rand() % 4 != 0);
			check_batch();
		}
	}
}

/* The offset deltas get longer at 64 and at 8,192 records. */
Test(rx_lines, many_in_one_batch)
{
	srand(8);
	open_batch(5);
	while (events_count < 9000)
		send_one(8 + (uint32_t)rand() % 100, false, true);
	check_batch();
}
