#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include "api/log_format.h"
#include "limits.h"

bool wire_string_is(struct wire_string string, const char *text)
{
	return string.len >= 0 && text && strlen(text) == (size_t)string.len &&
	       memcmp(string.at, text, (size_t)string.len) == 0;
}

static const uint8_t *take(struct wire_reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->failed || (size_t)(r->end - r->at) < n) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	return at;
}

int8_t wire_get8(struct wire_reader *r)
{
	const uint8_t *at = take(r, 1);

	return at ? (int8_t)*at : 0;
}

int16_t wire_get16(struct wire_reader *r)
{
	const uint8_t *at = take(r, 2);

	return at ? (int16_t)log_get16(at) : 0;
}

int32_t wire_get32(struct wire_reader *r)
{
	const uint8_t *at = take(r, 4);

	return at ? (int32_t)log_get32(at) : 0;
}

int64_t wire_get64(struct wire_reader *r)
{
	const uint8_t *at = take(r, 8);

	return at ? (int64_t)log_get64(at) : 0;
}

uint32_t wire_get_uvarint(struct wire_reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		const uint8_t *at = take(r, 1);

		if (!at)
			return 0;
		value |= (uint64_t)(*at & 0x7f) << shift;
		if (!(*at & 0x80)) {
			r->failed |= value > UINT32_MAX;
			return r->failed ? 0 : (uint32_t)value;
		}
	}
	r->failed = true;
	return 0;
}

void wire_get_uuid(struct wire_reader *r, uint8_t id[WIRE_UUID_BYTES])
{
	const uint8_t *at = take(r, WIRE_UUID_BYTES);

	if (at)
		memcpy(id, at, WIRE_UUID_BYTES);
	else
		memset(id, 0, WIRE_UUID_BYTES);
}

/* A length: of whole numbers, -1 for null; anything else that is negative fails. */
static int64_t get_length(struct wire_reader *r, bool is_string)
{
	int64_t len;

	if (r->flexible)
		len = (int64_t)wire_get_uvarint(r) - 1;
	else
		len = is_string ? wire_get16(r) : wire_get32(r);
	if (len < -1)
		r->failed = true;
	return r->failed ? -1 : len;
}

static struct wire_string get_bytes(struct wire_reader *r, bool is_string)
{
	int64_t len = get_length(r, is_string);
	const uint8_t *at = len < 0 ? NULL : take(r, (size_t)len);

	if (!at)
		return (struct wire_string){.at = "", .len = -1};
	return (struct wire_string){.at = (const char *)at, .len = (int32_t)len};
}

struct wire_string wire_get_string(struct wire_reader *r)
{
	return get_bytes(r, true);
}

struct wire_string wire_get_name(struct wire_reader *r)
{
	struct wire_string name = get_bytes(r, true);

	if (name.len < 0) {
		r->failed = true;
		name.len = 0;
	}
	return name;
}

struct wire_string wire_get_bytes(struct wire_reader *r)
{
	return get_bytes(r, false);
}

int32_t wire_get_array(struct wire_reader *r, size_t element_bytes)
{
	int64_t count = get_length(r, false);
	size_t left = (size_t)(r->end - r->at);

	if (r->failed)
		return 0;
	if (count > LIMIT_ELEMENTS || (count > 0 && (uint64_t)count * element_bytes > left)) {
		r->failed = true;
		return 0;
	}
	return (int32_t)count;
}

void wire_get_tags(struct wire_reader *r)
{
	uint32_t count;

	if (!r->flexible)
		return;
	count = wire_get_uvarint(r);
	while (count-- && !r->failed) {
		wire_get_uvarint(r);
		take(r, wire_get_uvarint(r));
	}
}

/* Room for n more bytes, or NULL. */
static uint8_t *more(struct wire_writer *w, size_t n)
{
	if (w->failed || n > w->max - w->len) {
		w->failed = true;
		return NULL;
	}
	if (w->len + n > w->room) {
		size_t room = w->room ? w->room : 256;

		while (room < w->len + n)
			room *= 2;
		uint8_t *data = realloc(w->data, room);
		if (!data) {
			w->failed = true;
			return NULL;
		}
		w->data = data;
		w->room = room;
	}
	w->len += n;
	return w->data + w->len - n;
}

void wire_put8(struct wire_writer *w, int8_t value)
{
	uint8_t *at = more(w, 1);

	if (at)
		*at = (uint8_t)value;
}

void wire_put16(struct wire_writer *w, int16_t value)
{
	uint8_t *at = more(w, 2);

	if (at)
		log_put16(at, (uint16_t)value);
}

void wire_put32(struct wire_writer *w, int32_t value)
{
	uint8_t *at = more(w, 4);

	if (at)
		log_put32(at, (uint32_t)value);
}

void wire_put64(struct wire_writer *w, int64_t value)
{
	uint8_t *at = more(w, 8);

	if (at)
		log_put64(at, (uint64_t)value);
}

void wire_put_uvarint(struct wire_writer *w, uint32_t value)
{
	for (; value > 0x7f; value >>= 7)
		wire_put8(w, (int8_t)(value | 0x80));
	wire_put8(w, (int8_t)value);
}

void wire_put_uuid(struct wire_writer *w, const uint8_t id[WIRE_UUID_BYTES])
{
	uint8_t *at = more(w, WIRE_UUID_BYTES);

	if (at)
		memcpy(at, id, WIRE_UUID_BYTES);
}

void wire_put_string(struct wire_writer *w, struct wire_string string)
{
	if (w->flexible)
		wire_put_uvarint(w, (uint32_t)(string.len + 1));
	else if (string.len > INT16_MAX)
		w->failed = true;
	else
		wire_put16(w, (int16_t)string.len);
	if (string.len <= 0)
		return;
	uint8_t *at = more(w, (size_t)string.len);
	if (at)
		memcpy(at, string.at, (size_t)string.len);
}

void wire_put_text(struct wire_writer *w, const char *text)
{
	wire_put_string(w, (struct wire_string){.at = text, .len = text ? (int)strlen(text) : -1});
}

void wire_put_array(struct wire_writer *w, int32_t count)
{
	if (w->flexible)
		wire_put_uvarint(w, (uint32_t)(count + 1));
	else
		wire_put32(w, count);
}

void wire_put_bytes(struct wire_writer *w, const void *data, uint32_t len)
{
	wire_put_records_length(w, len);
	uint8_t *at = more(w, len);

	if (at && len)
		memcpy(at, data, len);
}

void wire_put_records_length(struct wire_writer *w, uint32_t bytes)
{
	if (w->flexible)
		wire_put_uvarint(w, bytes + 1);
	else
		wire_put32(w, (int32_t)bytes);
}

void wire_put_tags(struct wire_writer *w)
{
	if (w->flexible)
		wire_put8(w, 0);
}

void wire_patch32(struct wire_writer *w, size_t at, int32_t value)
{
	if (!w->failed)
		log_put32(w->data + at, (uint32_t)value);
}
