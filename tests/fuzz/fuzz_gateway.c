/*
 * Requests from arbitrary bytes, through header, table and every API's handler, over a small log of
 * several leader epochs. Each is worked on as it is, again as if its wait were over where it waits,
 * and its answer is sent into a socket that takes it or is full. Two forms of input:
 *
 * - It begins with a zero, as the length of every frame that is let in does: frames as on the wire,
 *   one behind the other. This is for the decoder of requests.
 * - Else: that byte, one that chooses an API (its key, or any number), one that chooses one of its
 *   versions, and what stands behind the client id. Whatever is mutated here, a handler reads it.
 *
 * In both, GENERATION and MEMBER stand for what only an answer tells: of the group "g".
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/gateway_testing.h"

enum {
	INPUT_MAX = 64 << 10,
	MEMBER_ID_BYTES = 38 /* with a client or an instance of one letter */
};

/* A digit follows: which of them. As long as an id, so that no length changes. */
#define MEMBER	   "t-member-of-the-group-g-behind-number"
#define GENERATION "GEN!"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* In the place of libc's: nothing here has to outlive the process, and a disk takes its time. */
int fsync(int fd __attribute__((unused)))
{
	return 0;
}

int fdatasync(int fd __attribute__((unused)))
{
	return 0;
}

static struct groups groups;
static struct disk_thread *disk;
static int pair[2];

static void remove_dir(void)
{
	build_remove(dir);
}

static void setup(void)
{
	static const char epochs[] = "0\n3\n0 0\n1 4\n3 10\n";
	static const char metadata[] = "version: 0\ntopic_id: AQIDBAUGRwiJCgsMDQ4PEA";

	build_dir(dir);
	atexit(remove_dir);
	gateway_testing_log(dir);
	gateway_testing_groups(&groups, dir);
	build_file(dir, "s-0", LOG_NAME_EPOCHS, epochs, strlen(epochs), 0);
	build_file(dir, "s-0", LOG_NAME_METADATA, metadata, strlen(metadata), 0);
	if (catalog_open(&catalog, NULL, dir) < 0 || disk_thread_create(&disk) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
}

static void drain(void)
{
	static uint8_t sink[1 << 16];

	while (read(pair[1], sink, sizeof(sink)) > 0)
		;
}

static enum api_result handle(struct api_kept *kept, const uint8_t *frame, size_t len,
			      bool time_is_up)
{
	struct api_call fuzzed = {.catalog = &catalog,
				  .groups = &groups,
				  .disk = disk,
				  .kept = kept,
				  .peer = "127.0.0.1",
				  .host = "127.0.0.1",
				  .port = 9092,
				  .time_is_up = time_is_up,
				  .watches = watches,
				  .answer = &answer};
	size_t budget = 4096;

	answer_clear(&answer);
	enum api_result result = api_handle(&fuzzed, frame, len);
	if (time_is_up && result == API_WAIT)
		abort();
	if (result != API_SEND || !answer_finish(&answer))
		return result;
	uint64_t size = answer.writer.len + answer.file_bytes;
	if (log_get32(answer.writer.data) != size - 4)
		abort();
	enum answer_sent sent = answer_send(&answer, pair[0], &budget);
	if (sent == ANSWER_BROKEN)
		abort();
	drain();
	return result;
}

static const char *member_id(const struct group *group, uint8_t digit)
{
	const struct group_member *m = group->members;

	for (; m && digit > '0'; digit--)
		m = m->next;
	return m && strlen(m->id) == MEMBER_ID_BYTES ? m->id : NULL;
}

static void fill_in(uint8_t *frame, size_t len)
{
	const struct group *group = groups_find(&groups, (struct wire_string){"g", 1});
	const uint8_t *end = frame + len;
	const char *id;

	if (!group)
		return;
	for (uint8_t *at = frame; (at = memmem(at, (size_t)(end - at), GENERATION, 4)); at += 4)
		log_put32(at, (uint32_t)group->generation);
	for (uint8_t *at = frame;
	     (at = memmem(at, (size_t)(end - at), MEMBER, MEMBER_ID_BYTES - 1)); at++)
		if (end - at >= MEMBER_ID_BYTES && (id = member_id(group, at[MEMBER_ID_BYTES - 1])))
			memcpy(at, id, MEMBER_ID_BYTES);
}

/* Until all that was to be made durable is. */
static void settle(void)
{
	struct pollfd done = {.fd = store_fd(groups.store), .events = POLLIN};

	while (groups.ops_bytes > 0 && poll(&done, 1, -1) >= 0)
		groups_take_done(&groups);
}

/* From memory that ends where the frame does. */
static void handle_whole(const void *head, size_t head_len, const uint8_t *rest, size_t len)
{
	uint8_t *copy = malloc(head_len + len + 1);
	struct api_kept kept = {0};

	if (!copy)
		return;
	uint8_t *frame = copy + 1; /* never of no size */
	memcpy(frame, head, head_len);
	memcpy(frame + head_len, rest, len);
	fill_in(frame, head_len + len);
	enum api_result result = handle(&kept, frame, head_len + len, false);
	/* As if time had gone by, for members too. */
	groups_set_time(&groups, groups.now_ms + 1000, groups.wall_ms + 1000);
	groups_tick(&groups);
	settle();
	if (result == API_WAIT && kept.lookup)
		gateway_testing_wait(disk, kept.lookup);
	if (result == API_WAIT)
		handle(&kept, frame, head_len + len, true);
	api_kept_clear(&kept);
	free(copy);
}

static void frames(const uint8_t *input, size_t size)
{
	for (size_t at = 0; at < size;) {
		int64_t frame = request_frame(input + at, size - at);

		if (frame <= 0 || (size_t)frame > size - at)
			break;
		handle_whole("", 0, input + at + REQUEST_LENGTH, (size_t)frame - REQUEST_LENGTH);
		at += (size_t)frame;
	}
}

static const struct api *choose(uint8_t number)
{
	for (unsigned i = 0; i < api_table_count; i++)
		if (api_table[i].key == number)
			return &api_table[i];
	return &api_table[number % api_table_count];
}

static void body(const uint8_t *input, size_t size)
{
	uint8_t head[2 + 2 + 4 + 2 + 1];

	if (size < 3)
		return;
	const struct api *api = choose(input[1]);
	log_put16(head, (uint16_t)api->key);
	log_put16(head + 2, (uint16_t)(api->min + input[2] % (api->max - api->min + 1)));
	log_put32(head + 4, 77);
	log_put16(head + 8, 1); /* a client id of one letter */
	head[10] = 't';
	handle_whole(head, sizeof(head), input + 3, size - 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (!dir[0])
		setup();
	if (size == 0 || size > INPUT_MAX)
		return 0;
	if (input[0] == 0)
		frames(input, size);
	else
		body(input, size);
	answer_free(&answer);
	return 0;
}
