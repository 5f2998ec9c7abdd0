/* Connections over the loopback, driven by hand as the server's loop drives them. */
#include <errno.h>

#include "gateway_pairs.h"

TestSuite(gateway_connection, .init = pairs_setup, .fini = pairs_teardown);

/* Sends the frame, behind which `more` bytes belong to it, and has the connection work on it. */
static void ask(struct pair *pair, const struct wire_writer *frame, size_t more)
{
	static uint8_t bytes[4 + LIMIT_REQUEST_BYTES];
	size_t len = 4 + frame->len + more;

	cr_assert(!frame->failed && len <= sizeof(bytes));
	memset(bytes, 0, len);
	log_put32(bytes, (uint32_t)(frame->len + more));
	memcpy(bytes + 4, frame->data, frame->len);
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(pair->client, bytes + sent, len - sent, MSG_DONTWAIT);

		cr_assert(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		cr_assert(connection_work(&context, pair->c, false));
	}
	/* The loopback has delivered it all, but for what stands in our socket. */
	for (unsigned i = 0; i < 1000 && pair->c->phase == CONNECTION_READS; i++) {
		usleep(1000);
		cr_assert(connection_work(&context, pair->c, false));
	}
}

/* A Fetch of the first so many partitions of "s", each from its end. */
static void fetch_ends(struct wire_writer *w, int32_t partitions)
{
	gateway_testing_header(w, API_KEY_FETCH, 4);
	wire_put32(w, -1);
	wire_put32(w, 60000);
	wire_put32(w, 1);
	wire_put32(w, 1 << 20);
	wire_put8(w, 0);
	wire_put_array(w, 1);
	wire_put_text(w, "s");
	wire_put_array(w, partitions);
	for (int32_t i = 0; i < partitions; i++) {
		wire_put32(w, i);
		wire_put64(w, TESTING_END);
		wire_put32(w, 1 << 20);
	}
}

static void make_partitions(unsigned count)
{
	static struct build b;

	for (unsigned i = 1; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s-%u", i);
		b.len = 0;
		build_batch(&b, 0, TESTING_END, TESTING_TS);
		build_segment(dir, name, 0, &b);
	}
	context.now_ms += REFRESH_MS;
	catalog_refresh(&catalog, context.now_ms);
	cr_assert_eq(catalog.all_count, count);
}

/* An end that moves while the request is left alone, and none afterwards. */
static void check_wakes(int32_t partitions)
{
	struct pair pair = connect_pair();

	fetch_ends(&request, partitions);
	ask(&pair, &request, 0);
	cr_assert_eq(pair.c->phase, CONNECTION_WAITS);
	catalog_moved(&catalog);
	cr_assert(connection_work(&context, pair.c, true));
	pair.c->not_before_ms = context.now_ms + 50;
	catalog_moved(&catalog);
	cr_assert(!connection_due(&context, pair.c));
	catalog.all[0]->scanned_end++;
	cr_assert(catalog_moved(&catalog));
	cr_assert(!connection_due(&context, pair.c), "it is to be left alone");
	context.now_ms += 50;
	cr_assert(!catalog_moved(&catalog));
	cr_assert(connection_due(&context, pair.c), "%d partitions", partitions);
	/* Tried again, it waits for the next. */
	catalog.all[0]->scanned_end--;
	catalog_moved(&catalog);
	cr_assert(connection_work(&context, pair.c, true));
	context.now_ms = pair.c->not_before_ms;
	catalog_moved(&catalog);
	cr_assert_eq(pair.c->phase, CONNECTION_WAITS);
	cr_assert(!connection_due(&context, pair.c));
	disconnect(&pair);
}

Test(gateway_connection, an_end_that_moves_while_a_fetch_is_left_alone_wakes_it)
{
	make_partitions(LIMIT_WATCHES + 1);
	check_wakes(LIMIT_WATCHES);
	check_wakes(LIMIT_WATCHES + 1);
}

static void expect_overdue_after(const struct pair *pair, uint64_t ms)
{
	context.now_ms += ms - 1;
	cr_assert(!connection_overdue(&context, pair->c));
	context.now_ms++;
	cr_assert(connection_overdue(&context, pair->c));
}

/* Some bytes, and what the connection does then. */
static void say(const struct pair *pair, const void *bytes, size_t len)
{
	cr_assert_eq(send(pair->client, bytes, len, 0), len);
	usleep(20000);
	cr_assert(connection_work(&context, pair->c, false));
}

Test(gateway_connection, who_asks_nothing_goes_after_thirty_seconds_and_later_after_ten_minutes)
{
	struct pair fresh = connect_pair(), used = connect_pair();

	cr_assert_eq(LIMIT_IDLE_MS, 10 * 60 * 1000);
	gateway_testing_header(&request, API_KEY_VERSIONS, 0);
	ask(&used, &request, 0);
	cr_assert_eq(used.c->phase, CONNECTION_READS);
	expect_overdue_after(&fresh, LIMIT_RECEIVE_MS);
	expect_overdue_after(&used, LIMIT_IDLE_MS - LIMIT_RECEIVE_MS);
	disconnect(&fresh);
	disconnect(&used);
}

Test(gateway_connection, a_request_has_thirty_seconds_from_its_first_byte)
{
	struct pair pair = connect_pair();

	cr_assert_eq(LIMIT_RECEIVE_MS, 30 * 1000);
	context.now_ms += 1000;
	say(&pair, "\0\0\1", 3);
	context.now_ms += LIMIT_RECEIVE_MS - 1000;
	/* One byte now and then wins no time. */
	say(&pair, "\0", 1);
	cr_assert(!connection_overdue(&context, pair.c));
	expect_overdue_after(&pair, 1000);
	disconnect(&pair);
}

/* Has its client ask for more than the two sockets hold. */
static void ask_for_much(struct pair *pair)
{
	enum { RECORDS = 20000 };
	static struct build b;
	int small = 4096;

	b.len = 0;
	build_batch(&b, 0, RECORDS, TESTING_TS);
	build_segment(dir, "s-1", 0, &b);
	context.now_ms += REFRESH_MS;
	catalog_refresh(&catalog, context.now_ms);
	setsockopt(pair->c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(pair->client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	gateway_testing_fetch(&request, 1, 0, 0, 1, 1 << 20);
	ask(pair, &request, 0);
	cr_assert_eq(pair->c->phase, CONNECTION_SENDS);
}

Test(gateway_connection, an_answer_has_two_minutes_from_its_last_byte_taken)
{
	static char taken[1 << 20];
	struct pair pair = connect_pair();

	ask_for_much(&pair);
	while (connection_work(&context, pair.c, false) && pair.c->answer.file_sent == 0)
		usleep(1000);
	cr_assert_eq(LIMIT_SEND_MS, 2 * 60 * 1000);
	context.now_ms += LIMIT_SEND_MS - 1;
	cr_assert(connection_work(&context, pair.c, false));
	cr_assert(!connection_overdue(&context, pair.c));
	/* What it takes wins time; that we try again does not. */
	uint64_t sent = pair.c->answer.file_sent;
	while (pair.c->answer.file_sent == sent) {
		cr_assert_gt(recv(pair.client, taken, sizeof(taken), 0), 0);
		usleep(1000);
		cr_assert(connection_work(&context, pair.c, false));
	}
	cr_assert_eq(pair.c->phase, CONNECTION_SENDS);
	context.now_ms += LIMIT_SEND_MS / 2;
	cr_assert(connection_work(&context, pair.c, false));
	expect_overdue_after(&pair, LIMIT_SEND_MS / 2);
	disconnect(&pair);
}

Test(gateway_connection, who_waits_for_records_is_answered_after_five_minutes)
{
	struct pair pair = connect_pair();

	cr_assert_eq(LIMIT_WAIT_MS, 5 * 60 * 1000);
	gateway_testing_fetch(&request, 0, TESTING_END, INT32_MAX, 1, 1 << 20);
	ask(&pair, &request, 0);
	cr_assert_eq(pair.c->phase, CONNECTION_WAITS);
	context.now_ms += LIMIT_WAIT_MS - 1;
	cr_assert(!connection_due(&context, pair.c));
	context.now_ms++;
	cr_assert(!connection_overdue(&context, pair.c));
	cr_assert(connection_due(&context, pair.c));
	cr_assert(connection_work(&context, pair.c, true));
	cr_assert_eq(pair.c->phase, CONNECTION_READS);
	disconnect(&pair);
}

/* Requests that are whole hold memory too, while what they ask for is waited for. */
Test(gateway_connection, large_requests_that_wait_make_room_for_others)
{
	enum { EACH = 7 << 18, FIT = LIMIT_REQUESTS_BYTES / EACH };
	static struct pair pairs[FIT + 2];
	struct pair idle = connect_pair();

	gateway_testing_fetch(&request, 0, TESTING_END, 60000, 1, 1 << 20);
	for (unsigned i = 0; i < FIT + 2; i++) {
		context.now_ms += 10;
		pairs[i] = connect_pair();
		ask(&pairs[i], &request, EACH - request.len - 4);
		cr_assert_eq(pairs[i].c->phase, CONNECTION_WAITS);
		cr_assert_leq(context.large_bytes, LIMIT_REQUESTS_BYTES);
		cr_assert_eq(context.waiting, i < FIT ? i + 1 : FIT);
		cr_assert_eq(context.watching, context.waiting);
	}
	/* Those that have waited for longest. */
	cr_assert_eq(context.counters.overdue, 2);
	for (unsigned i = 0; i < FIT + 2; i++)
		cr_assert_eq(pairs[i].c->phase, i < 2 ? CONNECTION_ENDS : CONNECTION_WAITS);
	cr_assert(!connection_work(&context, pairs[0].c, false), "it is to be destroyed");
	cr_assert_eq(idle.c->phase, CONNECTION_READS);
	for (unsigned i = 0; i < FIT + 2; i++)
		disconnect(&pairs[i]);
	disconnect(&idle);
	cr_assert_eq(context.large_bytes, 0);
	cr_assert_eq(context.waiting, 0);
}

/* Sends a request but for its last bytes. */
static void ask_half(struct pair *pair, size_t len)
{
	static uint8_t bytes[LIMIT_REQUEST_BYTES];

	log_put32(bytes, LIMIT_REQUEST_BYTES);
	for (size_t sent = 0; pair->c->input_len < len;) {
		ssize_t n = send(pair->client, bytes + sent, len - sent, MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		cr_assert(connection_work(&context, pair->c, false));
	}
	cr_assert_eq(pair->c->phase, CONNECTION_READS);
}

Test(gateway_connection, half_requests_make_room_before_whole_ones)
{
	enum { EACH = 7 << 18, FIT = LIMIT_REQUESTS_BYTES / EACH };
	static struct pair halves[FIT];
	struct pair whole = connect_pair(), next;

	gateway_testing_fetch(&request, 0, TESTING_END, 60000, 1, 1 << 20);
	ask(&whole, &request, EACH - request.len - 4);
	for (unsigned i = 0; i < FIT; i++) {
		context.now_ms += 10;
		halves[i] = connect_pair();
		ask_half(&halves[i], EACH);
	}
	/* The first of them, and not the one that has waited for longer. */
	cr_assert_eq(whole.c->phase, CONNECTION_WAITS);
	cr_assert_eq(halves[0].c->phase, CONNECTION_ENDS);
	uint64_t ended = context.counters.overdue;
	context.now_ms += 10;
	next = connect_pair();
	ask(&next, &request, EACH - request.len - 4);
	cr_assert_eq(next.c->phase, CONNECTION_WAITS);
	cr_assert_eq(whole.c->phase, CONNECTION_WAITS);
	cr_assert_gt(context.counters.overdue, ended);
	disconnect(&whole);
	disconnect(&next);
	for (unsigned i = 0; i < FIT; i++)
		disconnect(&halves[i]);
	cr_assert_eq(context.large_bytes, 0);
}

/* A disk may take longer than a client is given to read. */
Test(gateway_connection, who_waits_for_our_disk_is_not_late)
{
	struct pair pair = connect_pair();
	struct partition *partition = catalog.all[0];
	struct pollfd done = {.fd = disk_thread_fd(context.disk), .events = POLLIN};
	struct segment_file *file;

	cr_assert_eq(segment_file_get(&partition->files, 0, &file), 0);
	connection_enter(&context, pair.c, CONNECTION_SENDS, LIMIT_SEND_MS);
	pair.c->job = prefetch_ask(context.disk, pair.c, file, 0, 100);
	cr_assert_not_null(pair.c->job);
	segment_file_put(file);
	context.now_ms += 10 * LIMIT_SEND_MS;
	cr_assert(!connection_overdue(&context, pair.c));
	cr_assert_eq(poll(&done, 1, 10000), 1);
	struct disk_job *job = disk_thread_take_done(context.disk);
	cr_assert_eq(job, &pair.c->job->job);
	connection_warmed(&context, pair.c);
	job->give_back(job);
	cr_assert(!connection_overdue(&context, pair.c));
	context.now_ms += LIMIT_SEND_MS - 1;
	cr_assert(!connection_overdue(&context, pair.c));
	context.now_ms++;
	cr_assert(connection_overdue(&context, pair.c));
	disconnect(&pair);
}

/* Its client may leave us what was read for it until others' bytes have taken that place. */
Test(gateway_connection, what_was_read_is_looked_for_again_when_the_socket_was_full)
{
	struct pair pair = connect_pair();
	struct answer *sent = &pair.c->answer;

	ask_for_much(&pair);
	cr_assert_eq(sent->extents_count, 1);
	answer_warmed(sent, (uint32_t)sent->file_bytes - sent->extent_sent);
	cr_assert(connection_work(&context, pair.c, false));
	cr_assert_eq(pair.c->phase, CONNECTION_SENDS);
	cr_assert_lt(sent->file_sent, sent->file_bytes);
	cr_assert_eq(sent->extent_warm, 0);
	disconnect(&pair);
}
