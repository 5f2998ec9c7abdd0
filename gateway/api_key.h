/* Kafka's numbers of the APIs that are served. */
#pragma once

#define API(NAME, key, name, min, max, flexible_from, handler) API_KEY_##NAME = (key),
#define NOT_SERVED(key, name)
enum api_key {
#include "apis.def"
};
#undef API
#undef NOT_SERVED
