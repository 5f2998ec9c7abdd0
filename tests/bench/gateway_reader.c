/*
 * Reads a topic's partition 0 by nothing but Fetches and throws the records away: what a server can
 * give. With --bare the same files from sendfile_floor, in the same way.
 *
 * Each connection reads a segment to its end, then the next that nobody has read yet. The segments
 * are the log's files, because names and sizes tell where each ends; of the last one, only its name
 * counts. Only heads of batches are looked at: each must begin where the one before ended. The rest
 * is dropped inside the kernel (MSG_TRUNC), or with --copy copied to memory as clients do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/batch_reader.h"
#include "api_key.h"
#include "bench_tool.h"
#include "floor_protocol.h"
#include "wire.h"

enum {
	CONNECTIONS_MAX = 64,
	COPY_BYTES = 1 << 20,
	WAIT_MS = 500,
	SILENCE_MS = 10000,
	VERSION = 4,	  /* the oldest that serves batches: its answer's head has one length */
	HEAD_RECORDS = 4, /* the length of the records ends the answer's head */
	HEAD_ERROR = 26,  /* from the head's end to where the partition's error stands */
	HEAD_BYTES = 52,  /* without the topic's name */
	HEAD_ROOM = 512,
};

struct segment {
	uint64_t base, bytes;
};

/* Something of a known length that comes in pieces. */
struct head {
	size_t held;
	uint8_t data[HEAD_ROOM];
};

/* One connection. An answer is a head and records, these are batches: a head and more each. */
struct reader {
	int fd;
	size_t segment;
	uint64_t next;	   /* offset of the next batch */
	uint64_t position; /* in the file, of the next byte that the floor is to send */
	uint32_t left;	   /* of the answer's records */
	uint32_t rest;	   /* of the batch whose head is in */
	struct head answer, batch;
	bool in_records, done;
};

static struct {
	const char *topic;
	unsigned port, connections;
	uint32_t max_bytes;
	bool bare, copy, once;
	double seconds;
	struct segment *segments;
	size_t segments_count, next_segment; /* to be read; there is one more in the array */
	uint64_t bytes, records, batches, answers, until_ns;
} g = {.topic = "bench", .connections = 1, .max_bytes = 1 << 20, .seconds = 1};

static uint8_t copied[COPY_BYTES];

static void find_segments(char **paths, int count)
{
	if (count < 2)
		die("needs two segments at least");
	g.segments = calloc((size_t)count, sizeof(*g.segments));
	g.segments_count = (size_t)count - 1;
	for (int i = 0; g.segments && i < count; i++) {
		const char *name = strrchr(paths[i], '/');
		struct stat found;

		if (stat(paths[i], &found) < 0)
			die("%s: %s", paths[i], strerror(errno));
		g.segments[i] =
			(struct segment){.base = strtoull(name ? name + 1 : paths[i], NULL, 10),
					 .bytes = (uint64_t)found.st_size};
	}
}

static void send_all(const struct reader *r, const void *data, size_t len)
{
	/* A request is small, and the socket empty: it takes it whole. */
	if (send(r->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send: %s", strerror(errno));
}

static void ask_floor(const struct reader *r)
{
	struct floor_request request = {
		.file = (uint32_t)r->segment, .max_bytes = g.max_bytes, .position = r->position};

	send_all(r, &request, sizeof(request));
}

static void ask_fetch(const struct reader *r)
{
	struct wire_writer w = {.max = HEAD_ROOM};

	wire_put32(&w, 0); /* the length, below */
	wire_put16(&w, API_KEY_FETCH);
	wire_put16(&w, VERSION);
	wire_put32(&w, 1); /* correlation */
	wire_put_text(&w, "gateway_reader");
	wire_put32(&w, -1); /* no replica */
	wire_put32(&w, WAIT_MS);
	wire_put32(&w, 1); /* byte at least */
	wire_put32(&w, (int32_t)g.max_bytes);
	wire_put8(&w, 0); /* isolation */
	wire_put_array(&w, 1);
	wire_put_text(&w, g.topic);
	wire_put_array(&w, 1);
	wire_put32(&w, 0); /* partition */
	wire_put64(&w, (int64_t)r->next);
	wire_put32(&w, (int32_t)g.max_bytes);
	wire_patch32(&w, 0, (int32_t)w.len - 4);
	if (w.failed)
		die("the topic's name is too long");
	send_all(r, w.data, w.len);
	free(w.data);
}

static bool segment_over(const struct reader *r)
{
	return g.bare ? r->position == g.segments[r->segment].bytes
		      : r->next >= g.segments[r->segment + 1].base;
}

/* The next request, if there is still something to be read. */
static void ask(struct reader *r)
{
	if (segment_over(r)) {
		if (g.next_segment == g.segments_count && !g.once)
			g.next_segment = 0;
		if (g.next_segment == g.segments_count) {
			r->done = true;
			return;
		}
		r->segment = g.next_segment++;
		r->next = g.segments[r->segment].base;
		r->position = 0;
		r->rest = 0;
	}
	r->done = !g.once && now_ns() >= g.until_ns;
	if (r->done)
		return;
	if (g.bare)
		ask_floor(r);
	else
		ask_fetch(r);
}

/* Bytes received, at most max; 0: none now. */
static size_t receive(const struct reader *r, void *to, size_t max, int flags)
{
	ssize_t n = recv(r->fd, to, max, flags);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		die("the server closed the connection");
	return (size_t)n;
}

static size_t fill(const struct reader *r, struct head *head, size_t want)
{
	size_t n = receive(r, head->data + head->held, want - head->held, 0);

	head->held += n;
	return n;
}

static size_t answer_head_bytes(void)
{
	return g.bare ? sizeof(uint32_t) : HEAD_BYTES + strlen(g.topic);
}

static uint32_t records_length(const struct reader *r)
{
	const uint8_t *end = r->answer.data + r->answer.held;
	struct wire_reader error = {.at = end - HEAD_ERROR, .end = end};
	struct wire_reader length = {.at = end - HEAD_RECORDS, .end = end};
	int16_t code = wire_get16(&error);
	int32_t bytes = wire_get32(&length);

	if (code || bytes <= 0)
		die("error %d and %d bytes at offset %llu", code, bytes,
		    (unsigned long long)r->next);
	return (uint32_t)bytes;
}

/* False: the rest is still on its way. */
static bool read_answer_head(struct reader *r)
{
	fill(r, &r->answer, answer_head_bytes());
	if (r->answer.held < answer_head_bytes())
		return false;
	if (g.bare) {
		memcpy(&r->left, r->answer.data, sizeof(r->left));
		r->position += r->left;
	} else {
		r->left = records_length(r);
		r->batch.held = 0;
		r->rest = 0;
	}
	r->answer.held = 0;
	r->in_records = true;
	g.answers++;
	return true;
}

static void begin_batch(struct reader *r)
{
	struct batch_head head;
	enum batch_error error = batch_head_parse(r->batch.data, r->batch.held, &head);

	if (error != BATCH_OK || (uint64_t)head.base_offset != r->next)
		die("no batch of offset %llu: %s", (unsigned long long)r->next,
		    batch_error_text(error));
	r->batch.held = 0;
	r->rest = head.size_bytes - RECORD_BATCH_HEAD;
	/* A broker cuts the last batch off, and has to be asked for it again. */
	if (!g.bare && r->rest > r->left) {
		r->rest = r->left;
		return;
	}
	r->next = (uint64_t)head.last_offset + 1;
	g.batches++;
	g.records += head.records;
}

/* False: nothing more is there now. */
static bool read_records(struct reader *r)
{
	size_t n;

	if (r->rest) {
		uint32_t most = r->rest < r->left ? r->rest : r->left;

		n = receive(r, copied, most < COPY_BYTES ? most : COPY_BYTES,
			    g.copy ? 0 : MSG_TRUNC);
		r->rest -= (uint32_t)n;
	} else {
		size_t all = r->batch.held + r->left;

		n = fill(r, &r->batch, all < RECORD_BATCH_HEAD ? all : RECORD_BATCH_HEAD);
	}
	r->left -= (uint32_t)n;
	g.bytes += n;
	if (r->batch.held == RECORD_BATCH_HEAD)
		begin_batch(r);
	return n > 0;
}

static void work(struct reader *r)
{
	bool more = true;

	while (more && !r->done) {
		more = r->in_records ? read_records(r) : read_answer_head(r);
		if (r->in_records && r->left == 0) {
			r->in_records = false;
			ask(r);
		}
	}
}

static void connect_all(struct reader *readers, struct pollfd *polled)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)g.port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	for (unsigned i = 0; i < g.connections; i++) {
		struct reader *r = &readers[i];

		r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(r->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		    fcntl(r->fd, F_SETFL, O_NONBLOCK) < 0)
			die("127.0.0.1:%u: %s", g.port, strerror(errno));
		polled[i] = (struct pollfd){.fd = r->fd, .events = POLLIN};
		/* As at the end of a segment: the next one. */
		r->position = g.segments[0].bytes;
		r->next = g.segments[1].base;
		ask(r);
	}
}

static void read_all(struct reader *readers, struct pollfd *polled)
{
	unsigned running = g.connections;

	while (running) {
		int n = poll(polled, g.connections, SILENCE_MS);

		if (n == 0 || (n < 0 && errno != EINTR))
			die("no answer");
		running = 0;
		for (unsigned i = 0; i < g.connections; i++) {
			if (polled[i].revents)
				work(&readers[i]);
			if (readers[i].done)
				polled[i].fd = -1;
			running += !readers[i].done;
		}
	}
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"port", 1, NULL, 'p'},	     {"topic", 1, NULL, 't'}, {"connections", 1, NULL, 'c'},
		{"max-bytes", 1, NULL, 'm'}, {"bare", 0, NULL, 'b'},  {"copy", 0, NULL, 'k'},
		{"seconds", 1, NULL, 's'},   {"once", 0, NULL, 'o'},  {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == '?')
			die("usage: gateway_reader --port N [--topic NAME] [--connections N] "
			    "[--max-bytes N] [--bare] [--copy] [--seconds S | --once] SEGMENT...");
		g.bare |= c == 'b';
		g.copy |= c == 'k';
		g.once |= c == 'o';
		if (c == 't')
			g.topic = optarg;
		else if (c == 's')
			g.seconds = atof(optarg);
		else if (c == 'm')
			g.max_bytes = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'p')
			g.port = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'c')
			g.connections = (unsigned)strtoul(optarg, NULL, 10);
	}
	if (g.connections < 1 || g.connections > CONNECTIONS_MAX)
		die("1 to %d connections", CONNECTIONS_MAX);
	find_segments(argv + optind, argc - optind);
}

int main(int argc, char **argv)
{
	static struct reader readers[CONNECTIONS_MAX];
	struct pollfd polled[CONNECTIONS_MAX];

	parse(argc, argv);
	uint64_t start_ns = now_ns();
	g.until_ns = start_ns + (uint64_t)(g.seconds * 1e9);
	connect_all(readers, polled);
	read_all(readers, polled);
	printf("{\"seconds\":%.6f,\"bytes\":%llu,\"records\":%llu,\"batches\":%llu,"
	       "\"answers\":%llu}\n",
	       (double)(now_ns() - start_ns) / 1e9, (unsigned long long)g.bytes,
	       (unsigned long long)g.records, (unsigned long long)g.batches,
	       (unsigned long long)g.answers);
	return 0;
}
