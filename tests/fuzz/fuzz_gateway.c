/*
 * Requests from arbitrary bytes, through header, table and every API's handler, over a small log.
 * Input: frames as on the wire, one behind the other; each is worked on as it is, then again as if
 * its wait were over, and its answer is sent into a socket that takes it or is full.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/gateway_testing.h"

enum { INPUT_MAX = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static char dir[64];
static struct catalog catalog;
static struct groups groups;
static int pair[2];

static void remove_dir(void)
{
	build_remove(dir);
}

static void setup(void)
{
	build_dir(dir);
	atexit(remove_dir);
	gateway_testing_log(dir);
	gateway_testing_groups(&groups, dir);
	if (catalog_open(&catalog, NULL, dir) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
}

static void drain(void)
{
	static uint8_t sink[1 << 16];

	while (read(pair[1], sink, sizeof(sink)) > 0)
		;
}

static void handle(struct answer *answer, struct api_kept *kept, const uint8_t *frame, size_t len,
		   bool time_is_up)
{
	struct api_watch watches[LIMIT_WATCHES];
	struct api_call call = {.catalog = &catalog,
				.groups = &groups,
				.kept = kept,
				.peer = "127.0.0.1",
				.host = "127.0.0.1",
				.port = 9092,
				.time_is_up = time_is_up,
				.watches = watches,
				.answer = answer};
	size_t budget = 4096;

	answer_clear(answer);
	enum api_result result = api_handle(&call, frame, len);
	if (time_is_up && result == API_WAIT)
		abort();
	if (result != API_SEND || !answer_finish(answer))
		return;
	uint64_t size = answer->writer.len + answer->file_bytes;
	if (log_get32(answer->writer.data) != size - 4)
		abort();
	enum answer_sent sent = answer_send(answer, pair[0], &budget);
	if (sent == ANSWER_BROKEN)
		abort();
	drain();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct answer answer = {0};

	if (!dir[0])
		setup();
	if (size > INPUT_MAX)
		return 0;
	for (size_t at = 0; at < size;) {
		int64_t frame = request_frame(input + at, size - at);

		if (frame <= 0 || (size_t)frame > size - at)
			break;
		/* Memory that ends where the frame does. */
		size_t len = (size_t)frame - REQUEST_LENGTH;
		uint8_t *copy = malloc(len ? len : 1);
		if (!copy)
			break;
		memcpy(copy, input + at + REQUEST_LENGTH, len);
		struct api_kept kept = {0};
		handle(&answer, &kept, copy, len, false);
		/* As if time had gone by, for members too. */
		groups_set_time(&groups, groups.now_ms + 1000, groups.wall_ms + 1000);
		groups_tick(&groups);
		groups_take_done(&groups);
		handle(&answer, &kept, copy, len, true);
		api_kept_clear(&kept);
		free(copy);
		at += (size_t)frame;
	}
	answer_free(&answer);
	return 0;
}
