#include <stdlib.h>
#include <string.h>

#include "store.h"

/* A row in memory: what it is, then its values, texts and blobs behind each. */
struct row_head {
	uint32_t kind, count;
};
struct value_head {
	int64_t number;
	uint32_t type, len;
};

struct store_op *store_op_create(uint64_t group, int32_t generation)
{
	struct store_op *op = calloc(1, sizeof(*op));

	if (op)
		*op = (struct store_op){.holders = 1, .group = group, .generation = generation};
	return op;
}

void store_op_put(struct store_op *op)
{
	if (!op || --op->holders)
		return;
	free(op->rows);
	free(op);
}

struct store_value store_number(int64_t number)
{
	return (struct store_value){.type = STORE_NUMBER, .number = number};
}

struct store_value store_bytes(enum store_type type, const void *at, uint32_t len)
{
	return (struct store_value){.type = at ? type : STORE_NULL, .at = at, .len = len};
}

struct store_value store_text(const char *text)
{
	return store_bytes(STORE_TEXT, text, text ? (uint32_t)strlen(text) : 0);
}

static void append(struct store_op *op, const void *data, size_t len)
{
	if (op->no_memory || len == 0)
		return;
	if (op->len + len > op->room) {
		size_t room = op->room ? op->room : 256;

		while (room < op->len + len)
			room *= 2;
		uint8_t *rows = realloc(op->rows, room);
		if (!rows) {
			op->no_memory = true;
			return;
		}
		op->rows = rows;
		op->room = room;
	}
	memcpy(op->rows + op->len, data, len);
	op->len += len;
}

void store_op_row(struct store_op *op, enum store_row_kind kind, const struct store_value *values,
		  unsigned count)
{
	const struct row_head head = {.kind = kind, .count = count};

	append(op, &head, sizeof(head));
	for (unsigned i = 0; i < count; i++) {
		const struct store_value *v = &values[i];
		uint32_t len = v->type == STORE_TEXT || v->type == STORE_BLOB ? v->len : 0;
		const struct value_head value = {.number = v->number, .type = v->type, .len = len};

		append(op, &value, sizeof(value));
		append(op, v->at, len);
	}
}

bool store_op_next(const struct store_op *op, size_t *cursor, struct store_row *row)
{
	struct row_head head;

	if (*cursor >= op->len)
		return false;
	memcpy(&head, op->rows + *cursor, sizeof(head));
	*cursor += sizeof(head);
	*row = (struct store_row){.kind = head.kind, .count = head.count};
	for (unsigned i = 0; i < head.count; i++) {
		struct value_head value;

		memcpy(&value, op->rows + *cursor, sizeof(value));
		*cursor += sizeof(value);
		row->values[i] = (struct store_value){.type = value.type,
						      .number = value.number,
						      .at = op->rows + *cursor,
						      .len = value.len};
		*cursor += value.len;
	}
	return true;
}
