/* Members of a JSON object. What cannot be set (no memory, no UTF-8) is absent. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

static inline void json_set(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static inline void json_set_text(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
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
