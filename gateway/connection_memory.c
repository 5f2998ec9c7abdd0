#include "connection_memory.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static size_t large_input(const struct connection *c)
{
	return c->input_room > LIMIT_REQUEST_KEPT ? c->input_room : 0;
}

/* Which of a phase let us wait, and take so much memory that they count. */
static bool counts(const struct connection *c, enum connection_phase phase)
{
	return c->phase == phase &&
	       (phase == CONNECTION_SENDS ? c->answer_counted : large_input(c)) > 0;
}

/* A client that reads slowly but reads: for long its socket takes nothing from us, yet what is in
 * it becomes less. */
static void look_at_queue(const struct connection_context *context, struct connection *c)
{
	int queued;

	if (ioctl(c->fd, SIOCOUTQ, &queued) < 0)
		return;
	if (queued < c->queued)
		c->deadline_ms = context->now_ms + LIMIT_SEND_MS;
	c->queued = queued;
}

/* The one of a phase that is nearest to its deadline: which each byte of an answer puts off, but
 * none of a request. NULL: nobody but c. */
static struct connection *slowest(const struct connection_context *context,
				  const struct connection *c, enum connection_phase phase)
{
	struct connection *found = NULL;

	for (struct connection *other = context->first; other; other = other->next) {
		if (other == c || !counts(other, phase))
			continue;
		if (phase == CONNECTION_SENDS)
			look_at_queue(context, other);
		if (!found || other->deadline_ms < found->deadline_ms)
			found = other;
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
	c->phase = CONNECTION_ENDS;
	context->counters.overdue++;
	shutdown(c->fd, SHUT_RDWR);
}

bool connection_resize_input(struct connection_context *context, struct connection *c, size_t room)
{
	size_t before = large_input(c);
	size_t after = room > LIMIT_REQUEST_KEPT ? room : 0;
	struct connection *other;

	while (after > before && context->large_bytes - before + after > LIMIT_REQUESTS_BYTES) {
		other = slowest(context, c, CONNECTION_READS);
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
		other = slowest(context, c, CONNECTION_SENDS);
		if (!other)
			return false;
		end(context, other);
	}
	return true;
}
