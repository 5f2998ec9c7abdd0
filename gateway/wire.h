/*
 * Kafka's wire encoding, both kinds: integers big-endian; strings and arrays with int16 and int32
 * lengths, or ("flexible") with unsigned varints of length + 1 and tagged fields behind each
 * structure. Which of the two stands in the reader or writer, so an API's file is the same for all
 * versions.
 *
 * The reader works over (pointer, length) and never reads beyond. The first thing that does not fit
 * sets failed, and from then on it yields zeros and empty arrays, so that callers need to ask once,
 * at the end. The same for the writer when its limit is reached or memory is short.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_UUID_BYTES = 16 };

struct wire_reader {
	const uint8_t *at, *end;
	bool flexible, failed;
};

/* Bytes in the request, not ended by a NUL; len -1: null. */
struct wire_string {
	const char *at;
	int32_t len;
};

/* Null is no text, and NULL no string's. */
bool wire_string_is(struct wire_string string, const char *text);

int8_t wire_get8(struct wire_reader *r);
int16_t wire_get16(struct wire_reader *r);
int32_t wire_get32(struct wire_reader *r);
int64_t wire_get64(struct wire_reader *r);
/* At most 32 bits in 5 bytes. */
uint32_t wire_get_uvarint(struct wire_reader *r);
void wire_get_uuid(struct wire_reader *r, uint8_t id[WIRE_UUID_BYTES]);
struct wire_string wire_get_string(struct wire_reader *r); /* may be null */
struct wire_string wire_get_name(struct wire_reader *r);   /* null fails */
struct wire_string wire_get_bytes(struct wire_reader *r);  /* bytes, records; may be null */
/* Elements of an array, each of at least element_bytes; -1: null. More than can be in what is left,
 * or than LIMIT_ELEMENTS, fails. */
int32_t wire_get_array(struct wire_reader *r, size_t element_bytes);
/* The end of a structure: passes over tagged fields, where the encoding has them. */
void wire_get_tags(struct wire_reader *r);

struct wire_writer {
	uint8_t *data; /* the writer's own, from malloc */
	size_t len, room;
	size_t max; /* len never passes it */
	bool flexible, failed;
};

void wire_put8(struct wire_writer *w, int8_t value);
void wire_put16(struct wire_writer *w, int16_t value);
void wire_put32(struct wire_writer *w, int32_t value);
void wire_put64(struct wire_writer *w, int64_t value);
void wire_put_uvarint(struct wire_writer *w, uint32_t value);
void wire_put_uuid(struct wire_writer *w, const uint8_t id[WIRE_UUID_BYTES]);
void wire_put_string(struct wire_writer *w, struct wire_string string);
void wire_put_text(struct wire_writer *w, const char *text); /* NULL: null */
void wire_put_bytes(struct wire_writer *w, const void *data, uint32_t len);
void wire_put_array(struct wire_writer *w, int32_t count);
/* The length of records that follow; they are put by the caller. */
void wire_put_records_length(struct wire_writer *w, uint32_t bytes);
void wire_put_tags(struct wire_writer *w); /* none */
/* Over what was put at `at` before. */
void wire_patch32(struct wire_writer *w, size_t at, int32_t value);
