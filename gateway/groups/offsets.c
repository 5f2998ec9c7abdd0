#include "offsets.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const struct offset *offset)
{
	return sizeof(*offset) + strlen(offset->topic) + strlen(offset->metadata);
}

static void free_one(struct offset *offset)
{
	free(offset->topic);
	free(offset->metadata);
}

static int compare(const struct offset *offset, const char *topic, int32_t partition)
{
	int order = strcmp(offset->topic, topic);

	return order ? order : (offset->partition > partition) - (offset->partition < partition);
}

/* The first that is not below. */
static size_t place(const struct offsets *o, const char *topic, int32_t partition)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&o->list[middle], topic, partition) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct offsets *o, size_t at, const char *topic, int32_t partition)
{
	return at < o->count && compare(&o->list[at], topic, partition) == 0;
}

struct offset *offsets_find(const struct offsets *o, const char *topic, int32_t partition)
{
	size_t at = place(o, topic, partition);

	return is_at(o, at, topic, partition) ? &o->list[at] : NULL;
}

static bool make_room(struct offsets *o)
{
	if (o->count < o->room)
		return true;
	size_t room = o->room ? o->room * 2 : 8;
	struct offset *list = realloc(o->list, room * sizeof(*list));

	if (!list)
		return false;
	o->list = list;
	o->room = room;
	return true;
}

bool offsets_put(struct offsets *o, struct offset *offset)
{
	if (!offset->topic || !offset->metadata || !make_room(o)) {
		free_one(offset);
		return false;
	}
	size_t at = place(o, offset->topic, offset->partition);

	if (is_at(o, at, offset->topic, offset->partition)) {
		o->bytes -= size_of(&o->list[at]);
		offset->telling = o->list[at].telling;
		offset->owner = o->list[at].owner;
		free_one(&o->list[at]);
	} else {
		memmove(&o->list[at + 1], &o->list[at], (o->count - at) * sizeof(*offset));
		o->count++;
		o->moves++;
	}
	o->list[at] = *offset;
	o->bytes += size_of(offset);
	return true;
}

void offsets_remove(struct offsets *o, const char *topic, int32_t partition)
{
	size_t at = place(o, topic, partition);

	if (!is_at(o, at, topic, partition))
		return;
	o->bytes -= size_of(&o->list[at]);
	free_one(&o->list[at]);
	o->count--;
	o->moves++;
	memmove(&o->list[at], &o->list[at + 1], (o->count - at) * sizeof(*o->list));
}

void offsets_clear(struct offsets *o)
{
	for (size_t i = 0; i < o->count; i++)
		free_one(&o->list[i]);
	free(o->list);
	*o = (struct offsets){.moves = o->moves + 1};
}
