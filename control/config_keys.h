/*
 * The one table of config keys. It drives the parser, the checks, `weir check --explain` and
 * docs/config.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_type {
	CONFIG_MAP,	  /* keys below it */
	CONFIG_MAPS,	  /* a list of such maps */
	CONFIG_TEXT,	  /* char[size] */
	CONFIG_NAME,	  /* char[PLAN_NAME_MAX]: a name that Kafka takes for a topic */
	CONFIG_DEVICE,	  /* char[PLAN_DEVICE_MAX] */
	CONFIG_PATH,	  /* char[PLAN_PATH_MAX], made absolute */
	CONFIG_FILE,	  /* the same, of a file */
	CONFIG_NUMBER,	  /* uint64_t */
	CONFIG_SIZE,	  /* uint64_t bytes */
	CONFIG_DURATION,  /* uint64_t nanoseconds */
	CONFIG_WORD,	  /* uint64_t, one of words */
	CONFIG_WORDS,	  /* uint64_t, words or'ed together; one or a list */
	CONFIG_CPUS,	  /* struct config_cpus; one or a list, ranges allowed */
	CONFIG_UDP_PORTS, /* struct config_udp_ports; one or a list, ranges allowed */
	CONFIG_CIDRS,	  /* struct config_cidrs; one or a list */
	CONFIG_GROUPS,	  /* the same, multicast groups */
	CONFIG_ARGS,	  /* struct config_args; one or a list */
	CONFIG_LISTEN,	  /* struct config_listen */
	CONFIG_HOST,	  /* char[CONFIG_HOST_MAX] */
};

struct config_word {
	const char *name;
	uint64_t value;
};

struct config_key {
	const char *path; /* "streams[].retention.size" */
	uint8_t type;	  /* enum config_type */
	bool required;
	bool reload;	     /* `weir reload` may change it */
	bool later;	     /* accepted and checked, not in use yet */
	uint16_t size;	     /* CONFIG_TEXT: bytes with the NUL */
	size_t offset;	     /* in struct config, config_port or config_stream */
	uint64_t min, max;   /* CONFIG_NUMBER, SIZE, DURATION; lists: how many */
	const char *special; /* a word besides the numbers ("auto", "off") ... */
	uint64_t special_value;
	const struct config_word *words; /* ended by a NULL name */
	const char *dflt;		 /* as it would stand in the file; NULL: none */
	const char *example;
	const char *why; /* what it is for */
};

extern const struct config_key config_keys[];
extern const unsigned config_keys_count;

unsigned config_key_index(const struct config_key *key);

/* The key whose path with "[]" for any index is this one, or NULL. */
const struct config_key *config_key_find(const char *path);

/* For people: indices and "[]" may be left out, and all but the last part where that is unique. */
const struct config_key *config_key_lookup(const char *text);

/* Edits from one to the other, neighbours swapped as one; 99 where one has more than 32 characters.
 */
unsigned config_text_distance(const char *a, const char *b);
/* The known key nearest to what was written below parent ("" at the top), or NULL when none is
 * near. */
const struct config_key *config_key_nearest(const char *parent, const char *written);

/* What a key takes, for people: "a size from 4KiB to 64MiB, such as 256KiB". */
void config_key_expected(const struct config_key *key, char *text, size_t size);

/* The same for one element of a CONFIG_MAPS. */
void config_key_expected_element(const struct config_key *key, char *text, size_t size);

void config_key_explain(const struct config_key *key, FILE *out);
void config_keys_markdown(FILE *out);
