/*
 * Decoder `lines` on any payload, in one segment or in several: the records of its batches must be
 * the payload's lines as a plain loop finds them. The first byte of the input says where the
 * payload is cut into segments, 0: nowhere.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/batch_reader.h"
#include "dataplane/rx_decode.h"
#include "dataplane/rx_lane.h"

enum { SEGMENTS = 8, SLAB_BYTES = 1 << 20, PAYLOAD_MAX = 60000 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct lane lane;
static struct rx_batch batch;
static struct state_partition partition;
static uint8_t slab[SLAB_BYTES], scratch[LANE_SCRATCH];

/* Each segment in a block of its own size, so that one byte too far is seen. */
static struct rte_mbuf *make_mbufs(struct rte_mbuf *m, const uint8_t *p, uint32_t size,
				   uint32_t step)
{
	uint32_t n = 0;

	memset(m, 0, SEGMENTS * sizeof(*m));
	m->pkt_len = size;
	for (uint32_t at = 0; at < size || n == 0; n++) {
		uint32_t len = step && n + 1 < SEGMENTS && step < size - at ? step : size - at;
		uint8_t *block = malloc(len ? len : 1);

		if (!block)
			abort();
		memcpy(block, p + at, len);
		m[n].buf_addr = block;
		m[n].data_len = (uint16_t)len;
		if (n)
			m[n - 1].next = &m[n];
		at += len;
	}
	m->nb_segs = (uint16_t)n;
	return m;
}

static void expect_value(struct record_iter *it, const uint8_t *value, uint32_t len)
{
	struct record r;

	if (!record_next(it, &r) || r.value_len != (int32_t)len ||
	    memcmp(r.value, value, len) != 0 || r.key_len != -1)
		abort();
}

/* The lines, byte by byte; how many. */
static uint32_t compare(struct record_iter *it, const uint8_t *p, uint32_t size)
{
	uint32_t lines = 0, start = 0;

	for (uint32_t i = 0; i <= size; i++) {
		if (i < size && p[i] != '\n')
			continue;
		uint32_t end = i > start && p[i - 1] == '\r' ? i - 1 : i;
		if (end > start) {
			if (it)
				expect_value(it, p + start, end - start);
			lines++;
		}
		start = i + 1;
	}
	return lines;
}

static void check(const uint8_t *p, uint32_t size, uint8_t row)
{
	struct batch_head head = {.records = batch.records, .last_offset = batch.records - 1};
	struct record_iter it;
	struct record r;

	record_iter_init(&it, &head, slab, (size_t)(batch.cursor - slab));
	uint32_t lines = compare(&it, p, size);
	if (record_next(&it, &r) || it.error != BATCH_OK || batch.records != lines)
		abort();
	if (row != (lines ? LEDGER_stored_none : LEDGER_undecodable_no_event))
		abort();
	if (batch.packets != (lines != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct rx_stream stream = {.key = PLAN_KEY_NONE, .decoder = PLAN_DECODER_lines};
	struct rte_mbuf m[SEGMENTS];
	struct rx_packet p;

	if (size < 1 || size - 1 > PAYLOAD_MAX)
		return 0;
	memset(&p, 0, sizeof(p));
	p.mbuf = make_mbufs(m, input + 1, (uint32_t)size - 1, input[0]);
	p.payload_len = (uint32_t)size - 1;
	p.one_piece = p.mbuf->nb_segs == 1;
	p.row = RX_OK;
	memset(&batch, 0, sizeof(batch));
	batch.cursor = slab;
	batch.limit = slab + sizeof(slab) - RX_RECORD_SLACK;
	batch.ts_len = 1;
	lane.batches = &batch;
	lane.partitions = &partition;
	lane.scratch = scratch;
	check(input + 1, (uint32_t)size - 1, rx_decode(&lane, &stream, &p));
	for (unsigned i = 0; i < p.mbuf->nb_segs; i++)
		free(m[i].buf_addr);
	return 0;
}
