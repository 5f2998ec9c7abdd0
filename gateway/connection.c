#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection_memory.h"
#include "limits.h"

/* Where the client reached us, as it may be told to others who reach us there, and who it is. */
static bool find_addresses(struct connection *c)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char port[8];

	if (getsockname(c->fd, (struct sockaddr *)&address, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&address, len, c->host, sizeof(c->host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return false;
	c->port = (uint16_t)strtoul(port, NULL, 10);
	len = sizeof(address);
	if (getpeername(c->fd, (struct sockaddr *)&address, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&address, len, c->peer, sizeof(c->peer), NULL, 0,
			NI_NUMERICHOST) != 0)
		return false;
	return true;
}

struct connection *connection_create(const struct connection_context *context, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	const int one = 1;

	if (!c)
		return NULL;
	c->fd = fd;
	/* Clients ask at once what versions there are; who says nothing takes others' places. */
	c->deadline_ms = context->now_ms + LIMIT_RECEIVE_MS;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	answer_clear(&c->answer);
	if (!find_addresses(c)) {
		free(c);
		return NULL;
	}
	return c;
}

static void count_wait(struct connection_context *context, const struct connection *c, int by)
{
	if (c->phase != CONNECTION_WAITS)
		return;
	context->waiting += (unsigned)by;
	if (c->watching)
		context->watching += (unsigned)by;
}

void connection_destroy(struct connection_context *context, struct connection *c)
{
	if (c->input_room > LIMIT_REQUEST_KEPT)
		context->large_bytes -= c->input_room;
	count_wait(context, c, -1);
	api_kept_clear(&c->kept);
	disk_lookup_put(c->behind);
	if (c->job)
		c->job->job.waiter = NULL;
	sent_files_close(&c->sent, c->fd, c->answer.extents_count > 0);
	answer_free(&c->answer);
	connection_count_answer(context, c);
	free(c->input);
	free(c);
}

void connection_enter(struct connection_context *context, struct connection *c,
		      enum connection_phase phase, uint64_t limit_ms)
{
	count_wait(context, c, -1);
	c->phase = phase;
	c->watching = !c->kept.counter;
	count_wait(context, c, 1);
	c->since_ms = context->now_ms;
	c->deadline_ms = context->now_ms + limit_ms;
}

enum step { STEP_ON, STEP_BLOCKED, STEP_CLOSE };

/* What is asked for: the first field of every request. */
static unsigned request_key(const struct connection *c)
{
	const uint8_t *key = c->input + REQUEST_LENGTH;

	return c->frame < REQUEST_LENGTH + 2 ? REPORT_KEYS - 1 : (unsigned)key[0] << 8 | key[1];
}

static void count_request(struct connection_context *context, unsigned key)
{
	context->counters.requests[key < REPORT_KEYS ? key : REPORT_KEYS - 1]++;
}

/* A Fetch that came when the answer before was out: the client has read that one, so its files need
 * not be held any longer. One that never waits for its answers has them held for so many. */
static void let_go_of_read(struct connection *c)
{
	if (c->pipelined > 0 && c->pipelined <= LIMIT_PIPELINED)
		return;
	c->pipelined = 0;
	sent_files_let_go(&c->sent);
}

/* Works on the request at hand: the first time, or again. */
static enum step answer(struct connection_context *context, struct connection *c, bool again)
{
	struct api_call call = {
		.catalog = context->catalog,
		.groups = context->groups,
		.disk = context->disk,
		.patience = &context->patience,
		.kept = &c->kept,
		.behind = &c->behind,
		.peer = c->peer,
		.host = context->advertised_host ? context->advertised_host : c->host,
		.port = context->advertised_host ? context->advertised_port : c->port,
		.time_is_up = again && context->now_ms >= c->deadline_ms,
		.watches = c->watches,
		.answer = &c->answer,
	};

	unsigned key = request_key(c);
	uint64_t since_us = now_us();

	answer_clear(&c->answer);
	c->moves_seen = context->catalog->moves;
	if (!again) {
		if (key == API_KEY_FETCH)
			let_go_of_read(c);
		count_request(context, key);
		catalog_refresh(context->catalog, context->now_ms);
	}
	enum api_result result =
		api_handle(&call, c->input + REQUEST_LENGTH, c->frame - REQUEST_LENGTH);
	if (result == API_CLOSE) {
		context->counters.malformed++;
		return STEP_CLOSE;
	}
	if (result == API_WAIT) {
		answer_shrink(&c->answer);
		c->watches_count = call.watches_count;
		/* What takes long is not done again at once: others come first. */
		c->not_before_ms = context->now_ms + (now_us() - since_us) / (1000 / LIMIT_AGAIN);
		/* What was on the disk is read: now it waits for records, or the other way round.
		 */
		if (!again || c->watching != !c->kept.counter)
			connection_enter(context, c, CONNECTION_WAITS, call.wait_ms);
		return STEP_BLOCKED;
	}
	if (!answer_finish(&c->answer) || !connection_count_answer(context, c))
		return STEP_CLOSE;
	if (key == API_KEY_FETCH && !again && c->answer.extents_count)
		report_count_fetch(&context->counters, now_us() - since_us);
	connection_enter(context, c, CONNECTION_SENDS, LIMIT_SEND_MS);
	api_kept_clear(&c->kept);
	return STEP_ON;
}

/* One read. */
static enum step receive(struct connection_context *context, struct connection *c)
{
	size_t need = c->frame > c->input_len ? c->frame : c->input_len + 1;

	/* Room for twice what came, not for what was announced: that costs nothing. */
	if (need > 2 * c->input_len)
		need = 2 * c->input_len;
	if (need < LIMIT_REQUEST_KEPT / 4)
		need = LIMIT_REQUEST_KEPT / 4;
	if (need > c->input_room && !connection_resize_input(context, c, need))
		return STEP_CLOSE;
	ssize_t n = recv(c->fd, c->input + c->input_len, c->input_room - c->input_len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? STEP_BLOCKED : STEP_CLOSE;
	if (n == 0)
		return STEP_CLOSE;
	/* From the first byte to the last: a client that sends one now and then gets no more. */
	if (c->input_len == 0)
		c->deadline_ms = context->now_ms + LIMIT_RECEIVE_MS;
	c->input_len += (size_t)n;
	return STEP_ON;
}

/* Until a whole request is there, then on to its answer. */
static enum step read_request(struct connection_context *context, struct connection *c)
{
	for (;;) {
		int64_t frame = request_frame(c->input, c->input_len);

		if (frame < 0) {
			context->counters.malformed++;
			return STEP_CLOSE;
		}
		c->frame = (size_t)frame;
		if (frame && c->input_len >= c->frame)
			return answer(context, c, false);
		enum step step = receive(context, c);
		if (step != STEP_ON)
			return step;
	}
}

/* A request that came before the answer was out says nothing about it. */
static bool more_came(const struct connection *c)
{
	int bytes;

	return c->sent.count && (ioctl(c->fd, FIONREAD, &bytes) < 0 || bytes > 0);
}

/* The answer is out: makes room, and begins with what else was read. */
static void next_request(struct connection_context *context, struct connection *c)
{
	size_t rest = c->input_len - c->frame;

	sent_files_add(&c->sent, &c->answer);
	answer_shrink(&c->answer);
	connection_count_answer(context, c);
	memmove(c->input, c->input + c->frame, rest);
	c->input_len = rest;
	c->frame = 0;
	c->pipelined = rest || more_came(c) ? c->pipelined + 1 : 0;
	if (c->input_room > LIMIT_REQUEST_KEPT && rest <= LIMIT_REQUEST_KEPT)
		connection_resize_input(context, c, LIMIT_REQUEST_KEPT);
	connection_enter(context, c, CONNECTION_READS, rest ? LIMIT_RECEIVE_MS : LIMIT_IDLE_MS);
}

static bool fetch_cold(struct connection_context *context, struct connection *c)
{
	struct segment_file *file;
	uint64_t position;
	uint32_t length;

	answer_next(&c->answer, &file, &position, &length);
	c->job = prefetch_ask(context->disk, c, file, position, length);
	return c->job != NULL;
}

void connection_warmed(struct connection_context *context, struct connection *c)
{
	bool succeeded = prefetch_succeeded(c->job);

	answer_warmed(&c->answer, c->job->length);
	c->job = NULL;
	/* What is promised cannot be sent. To try it in place might make all wait for the disk. */
	if (!succeeded) {
		connection_enter(context, c, CONNECTION_ENDS, LIMIT_IDLE_MS);
		return;
	}
	c->deadline_ms = context->now_ms + LIMIT_SEND_MS;
}

bool connection_overdue(const struct connection_context *context, const struct connection *c)
{
	/* Who waits for us, or for our disk, is not late. */
	return c->phase != CONNECTION_WAITS && !c->job && context->now_ms >= c->deadline_ms;
}

bool connection_tidy(const struct connection_context *context, struct connection *c)
{
	sent_files_tidy(&c->sent);
	/* Read it is in any case. */
	if (c->behind && c->behind->done) {
		disk_lookup_put(c->behind);
		c->behind = NULL;
	}
	return c->phase != CONNECTION_SENDS || context->now_ms < c->since_ms + LIMIT_SEND_MS ||
	       answer_current(&c->answer);
}

static enum step send_answer(struct connection_context *context, struct connection *c,
			     size_t *budget)
{
	size_t before = *budget;
	c->answer.patience = &context->patience;
	uint64_t memory_before = c->answer.sent, file_before = c->answer.file_sent;
	enum answer_sent sent = answer_send(&c->answer, c->fd, budget);
	uint64_t file = c->answer.file_sent - file_before;

	context->counters.sent_bytes += c->answer.sent - memory_before + file;
	context->counters.sent_file_bytes += file;
	switch (sent) {
	case ANSWER_DONE:
		next_request(context, c);
		return STEP_ON;
	case ANSWER_BROKEN:
		return STEP_CLOSE;
	case ANSWER_COLD:
		if (!fetch_cold(context, c))
			return STEP_CLOSE;
		break;
	case ANSWER_FULL:
	case ANSWER_TURN:
		break;
	}
	if (*budget < before)
		c->deadline_ms = context->now_ms + LIMIT_SEND_MS;
	return STEP_BLOCKED;
}

bool connection_work(struct connection_context *context, struct connection *c, bool looked)
{
	size_t budget = LIMIT_TURN_BYTES;
	uint64_t until_us = now_us() + LIMIT_TURN_US;
	enum step step = STEP_ON;

	for (unsigned i = 0; step == STEP_ON && i < 2 * LIMIT_TURN_REQUESTS; i++) {
		switch (c->phase) {
		case CONNECTION_READS:
			/* No other request is begun then: see connection_events(). */
			step = i && now_us() >= until_us ? STEP_BLOCKED : read_request(context, c);
			break;
		case CONNECTION_WAITS:
			step = looked ? answer(context, c, true) : STEP_BLOCKED;
			looked = false;
			break;
		case CONNECTION_SENDS:
			step = c->job ? STEP_BLOCKED : send_answer(context, c, &budget);
			break;
		case CONNECTION_ENDS:
			step = STEP_CLOSE;
			break;
		}
	}
	return step != STEP_CLOSE;
}

bool connection_due(const struct connection_context *context, const struct connection *c)
{
	if (c->phase != CONNECTION_WAITS)
		return false;
	if (context->now_ms >= c->deadline_ms)
		return true;
	if (c->kept.counter)
		return *c->kept.counter != c->kept.seen;
	if (context->now_ms < c->not_before_ms)
		return false;
	/* Not whether an end moved just now: one may have while this was left alone. */
	if (c->watches_count > LIMIT_WATCHES)
		return context->catalog->moves != c->moves_seen;
	for (unsigned i = 0; i < c->watches_count; i++)
		if (partition_end(c->watches[i].partition) != c->watches[i].end)
			return true;
	return false;
}

/* A whole request (or what can never be one) is in memory: only the turn was over. */
static bool has_more(const struct connection *c)
{
	int64_t frame = request_frame(c->input, c->input_len);

	return frame < 0 || (frame > 0 && c->input_len >= (size_t)frame);
}

uint32_t connection_events(const struct connection *c)
{
	switch (c->phase) {
	case CONNECTION_READS:
		/* That the socket can be written to brings the next turn. */
		return has_more(c) ? EPOLLOUT : EPOLLIN;
	case CONNECTION_SENDS:
		return c->job ? EPOLLRDHUP : EPOLLOUT;
	case CONNECTION_WAITS:
	case CONNECTION_ENDS:
		break;
	}
	return EPOLLRDHUP;
}
