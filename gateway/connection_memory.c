#include "connection_memory.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static size_t large_input(const struct connection *c)
{
	return c->input_room > LIMIT_REQUEST_KEPT ? c->input_room : 0;
}

static size_t large_answer(const struct connection *c)
{
	return c->answer_counted;
}

/* A client that reads slowly but reads: for long its socket takes nothing from us, yet what is in
 * it becomes less. Nor is it the client that lets us wait while our disk does. */
static void look_at_queue(const struct connection_context *context, struct connection *c)
{
	int queued;

	if (ioctl(c->fd, SIOCOUTQ, &queued) < 0)
		return;
	if (queued < c->queued || c->job)
		c->deadline_ms = context->now_ms + LIMIT_SEND_MS;
	c->queued = queued;
}

/* Since when nothing has come of what it holds: its request began, its client took a byte of the
 * answer, or it began to wait. */
static uint64_t idle_since(const struct connection_context *context, struct connection *c)
{
	switch (c->phase) {
	case CONNECTION_READS:
		return c->deadline_ms - LIMIT_RECEIVE_MS;
	case CONNECTION_SENDS:
		look_at_queue(context, c);
		return c->deadline_ms - LIMIT_SEND_MS;
	case CONNECTION_WAITS:
	case CONNECTION_ENDS:
		break;
	}
	return c->since_ms;
}

/* A request that is not whole yet goes before any that is: else clients that send halves could
 * close the connections of those whose requests we have taken. */
static bool is_slower(const struct connection *a, uint64_t a_since, const struct connection *b,
		      uint64_t b_since)
{
	bool a_reads = a->phase == CONNECTION_READS, b_reads = b->phase == CONNECTION_READS;

	return a_reads != b_reads ? a_reads : a_since < b_since;
}

/* Of those that hold such memory the one of which nothing has come for longest. NULL: nobody but c.
 */
static struct connection *slowest(const struct connection_context *context,
				  const struct connection *c,
				  size_t (*memory)(const struct connection *c))
{
	struct connection *found = NULL;
	uint64_t found_since = 0;

	for (struct connection *other = context->first; other; other = other->next) {
		if (other == c || !memory(other))
			continue;
		uint64_t since = idle_since(context, other);

		if (!found || is_slower(other, since, found, found_since)) {
			found = other;
			found_since = since;
		}
	}
	return found;
}

/* Its memory goes at once, the rest when the loop comes to it: it may stand in the events at hand.
 * What it was sent of files stays held until then. */
static void end(struct connection_context *context, struct connection *c)
{
	context->large_bytes -= large_input(c);
	free(c->input);
	c->input = NULL;
	c->input_len = c->input_room = 0;
	context->answers_bytes -= c->answer_counted;
	c->answer_counted = 0;
	answer_drop_memory(&c->answer);
	connection_enter(context, c, CONNECTION_ENDS, LIMIT_IDLE_MS);
	context->counters.overdue++;
	shutdown(c->fd, SHUT_RDWR);
}

bool connection_resize_input(struct connection_context *context, struct connection *c, size_t room)
{
	size_t before = large_input(c);
	size_t after = room > LIMIT_REQUEST_KEPT ? room : 0;
	struct connection *other;

	while (after > before && context->large_bytes - before + after > LIMIT_REQUESTS_BYTES) {
		other = slowest(context, c, large_input);
		if (!other)
			return false;
		end(context, other);
	}
	uint8_t *input = realloc(c->input, room);
	if (!input)
		return false;
	c->input = input;
	c->input_room = room;
	context->large_bytes = context->large_bytes - before + after;
	return true;
}

bool connection_count_answer(struct connection_context *context, struct connection *c)
{
	size_t memory = answer_memory(&c->answer);
	struct connection *other;

	context->answers_bytes = context->answers_bytes - c->answer_counted + memory;
	c->answer_counted = memory;
	while (memory && context->answers_bytes > LIMIT_ANSWERS_BYTES) {
		other = slowest(context, c, large_answer);
		if (!other)
			return false;
		end(context, other);
	}
	return true;
}
