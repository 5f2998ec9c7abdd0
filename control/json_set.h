/* Members of a JSON object. What cannot be set (no memory, NULL) is absent. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline void json_set(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* What is no UTF-8 (a file may be named so) has '?' for each byte that is no ASCII. */
static inline json_t *json_text(const char *value)
{
	json_t *text = json_string(value);
	char *copy = text || !value ? NULL : strdup(value);

	for (char *p = copy; p && *p; p++)
		*p = *p & 0x80 ? '?' : *p;
	if (copy)
		text = json_string(copy);
	free(copy);
	return text;
}

static inline void json_set_text(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_text(value));
}

static inline void json_set_flag(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

/* To the millisecond. */
static inline void json_set_seconds(json_t *object, const char *key, uint64_t ns)
{
	uint64_t ms = ns / 1000000;

	json_object_set_new(object, key, json_real((double)ms / 1e3));
}
