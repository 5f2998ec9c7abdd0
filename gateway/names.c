#include "names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* --- SipHash-2-4 (Aumasson and Bernstein, 2012) ----------------------------------------------- */

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void rounds(uint64_t v[4], unsigned count)
{
	while (count--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

uint64_t names_hash(const uint64_t key[2], const void *at, size_t len)
{
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
	const uint8_t *bytes = at, *end = bytes + len / 8 * 8;
	uint64_t word;

	for (; bytes < end; bytes += 8) {
		memcpy(&word, bytes, 8);
		take_word(v, word);
	}
	word = (uint64_t)len << 56;
	for (unsigned i = 0; i < len % 8; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	take_word(v, word);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- the table -------------------------------------------------------------------------------- */

static uint64_t hash_of(const void *at, size_t len)
{
	static uint64_t key[2];
	static bool drawn;

	/* Later on it cannot fail, and a process that starts that early is not yet known outside.
	 */
	if (!drawn)
		drawn = getrandom(key, sizeof(key), 0) == sizeof(key);
	return names_hash(key, at, len);
}

static struct name **chain_of(struct names *names, uint64_t hash)
{
	return names->chains ? &names->chains[hash & (names->room - 1)] : &names->alone;
}

static void move(struct names *names, struct name *chain)
{
	struct name *next;

	for (; chain; chain = next) {
		struct name **to = chain_of(names, chain->hash);

		next = chain->next;
		chain->next = *to;
		*to = chain;
	}
}

static void grow(struct names *names)
{
	size_t room = names->room ? names->room * 2 : 8;
	struct names larger = {.chains = calloc(room, sizeof(*larger.chains)),
			       .room = room,
			       .count = names->count};

	if (!larger.chains)
		return;
	move(&larger, names->alone);
	for (size_t i = 0; i < names->room; i++)
		move(&larger, names->chains[i]);
	free(names->chains);
	*names = larger;
}

void names_put(struct names *names, struct name *name, const void *at, size_t len, void *of)
{
	/* One name alone, as most tables of members have, takes no memory. */
	if (names->count >= names->room && names->count > 0)
		grow(names);
	*name = (struct name){.hash = hash_of(at, len), .at = at, .len = len, .of = of};
	struct name **chain = chain_of(names, name->hash);
	name->next = *chain;
	*chain = name;
	names->count++;
}

void names_remove(struct names *names, struct name *name)
{
	if (!name->of)
		return;
	struct name **link = chain_of(names, name->hash);

	while (*link != name)
		link = &(*link)->next;
	*link = name->next;
	name->of = NULL;
	names->count--;
}

void *names_find(const struct names *names, const void *at, size_t len)
{
	if (!names->count)
		return NULL;
	uint64_t hash = hash_of(at, len);
	const struct name *name = *chain_of((struct names *)names, hash);

	while (name && !(name->hash == hash && name->len == len && memcmp(name->at, at, len) == 0))
		name = name->next;
	return name ? name->of : NULL;
}

void *names_find_string(const struct names *names, struct wire_string name)
{
	return name.len > 0 ? names_find(names, name.at, (size_t)name.len) : NULL;
}

void names_clear(struct names *names)
{
	free(names->chains);
	*names = (struct names){0};
}
