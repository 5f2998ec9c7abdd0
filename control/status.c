#include "status.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control_socket.h"
#include "loop.h"

const char *status_run_name(const struct status *status)
{
	switch (status->run_state) {
	case STATE_STOPPED:
		return "stopped";
	case STATE_FAILED:
		return "failed";
	default:
		break;
	}
	if (!status->alive)
		return "dead";
	switch (status->run_state) {
	case STATE_RUNNING:
		return "running";
	case STATE_DRAINING:
		return "draining";
	default:
		return "starting";
	}
}

bool status_ready(const struct status *status)
{
	return status->alive && status->fresh && status->run_state == STATE_RUNNING;
}

uint64_t status_term(const struct status_packets *packets, const char *term)
{
	uint64_t sum = 0;

	for (int row = 0; row < LEDGER_ROWS; row++)
		if (strcmp(ledger_info[row].term, term) == 0)
			sum += packets->rows[row];
	return sum;
}

static void add_packets(struct status_packets *to, const struct status_packets *from)
{
	to->received += from->received;
	to->received_bytes += from->received_bytes;
	for (int row = 0; row < LEDGER_ROWS; row++)
		to->rows[row] += from->rows[row];
}

static void add_events(struct status_events *to, const struct status_events *from)
{
	for (int row = 0; row < EVENT_ROWS; row++)
		to->rows[row] += from->rows[row];
}

static uint64_t rows_of_packets(const struct status_packets *p)
{
	uint64_t sum = 0;

	for (int row = 0; row < LEDGER_ROWS; row++)
		sum += p->rows[row];
	return sum;
}

static uint64_t fates_of_events(const struct status_events *e)
{
	uint64_t sum = 0;

	for (int row = 0; row < EVENT_ROWS; row++)
		if (row != EVENT_decoded)
			sum += e->rows[row];
	return sum;
}

static void unbalanced(struct status *st, const char *what, uint64_t in, uint64_t out)
{
	if (st->balanced)
		snprintf(st->imbalance, sizeof(st->imbalance),
			 "%s: %llu came in, %llu are accounted for", what, (unsigned long long)in,
			 (unsigned long long)out);
	st->balanced = false;
}

static void check_packets(struct status *st, const char *what, const struct status_packets *p)
{
	if (p->received != rows_of_packets(p))
		unbalanced(st, what, p->received, rows_of_packets(p));
}

static void check_events(struct status *st, const char *what, const struct status_events *e)
{
	if (e->rows[EVENT_decoded] != fates_of_events(e))
		unbalanced(st, what, e->rows[EVENT_decoded], fates_of_events(e));
}

static void read_cells(struct status *st, const struct state *state)
{
	for (unsigned lane = 0; lane < st->lanes_count; lane++) {
		for (unsigned port = 0; port < st->ports_count; port++) {
			struct status_cell *cell = &st->cells[st->cells_count++];
			struct state_rx_copy copy;
			char what[48];

			state_read_rx(state, lane, port, &copy);
			cell->lane = lane;
			cell->port = port;
			cell->packets.received = copy.received;
			cell->packets.received_bytes = copy.received_bytes;
			memcpy(cell->packets.rows, copy.ledger, sizeof(copy.ledger));
			snprintf(what, sizeof(what), "packets of lane %u, port %u", lane, port);
			check_packets(st, what, &cell->packets);
			add_packets(&st->lanes[lane].packets, &cell->packets);
			add_packets(&st->ports[port].packets, &cell->packets);
			add_packets(&st->packets, &cell->packets);
		}
	}
	check_packets(st, "packets in total", &st->packets);
}

static double ratio(uint64_t part, uint64_t rest)
{
	return part + rest ? (double)part / (double)(part + rest) : 0;
}

static void read_lane(struct status_lane *to, const struct state_lane *from)
{
	to->polls = state_load(&from->polls);
	to->polls_empty = state_load(&from->polls_empty);
	to->cycles_busy = state_load(&from->cycles_busy);
	to->cycles_idle = state_load(&from->cycles_idle);
	to->sleeps = state_load(&from->sleeps);
	to->slabs_short = state_load(&from->slabs_short);
	to->last_packet_ns = state_load(&from->last_packet_ns);
	to->plan_generation = state_load(&from->plan_generation);
	to->batches = state_load(&from->batches);
	to->log_cycles_busy = state_load(&from->log_cycles_busy);
	to->log_cycles_idle = state_load(&from->log_cycles_idle);
	to->slabs_queued = state_load(&from->slabs_queued);
	to->busy_ratio = ratio(to->cycles_busy, to->cycles_idle);
	to->log_busy_ratio = ratio(to->log_cycles_busy, to->log_cycles_idle);
}

static void read_port(struct status_port *to, const struct state_port *from)
{
	snprintf(to->name, sizeof(to->name), "%s", from->name);
	snprintf(to->device, sizeof(to->device), "%s", from->device);
	snprintf(to->driver, sizeof(to->driver), "%s", from->driver);
	to->up = atomic_load_explicit(&from->up, memory_order_relaxed) != 0;
	to->queues = atomic_load_explicit(&from->queues, memory_order_relaxed);
	to->ipackets = state_load(&from->ipackets);
	to->ibytes = state_load(&from->ibytes);
	to->missed = state_load(&from->missed);
	to->rx_nombuf = state_load(&from->rx_nombuf);
	to->errors = state_load(&from->errors);
}

static void read_core(struct status_core *to, const struct state_core *from)
{
	to->writes = state_load(&from->writes);
	to->write_bytes = state_load(&from->write_bytes);
	to->batch_bytes = state_load(&from->batch_bytes);
	to->syncs = state_load(&from->syncs);
	to->sync_ns_total = state_load(&from->sync_ns_total);
	to->sync_ns_max = state_load(&from->sync_ns_max);
	to->write_ns_total = state_load(&from->write_ns_total);
	to->write_ns_max = state_load(&from->write_ns_max);
	to->rolls = state_load(&from->rolls);
	to->segment_waits = state_load(&from->segment_waits);
	to->tail_writes = state_load(&from->tail_writes);
	to->realigned = state_load(&from->realigned);
	to->write_errors = state_load(&from->write_errors);
	for (int i = 0; i < 16; i++)
		to->commit[i] = state_load(&from->commit_ns[i]);
}

/* The polling core changes the rows one after the other: read again until they agree. */
static void read_events(struct status_events *to, const struct state_partition *from)
{
	struct state_retry retry = {0};

	do {
		for (int row = EVENT_ROWS - 1; row >= 0; row--)
			to->rows[row] = state_load(&from->events[row]);
		atomic_thread_fence(memory_order_acquire);
		if (to->rows[EVENT_decoded] == fates_of_events(to) &&
		    to->rows[EVENT_decoded] == state_load(&from->events[EVENT_decoded]))
			return;
	} while (state_read_again(&retry));
}

static void read_offsets(struct status_partition *to, const struct state_partition *from)
{
	/* From the innermost outwards, so that what is read never shows durable beyond the end. */
	to->visible_end = atomic_load_explicit(&from->visible_end, memory_order_acquire);
	to->durable_end = atomic_load_explicit(&from->durable_end, memory_order_acquire);
	to->log_end = state_load(&from->log_end);
	to->log_start = atomic_load_explicit(&from->log_start, memory_order_acquire);
	to->segments = state_load(&from->segments);
	to->bytes = state_load(&from->bytes);
	to->active_base = atomic_load_explicit(&from->active_base, memory_order_acquire);
	to->leader_epoch = atomic_load_explicit(&from->leader_epoch, memory_order_relaxed);
	to->storage_failed = atomic_load_explicit(&from->storage_failed, memory_order_relaxed) != 0;
}

static void read_stream(struct status *st, const struct state *state, unsigned slot)
{
	unsigned index = st->streams_count++;
	struct status_stream *stream = &st->streams[index];
	const struct state_stream *from = state_stream(state, slot);

	snprintf(stream->name, sizeof(stream->name), "%s", from->name);
	stream->used = atomic_load_explicit(&from->used, memory_order_relaxed) != 0;
	stream->slot = slot;
	for (unsigned row = 0; row < state_partition_rows(state); row++) {
		const struct state_partition *p = state_partition(state, row, slot);
		struct status_events events;
		char what[PLAN_NAME_MAX + 32];

		read_events(&events, p);
		snprintf(what, sizeof(what), "events of %s-%u", stream->name, row);
		check_events(st, what, &events);
		stream->stored += state_load(&p->packets_stored);
		stream->shed += state_load(&p->packets_shed);
		stream->filtered += state_load(&p->packets_filtered);
		stream->undecodable += state_load(&p->packets_undecodable);
		stream->value_bytes += state_load(&p->value_bytes);
		add_events(&stream->events, &events);
		if (row < st->lanes_count)
			add_events(&st->lanes[row].events, &events);
		if (!atomic_load_explicit(&p->open, memory_order_acquire))
			continue;
		struct status_partition *to = &st->partitions[st->partitions_count++];
		to->stream = index;
		to->partition = row;
		read_offsets(to, p);
	}
	add_events(&st->events, &stream->events);
}

/* There, and not a zombie that nobody reaped. */
static bool process_lives(pid_t pid)
{
	char path[32], text[512];

	if (pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *in = fopen(path, "re");
	if (!in)
		return true;
	size_t n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[n] = '\0';
	const char *state = strrchr(text, ')');
	return !state || (state[1] && state[2] != 'Z' && state[2] != 'X');
}

static void read_process(struct status *st, const struct state *state)
{
	uint64_t now = loop_real_ns(), beat = state_load(&state->heartbeat_ns);
	uint64_t started = state_load(&state->started_ns);

	st->run_state = atomic_load_explicit(&state->run_state, memory_order_acquire);
	st->pid = (pid_t)atomic_load_explicit(&state->pid, memory_order_relaxed);
	st->alive = process_lives(st->pid);
	st->heartbeat_age_ns = now > beat ? now - beat : 0;
	st->fresh = st->heartbeat_age_ns < STATUS_FRESH_NS;
	uint64_t until = st->alive && st->run_state < STATE_STOPPED ? now : beat;
	st->started_ns = started;
	st->uptime_ns = until > started ? until - started : 0;
	st->hugepages = atomic_load_explicit(&state->hugepages, memory_order_relaxed) != 0;
	st->direct = atomic_load_explicit(&state->direct, memory_order_relaxed) != 0;
	st->plan_generation = state_load(&state->plan_generation);
	st->starts = state_load(&state->starts);
	st->crashes = state_load(&state->crashes);
	st->tsc_hz = state->tsc_hz;
	snprintf(st->storage_path, sizeof(st->storage_path), "%s", state->storage_path);
	if (st->run_state == STATE_FAILED)
		snprintf(st->error, sizeof(st->error), "%s", state->error);
}

static bool allocate(struct status *st, const struct state *state)
{
	st->lanes_count = state->lanes;
	st->ports_count = state->ports;
	st->cores_count = state->cores;
	st->lanes = calloc(state->lanes + 1, sizeof(*st->lanes));
	st->ports = calloc(state->ports + 1, sizeof(*st->ports));
	st->cores = calloc(state->cores + 1, sizeof(*st->cores));
	st->cells = calloc((size_t)state->lanes * state->ports + 1, sizeof(*st->cells));
	st->streams = calloc(state->streams_max + 1, sizeof(*st->streams));
	st->partitions = calloc((size_t)state_partition_rows(state) * state->streams_max + 1,
				sizeof(*st->partitions));
	return st->lanes && st->ports && st->cores && st->cells && st->streams && st->partitions;
}

int status_of(const struct state *state, struct status **out)
{
	struct status *st = calloc(1, sizeof(*st));

	if (!st || !allocate(st, state)) {
		status_free(st);
		return -ENOMEM;
	}
	st->balanced = true;
	read_process(st, state);
	read_cells(st, state);
	for (unsigned slot = 0; slot < state->streams_max; slot++)
		if (state_stream(state, slot)->name[0])
			read_stream(st, state, slot);
	check_events(st, "events in total", &st->events);
	for (unsigned i = 0; i < st->lanes_count; i++)
		read_lane(&st->lanes[i], state_lane(state, i));
	for (unsigned i = 0; i < st->ports_count; i++)
		read_port(&st->ports[i], state_port(state, i));
	for (unsigned i = 0; i < st->cores_count; i++)
		read_core(&st->cores[i], state_core(state, i));
	*out = st;
	return 0;
}

int status_read(const char *run_dir, struct status **out)
{
	const struct state *state = state_open(run_dir);

	if (!state)
		return -errno;
	int rc = status_of(state, out);
	state_close(state);
	if (rc < 0)
		return rc;
	(*out)->control_pid = control_socket_pid(run_dir);
	if (report_read(run_dir, &(*out)->gateway) < 0)
		(*out)->gateway = NULL;
	status_gateway_failure(run_dir, (*out)->control_pid, (*out)->gateway,
			       &(*out)->gateway_failure);
	return 0;
}

void status_free(struct status *status)
{
	if (!status)
		return;
	free(status->lanes);
	free(status->ports);
	free(status->cells);
	free(status->streams);
	free(status->partitions);
	free(status->cores);
	report_free(status->gateway);
	free(status);
}
