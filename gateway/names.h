/*
 * What is looked up by name, or by another key of bytes, that clients choose: hash tables, whose
 * hash (SipHash-2-4 by a key that each process draws) nobody outside can foresee. So no choice of
 * names makes look-ups long. Entries lie in what they name. One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct name {
	struct name *next; /* the table's, of the same chain */
	uint64_t hash;
	const void *at; /* the owner's: stays as it is until names_remove() */
	size_t len;
	void *of; /* NULL: it is in no table */
};

/* All zeros: empty. */
struct names {
	struct name **chains; /* NULL: one alone */
	struct name *alone;
	size_t room; /* chains; a power of two */
	size_t count;
};

/* Does not fail: where memory is short, chains become longer. Of two alike the later is found. */
void names_put(struct names *names, struct name *name, const void *at, size_t len, void *of);
/* Of one that is in no table: nothing. */
void names_remove(struct names *names, struct name *name);
/* What it is the name of; NULL: there is none. */
void *names_find(const struct names *names, const void *at, size_t len);
/* The same by what a client wrote; null and "" name nothing. */
void *names_find_string(const struct names *names, struct wire_string name);
/* Frees the table, which is empty then. Its entries are nobody's any more. */
void names_clear(struct names *names);

/* SipHash-2-4, for names.c and its test. */
uint64_t names_hash(const uint64_t key[2], const void *at, size_t len);
