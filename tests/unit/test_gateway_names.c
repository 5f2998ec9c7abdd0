/* Look-ups by names that clients choose: right, and never long. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/names.h"

TestSuite(gateway_names);

/* The example of the paper that describes it. */
Test(gateway_names, the_hash_is_siphash)
{
	const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	const uint64_t other[2] = {key[0], key[1] + 1};
	uint8_t text[15];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	cr_assert_eq(names_hash(key, text, sizeof(text)), UINT64_C(0xa129ca6149be45e5));
	/* All lengths of the last word, and the key, count. */
	for (size_t len = 0; len < sizeof(text); len++)
		cr_assert_neq(names_hash(key, text, len), names_hash(key, text, len + 1));
	cr_assert_neq(names_hash(key, text, 8), names_hash(other, text, 8));
}

enum { MANY = 8192 };

struct entry {
	struct name name;
	char text[16];
	bool is_in;
};

static struct entry entries[MANY];
static struct names names;

static struct entry *find(const struct entry *entry)
{
	return names_find(&names, entry->text, strlen(entry->text));
}

static void put(struct entry *entry)
{
	names_put(&names, &entry->name, entry->text, strlen(entry->text), entry);
	entry->is_in = true;
}

/* Puts, removals and look-ups in any order, against what each entry knows of itself. */
Test(gateway_names, what_is_in_is_found_and_nothing_else)
{
	unsigned count = 0;

	srand(1);
	for (unsigned i = 0; i < MANY; i++)
		snprintf(entries[i].text, sizeof(entries[i].text), "%x", i);
	for (unsigned i = 0; i < 20 * MANY; i++) {
		struct entry *entry = &entries[rand() % MANY];

		cr_assert_eq(find(entry), entry->is_in ? entry : NULL);
		if (entry->is_in && rand() % 3) {
			names_remove(&names, &entry->name);
			names_remove(&names, &entry->name);
			entry->is_in = false;
			count--;
		} else if (!entry->is_in) {
			put(entry);
			count++;
		}
		cr_assert_eq(names.count, count);
	}
	cr_assert_null(names_find(&names, "", 0));
	cr_assert_null(names_find(&names, "no such", 7));
	names_clear(&names);
	cr_assert_null(find(&entries[0]));
}

Test(gateway_names, of_two_alike_the_later_is_found)
{
	struct entry a = {.text = "same"}, b = {.text = "same"};

	put(&a);
	put(&b);
	cr_assert_eq(find(&a), &b);
	names_remove(&names, &b.name);
	cr_assert_eq(find(&a), &a);
	names_clear(&names);
}

/* How long the longest chain is. */
static unsigned longest(void)
{
	unsigned most = 0;

	for (size_t i = 0; i < names.room; i++) {
		unsigned count = 0;

		for (const struct name *name = names.chains[i]; name; name = name->next)
			count++;
		most = count > most ? count : most;
	}
	return most;
}

/* Names that are alike to 64-bit FNV-1a modulo 8,192, as anybody can find. */
static void choose_names(void)
{
	unsigned found = 0;

	for (uint64_t i = 0; found < MANY; i++) {
		char *text = entries[found].text;
		uint64_t hash = UINT64_C(0xcbf29ce484222325);

		snprintf(text, sizeof(entries[found].text), "%llx", (unsigned long long)i);
		for (const char *c = text; *c; c++)
			hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
		found += hash % MANY < 64;
	}
}

Test(gateway_names, chosen_names_do_not_meet)
{
	choose_names();
	for (unsigned i = 0; i < MANY; i++)
		put(&entries[i]);
	cr_assert_geq(names.room, MANY);
	/* By chance, with one in each on average: more than 20 in none of 10^12 such tables. */
	cr_assert_leq(longest(), 20);
	names_clear(&names);
}
