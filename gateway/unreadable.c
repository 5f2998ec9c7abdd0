#include "unreadable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/log_format.h"
#include "limits.h"
#include "now.h"

static uint64_t now_ms(void)
{
	return now_us() / 1000;
}

/* Readers come again and again: now and then is often enough for the log. */
static bool may_say(struct unreadable *u)
{
	uint64_t now = now_ms();

	if (u->said_ms && now - u->said_ms < LIMIT_SAY_MS)
		return false;
	u->said_ms = now;
	return true;
}

static bool is_in(const struct unreadable_place *place, uint64_t base, uint64_t from, uint64_t to)
{
	return place->tried_ms && place->base == base && place->position >= from &&
	       place->position < to;
}

void unreadable_add(struct unreadable *u, const struct unreadable_of *of,
		    const struct unreadable_place *place, int error)
{
	struct unreadable_place *at = NULL;
	char name[LOG_NAME_MAX];

	for (unsigned i = 0; i < UNREADABLE_PLACES && !at; i++)
		if (is_in(&u->places[i], place->base, place->position, place->position + 1))
			at = &u->places[i];
	if (!at)
		at = &u->places[u->next++ % UNREADABLE_PLACES];
	*at = *place;
	at->tried_ms = now_ms();
	if (!may_say(u))
		return;
	log_format_name(name, place->base, LOG_SUFFIX_LOG);
	fprintf(stderr,
		"weir-gateway: %s-%" PRIu32 "/%s cannot be read at byte %" PRIu64
		": %s; whoever reads there is answered by error 56 (KAFKA_STORAGE_ERROR)\n",
		of->stream, of->partition, name, place->position,
		error ? strerror(error) : "the file ends there, its batches do not");
}

uint64_t unreadable_from(const struct unreadable *u, uint64_t base, uint64_t position)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < UNREADABLE_PLACES; i++)
		if (is_in(&u->places[i], base, position, first))
			first = u->places[i].position;
	return first;
}

bool unreadable_is_due(struct unreadable *u, uint64_t base, uint64_t from, uint64_t to)
{
	uint64_t now = now_ms();
	bool due = true;

	for (unsigned i = 0; i < UNREADABLE_PLACES; i++)
		if (is_in(&u->places[i], base, from, to))
			due &= now - u->places[i].tried_ms >= LIMIT_UNREADABLE_MS;
	for (unsigned i = 0; due && i < UNREADABLE_PLACES; i++)
		if (is_in(&u->places[i], base, from, to))
			u->places[i].tried_ms = now;
	return due;
}

void unreadable_remove(struct unreadable *u, uint64_t base, uint64_t from, uint64_t to)
{
	for (unsigned i = 0; i < UNREADABLE_PLACES; i++)
		if (is_in(&u->places[i], base, from, to))
			u->places[i].tried_ms = 0;
}

void unreadable_say(struct unreadable *u, const struct unreadable_of *of, uint64_t offset, int rc)
{
	if (!may_say(u))
		return;
	fprintf(stderr,
		"weir-gateway: %s-%" PRIu32 ": what holds offset %" PRIu64
		" cannot be read: %s; whoever reads there is answered by error 56 "
		"(KAFKA_STORAGE_ERROR)\n",
		of->stream, of->partition, offset,
		rc == -EBADMSG ? "there is no valid batch" : strerror(-rc));
}
