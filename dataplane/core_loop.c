#include "core_loop.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_pause.h>

enum {
	/* Rounds without work before an adaptive core waits: some tens of microseconds. Few, where
	 * so long a time was slept through just now: it would be in vain again. */
	IDLE_ROUNDS = 512,
	IDLE_ROUNDS_FEW = 16,
	IDLE_VAIN_NS = 50 * 1000,
	/* An adaptive core that has emptied its queues rests until about so many packets are there,
	 * as they came of late. Shorter than this it does not: to sleep costs as much. */
	REST_PACKETS = 96,
	REST_LEAST_NS = 40 * 1000,
	RATE_SPAN_NS = 500 * 1000,
	/* The clock is read in each round that follows one with work, else every so many rounds. */
	IDLE_CLOCK_ROUNDS = 16,
	LOG_BURST = 32,
	/* A queue that is never empty must not hold up a clean stop. */
	DRAIN_MAX_NS = 200 * 1000 * 1000,
};

struct loop {
	struct core *core;
	const struct generation *generation;
	uint64_t number; /* of that generation; 0: none yet */
	uint64_t mono_ns;
	uint64_t drain_since_ns;
	uint64_t slept_ns; /* the last time */
	uint64_t rate_since_ns, rate_packets, rest_ns;
	unsigned idle_rounds;
	bool clock_stale; /* slept since it was read */
	bool rx_drained, log_closing, log_done;
};

static void take_generation(struct loop *l)
{
	const struct generation *g =
		atomic_load_explicit(&l->core->topology->generation, memory_order_acquire);

	if (likely(g->number == l->number))
		return;
	l->number = g->number;
	/* The log works by the plan of its last poll, and slabs come before the next one: the old
	 * plan may be gone by then. */
	if (l->core->log && l->generation)
		log_poll(l->core->log, g->plan, l->mono_ns);
	l->generation = g;
	for (unsigned i = 0; i < l->core->rx_count; i++) {
		l->core->rx[i]->route = g->route;
		l->core->rx[i]->burst = g->plan->burst;
		state_store(&l->core->rx[i]->state->plan_generation, g->plan->generation);
	}
}

static void read_clock(struct loop *l, uint64_t tsc)
{
	struct clock_now now = clock_at(tsc);

	if (l->clock_stale)
		l->slept_ns = now.mono_ns - l->mono_ns;
	l->mono_ns = now.mono_ns;
	l->clock_stale = false;
	for (unsigned i = 0; i < l->core->rx_count; i++) {
		l->core->rx[i]->now = now;
		l->core->rx[i]->now_ms = (int64_t)(now.real_ns / 1000000);
	}
}

static unsigned poll_lanes(struct loop *l)
{
	unsigned work = 0;

	for (unsigned i = 0; i < l->core->rx_count; i++)
		work += lane_poll(l->core->rx[i]);
	return work;
}

/* Slabs from the lanes to the log, and back those that are done. */
static unsigned poll_log(struct loop *l)
{
	struct core *core = l->core;
	struct slab *slabs[LOG_BURST];
	unsigned work = 0, n;

	for (unsigned i = 0; i < core->log_count; i++) {
		n = rte_ring_sc_dequeue_burst(core->log_lanes[i]->filled, (void **)slabs, LOG_BURST,
					      NULL);
		for (unsigned k = 0; k < n; k++)
			/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): filled by the ring */
			log_submit(core->log, slabs[k], l->mono_ns);
		work += n;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is always a generation */
	work += log_poll(core->log, l->generation->plan, l->mono_ns);
	while ((n = log_take_free(core->log, slabs, LOG_BURST)) > 0) {
		for (unsigned k = 0; k < n; k++)
			rte_ring_sp_enqueue(core->topology->lanes[slabs[k]->lane]->free, slabs[k]);
		work += n;
	}
	return work;
}

/* Clean stop, first half: poll until the queues are empty, then hand over what is open. */
static void drain_lanes(struct loop *l, unsigned rx_work)
{
	struct topology *t = l->core->topology;

	if (!l->drain_since_ns)
		l->drain_since_ns = l->mono_ns;
	if (rx_work && l->mono_ns - l->drain_since_ns < DRAIN_MAX_NS)
		return;
	for (unsigned i = 0; i < l->core->rx_count; i++)
		rx_batch_close_all(l->core->rx[i]);
	l->rx_drained = true;
	atomic_fetch_sub(&t->rx_running, 1);
}

static bool rings_are_empty(const struct core *core)
{
	for (unsigned i = 0; i < core->log_count; i++)
		if (!topology_ring_empty(core->log_lanes[i]->filled))
			return false;
	return true;
}

/* Second half: once no lane can send any more, close the log. */
static void drain_log(struct loop *l)
{
	struct core *core = l->core;
	struct topology *t = core->topology;

	if (!l->log_closing) {
		if (atomic_load(&t->rx_running) || !rings_are_empty(core))
			return;
		log_close(core->log);
		l->log_closing = true;
	}
	if (log_closed(core->log) || log_failed(core->log, NULL)) {
		l->log_done = true;
		atomic_fetch_sub(&t->log_running, 1);
	}
}

/* Where the time went: the polling core's figures stand with its lanes, the log half's likewise. */
static void account_time(struct loop *l, uint64_t cycles, unsigned rx_work, unsigned log_work)
{
	for (unsigned i = 0; i < l->core->rx_count; i++) {
		struct state_lane *s = l->core->rx[i]->state;
		state_add(rx_work ? &s->cycles_busy : &s->cycles_idle, cycles);
	}
	for (unsigned i = 0; i < l->core->log_count; i++) {
		struct state_lane *s = l->core->log_lanes[i]->state;
		state_add(log_work ? &s->log_cycles_busy : &s->log_cycles_idle, cycles);
	}
}

/* Nothing was there. */
static void maybe_wait(struct loop *l)
{
	unsigned rounds = l->slept_ns < IDLE_VAIN_NS ? IDLE_ROUNDS : IDLE_ROUNDS_FEW;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is always a generation */
	if (l->generation->plan->idle != PLAN_IDLE_ADAPTIVE || ++l->idle_rounds < rounds) {
		if (l->idle_rounds > IDLE_CLOCK_ROUNDS)
			rte_pause();
		return;
	}
	core_wait(l->core, l->idle_rounds - rounds);
	l->clock_stale = true;
}

/* How long it takes until REST_PACKETS are there; 0: not worth a rest. */
static void judge_rate(struct loop *l, unsigned packets)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is always a generation */
	uint64_t span = l->mono_ns - l->rate_since_ns, most = l->generation->plan->rest_ns;

	l->rate_packets += packets;
	if (span < RATE_SPAN_NS || l->rate_packets == 0)
		return;
	l->rest_ns = REST_PACKETS * span / l->rate_packets;
	if (l->rest_ns > most)
		l->rest_ns = most;
	/* Nor where not even one more is to come meanwhile. */
	if (l->rest_ns < REST_LEAST_NS || l->rate_packets * l->rest_ns < span)
		l->rest_ns = 0;
	l->rate_since_ns = l->mono_ns;
	l->rate_packets = 0;
}

/* Packets came, and fewer than a burst: the queues are empty. Each of the next ones would wake us;
 * they may as well wait for each other, as their batch waits for its linger. Returns the time now:
 * the rest was idle. */
static uint64_t maybe_rest(struct loop *l, unsigned packets, uint64_t tsc)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is always a generation */
	const struct plan *plan = l->generation->plan;

	if (plan->idle != PLAN_IDLE_ADAPTIVE || !plan->rest_ns)
		return tsc;
	judge_rate(l, packets);
	if (!l->rest_ns || packets >= plan->burst)
		return tsc;
	core_rest(l->core, l->rest_ns);
	l->clock_stale = true;
	uint64_t after = rte_rdtsc();
	account_time(l, after - tsc, 0, 0);
	return after;
}

static bool core_is_done(const struct loop *l)
{
	return (l->core->rx_count == 0 || l->rx_drained) && (!l->core->log || l->log_done);
}

int core_loop(void *arg)
{
	struct loop l = {.core = arg};
	struct core *core = l.core;
	struct topology *t = core->topology;
	uint64_t tsc = rte_rdtsc();
	unsigned round = 0;

	rte_rcu_qsbr_thread_register(t->rcu, core->index);
	rte_rcu_qsbr_thread_online(t->rcu, core->index);
	for (;;) {
		uint32_t phase = atomic_load_explicit(&t->phase, memory_order_acquire);
		unsigned rx_work = 0, log_work = 0;

		if (phase == PHASE_ABORT || core_is_done(&l))
			break;
		/* 1. nothing of an old plan is held here: the plan, 2. the clock */
		rte_rcu_qsbr_quiescent(t->rcu, core->index);
		take_generation(&l);
		if (l.idle_rounds == 0 || l.clock_stale || core->log ||
		    ++round % IDLE_CLOCK_ROUNDS == 0)
			read_clock(&l, tsc);
		/* 3. receive */
		if (core->rx_count && !l.rx_drained)
			rx_work = poll_lanes(&l);
		/* 4. write */
		if (core->log && !l.log_done)
			log_work = poll_log(&l);
		/* 5. a clean stop under way */
		if (unlikely(phase == PHASE_DRAIN)) {
			if (core->rx_count && !l.rx_drained)
				drain_lanes(&l, rx_work);
			if (core->log && !l.log_done)
				drain_log(&l);
		}
		/* 6. idle, 7. account, 8. rest */
		if (rx_work + log_work)
			l.idle_rounds = 0;
		else if (phase == PHASE_RUN)
			maybe_wait(&l);
		uint64_t after = rte_rdtsc();
		account_time(&l, after - tsc, rx_work, log_work);
		tsc = after;
		if (rx_work && phase == PHASE_RUN)
			tsc = maybe_rest(&l, rx_work, tsc);
	}
	rte_rcu_qsbr_thread_offline(t->rcu, core->index);
	rte_rcu_qsbr_thread_unregister(t->rcu, core->index);
	return 0;
}
