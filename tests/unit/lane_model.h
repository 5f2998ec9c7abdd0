/*
 * What a lane must do, said a second time and as simply as possible: for each slot the records that
 * its slabs must hold, in order, and how full the open batch is; for each port the ledger.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/batch_reader.h"
#include "dataplane/rx_lane.h"

enum { MODEL_SLOTS = 8, MODEL_PORTS = 2 };

struct model_record {
	int64_t ts_ms;
	uint8_t *value;
	uint32_t value_len;
	char key[64];	   /* "": null */
	char headers[256]; /* "src=...|dst=...|", as text */
	bool first;	   /* of its packet to be stored */
	struct model_record *next;
};

struct model_batch {
	uint32_t records, packets, bytes;
	int64_t base_ts_ms, max_ts_ms;
	uint64_t opened_ns;
	uint32_t phase;
	struct model_batch *next;
};

struct model_slot {
	struct model_record *records, **records_end;
	struct model_batch *closed, **closed_end; /* in order, not yet seen in the ring */
	struct model_batch *open;
	uint32_t limit;
	uint64_t given; /* bytes of closed batches */
	uint64_t packets_stored, packets_shed, packets_undecodable, value_bytes;
	uint64_t decoded, stored, shed;
};

struct model {
	const struct plan *plan;
	struct lane *lane;
	unsigned free_slabs;
	uint64_t due_ns; /* when lingers are looked at next */
	struct model_slot slots[MODEL_SLOTS];
	uint64_t rows[MODEL_PORTS][LEDGER_ROWS];
	uint64_t received[MODEL_PORTS], bytes[MODEL_PORTS];
};

static inline void model_init(struct model *m, const struct plan *plan, struct lane *lane)
{
	memset(m, 0, sizeof(*m));
	m->plan = plan;
	m->lane = lane;
	m->free_slabs = lane->slabs_count;
	m->due_ns = UINT64_MAX;
	for (unsigned i = 0; i < MODEL_SLOTS; i++) {
		m->slots[i].records_end = &m->slots[i].records;
		m->slots[i].closed_end = &m->slots[i].closed;
	}
}

static inline void model_close(struct model_slot *s)
{
	if (!s->open)
		return;
	s->given += s->open->bytes;
	*s->closed_end = s->open;
	s->closed_end = &s->open->next;
	s->open = NULL;
}

enum { MODEL_PUT_OFF_NS = 200 * 1000 };

static inline void model_linger(struct model *m)
{
	uint64_t now = m->lane->now.mono_ns;

	if (now < m->due_ns)
		return;
	/* Put off, since the log was behind: when that may be has a test of its own. */
	m->due_ns = now + MODEL_PUT_OFF_NS;
	if (m->lane->linger_due_ns == m->due_ns)
		return;
	m->due_ns = UINT64_MAX;
	for (unsigned i = 0; i < MODEL_SLOTS; i++) {
		struct model_slot *s = &m->slots[i];

		if (!s->open)
			continue;
		uint64_t due = s->open->opened_ns + m->plan->streams[i].linger_ns;
		if (due <= now)
			model_close(s);
		else if (due < m->due_ns)
			m->due_ns = due;
	}
}

static inline uint32_t model_varint(int64_t v)
{
	uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
	uint32_t n = 1;

	while (z >>= 7)
		n++;
	return n;
}

/* Opens a batch; false: nothing to open it in. */
static inline bool model_open(struct model *m, unsigned slot, uint32_t need)
{
	struct model_slot *s = &m->slots[slot];
	struct state_partition *p = &m->lane->partitions[slot];
	uint32_t body = m->plan->streams[slot].batch_bytes - RECORD_BATCH_HEAD;

	if (atomic_load(&p->storage_failed) || m->free_slabs == 0)
		return false;
	m->free_slabs--;
	s->open = calloc(1, sizeof(*s->open));
	s->open->bytes = RECORD_BATCH_HEAD;
	s->open->base_ts_ms = s->open->max_ts_ms = m->lane->now_ms;
	s->open->opened_ns = m->lane->now.mono_ns;
	if (s->open->opened_ns + m->plan->streams[slot].linger_ns < m->due_ns)
		m->due_ns = s->open->opened_ns + m->plan->streams[slot].linger_ns;
	s->open->phase = (uint32_t)((s->given + atomic_load(&p->phase_adjust)) % SLAB_BLOCK);
	s->limit = RECORD_BATCH_HEAD + (body > need ? body : need);
	return true;
}

/* One event; headers_len: as framed in the record. False: it is shed. */
static inline bool model_append(struct model *m, unsigned slot, const struct model_record *r,
				uint32_t headers_len)
{
	struct model_slot *s = &m->slots[slot];
	uint32_t key_len = (uint32_t)strlen(r->key);
	uint32_t need = 31 + 1 + key_len + r->value_len + headers_len;

	s->decoded++;
	int64_t delta = s->open ? r->ts_ms - s->open->base_ts_ms : 0;
	if (!s->open || s->open->bytes + need > s->limit || delta != (int32_t)delta) {
		model_close(s);
		if (!model_open(m, slot, need)) {
			s->shed++;
			return false;
		}
		delta = 0;
	}
	struct model_batch *b = s->open;
	uint32_t body = 1 + model_varint(delta) + model_varint(b->records) +
			(r->key[0] ? model_varint(key_len) : 1) + key_len +
			model_varint(r->value_len) + r->value_len + headers_len;
	b->bytes += model_varint(body) + body;
	b->records++;
	b->packets += r->first;
	if (r->ts_ms > b->max_ts_ms)
		b->max_ts_ms = r->ts_ms;
	s->stored++;
	s->value_bytes += r->value_len;

	struct model_record *copy = malloc(sizeof(*copy));
	*copy = *r;
	copy->value = malloc(r->value_len ? r->value_len : 1);
	memcpy(copy->value, r->value, r->value_len);
	copy->next = NULL;
	*s->records_end = copy;
	s->records_end = &copy->next;
	return true;
}

static inline void model_check_headers(const struct record *rec, const struct model_record *want)
{
	char text[256] = "";
	struct header_iter it;
	struct record_header h;

	header_iter_init(&it, rec);
	while (header_next(&it, &h)) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%.*s=%.*s|", h.key_len,
			 (const char *)h.key, h.value_len, (const char *)h.value);
	}
	cr_assert_str_eq(text, want->headers);
}

/* The head, as far as the reader needs it. */
static inline void model_put_head(const struct slab *slab)
{
	uint8_t *p = slab->base + slab->data;

	memset(p, 0, RECORD_BATCH_HEAD);
	log_put32(p + BATCH_batchLength, slab->end - slab->data - BATCH_LENGTH_BIAS);
	p[BATCH_magic] = BATCH_MAGIC;
	log_put32(p + BATCH_lastOffsetDelta, slab->records - 1);
	log_put64(p + BATCH_baseTimestamp, (uint64_t)slab->base_ts_ms);
	log_put64(p + BATCH_maxTimestamp, (uint64_t)slab->max_ts_ms);
	log_put32(p + BATCH_recordCount, slab->records);
}

static inline void model_check_record(struct model_slot *s, const struct record *rec)
{
	struct model_record *want = s->records;

	cr_assert_not_null(want, "a record too many");
	cr_assert_eq(rec->timestamp_ms, want->ts_ms);
	cr_assert_eq(rec->value_len, (int32_t)want->value_len);
	cr_assert_eq(memcmp(rec->value, want->value, want->value_len), 0);
	if (want->key[0]) {
		cr_assert_eq(rec->key_len, (int32_t)strlen(want->key));
		cr_assert_eq(memcmp(rec->key, want->key, strlen(want->key)), 0);
	} else {
		cr_assert_eq(rec->key_len, -1);
	}
	model_check_headers(rec, want);
	s->records = want->next;
	if (!s->records)
		s->records_end = &s->records;
	free(want->value);
	free(want);
}

/* A slab that came over the ring of filled ones: the next closed batch of its slot. */
static inline void model_check_slab(struct model *m, const struct slab *slab)
{
	struct model_slot *s = &m->slots[slab->slot];
	struct model_batch *want = s->closed;
	struct batch_head head;
	struct record_iter it;
	struct record rec;

	cr_assert_not_null(want, "a batch of slot %u that should be open", slab->slot);
	cr_assert_eq(slab->data, SLAB_BLOCK + want->phase, "phase %u, not %u",
		     slab->data - SLAB_BLOCK, want->phase);
	cr_assert_eq(slab->end - slab->data, want->bytes, "%u bytes, not %u",
		     slab->end - slab->data, want->bytes);
	cr_assert_leq(slab->end, slab->size_bytes);
	cr_assert_eq(slab->records, want->records);
	cr_assert_eq(slab->packets, want->packets);
	cr_assert_eq(slab->base_ts_ms, want->base_ts_ms);
	cr_assert_eq(slab->max_ts_ms, want->max_ts_ms);
	cr_assert_eq(slab->opened_ns, want->opened_ns);
	model_put_head(slab);
	cr_assert_eq(batch_head_parse(slab->base + slab->data, want->bytes, &head), BATCH_OK);
	record_iter_init(&it, &head, slab->base + slab->data + RECORD_BATCH_HEAD,
			 want->bytes - RECORD_BATCH_HEAD);
	while (record_next(&it, &rec))
		model_check_record(s, &rec);
	cr_assert_eq(it.error, BATCH_OK, "%s", batch_error_text(it.error));
	s->closed = want->next;
	if (!s->closed)
		s->closed_end = &s->closed;
	free(want);
}
