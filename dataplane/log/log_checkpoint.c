/*
 * weir.checkpoint: where recovery starts. Replaced atomically and durably (DISK_PUT) when a segment
 * has been finished, when log_start moves, and at a clean stop.
 *
 *     weir.checkpoint 1
 *     recover_from 1048576
 *     ...
 *     crc 89abcdef
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l.h>

#include "log_private.h"

#define HEAD_LINE "weir.checkpoint 1\n"

static const struct field {
	const char *name;
	size_t offset;
} fields[] = {
#define FIELD(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct log_checkpoint, name)                                       \
	}
	FIELD(recover_from),  FIELD(log_start),	    FIELD(clean),	 FIELD(end_offset),
	FIELD(end_bytes),     FIELD(index_entries), FIELD(time_entries), FIELD(index_gap),
	FIELD(max_ts_offset), FIELD(max_ts),	    FIELD(last_time_ts), FIELD(first_max_ts),
#undef FIELD
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static uint32_t crc_of(const char *text, size_t len)
{
	return ~crc32_iscsi((unsigned char *)(uintptr_t)text, (int)len, UINT32_MAX);
}

/* No printf: this runs on the log core. */
static char *put_text(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len);
	return at + len;
}

static char *put_number(char *at, uint64_t n)
{
	char digits[20];
	int i = 0;

	do {
		digits[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (i)
		*at++ = digits[--i];
	return at;
}

static char *put_crc(char *at, uint32_t crc)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[crc >> shift & 15];
	return at;
}

size_t log_checkpoint_format(char text[LOG_CHECKPOINT_BYTES], const struct log_checkpoint *cp)
{
	char *at = put_text(text, HEAD_LINE);

	for (unsigned i = 0; i < FIELDS; i++) {
		uint64_t value;

		memcpy(&value, (const char *)cp + fields[i].offset, sizeof(value));
		at = put_text(at, fields[i].name);
		*at++ = ' ';
		at = put_number(at, value);
		*at++ = '\n';
	}
	uint32_t crc = crc_of(text, (size_t)(at - text));
	at = put_text(at, "crc ");
	at = put_crc(at, crc);
	*at++ = '\n';
	return (size_t)(at - text);
}

/* Exactly as we write it, or not at all. */
bool log_checkpoint_parse(const char *text, size_t len, struct log_checkpoint *cp)
{
	char again[LOG_CHECKPOINT_BYTES];
	char copy[LOG_CHECKPOINT_BYTES + 1];
	const char *at = copy;

	if (len > LOG_CHECKPOINT_BYTES)
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	memset(cp, 0, sizeof(*cp));
	if (strncmp(at, HEAD_LINE, sizeof(HEAD_LINE) - 1) != 0)
		return false;
	at += sizeof(HEAD_LINE) - 1;
	for (unsigned i = 0; i < FIELDS; i++) {
		size_t name = strlen(fields[i].name);
		char *end;

		if (strncmp(at, fields[i].name, name) != 0 || at[name] != ' ')
			return false;
		uint64_t value = strtoull(at + name + 1, &end, 10);
		if (*end != '\n')
			return false;
		memcpy((char *)cp + fields[i].offset, &value, sizeof(value));
		at = end + 1;
	}
	/* The CRC, and every blank of the rest. */
	return log_checkpoint_format(again, cp) == len && memcmp(again, copy, len) == 0;
}

static void put_complete(struct log *log, struct log_op *lop)
{
	struct log_partition *p = lop->p;

	p->put_done(log, p);
}

bool log_checkpoint_put(struct log *log, struct log_partition *p,
			void (*done)(struct log *log, struct log_partition *p))
{
	const struct log_segment *seg = p->active;
	struct log_checkpoint cp = {.log_start = p->log_start};

	if (p->put.busy)
		return false;
	cp.recover_from =
		p->closing && p->closing->step < SEGMENT_RECORD ? p->closing->base : seg->base;
	if (seg->step == SEGMENT_RECORD) {
		const struct log_index_rule *rule = &seg->index.rule;

		cp.clean = 1;
		cp.end_offset = seg->end_offset;
		cp.end_bytes = seg->pos;
		cp.index_entries = rule->entries;
		cp.time_entries = rule->time_entries;
		cp.index_gap = rule->gap;
		cp.max_ts_offset = rule->max_ts_offset;
		cp.max_ts = (uint64_t)rule->max_ts;
		cp.last_time_ts = (uint64_t)rule->last_time_ts;
		cp.first_max_ts = (uint64_t)seg->first_max_ts;
	}
	p->put_done = done;
	p->put.p = p;
	p->put.done = put_complete;
	p->put.op = (struct disk_op){
		.kind = DISK_PUT,
		.path = p->put_path,
		.buf = p->put_text,
		.len = (uint32_t)log_checkpoint_format(p->put_text, &cp),
	};
	log_op_start(log, &p->put);
	return true;
}
