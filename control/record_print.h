/*
 * Prints records: one a line, as JSON, as the bare value, or as the value in hexadecimal.
 */
#pragma once

#include <stdio.h>

#include "api/batch_reader.h"

enum record_format {
	RECORD_JSON,  /* an object; keys and values that are not UTF-8 as *_base64 */
	RECORD_VALUE, /* the value's bytes and a newline */
	RECORD_HEX,   /* the value in hexadecimal digits and a newline */
};

/* Errors stay in the stream: ferror(). */
void record_print(FILE *out, enum record_format format, uint32_t partition,
		  const struct record *rec);
