#include "clock.h"

#include <time.h>

#include <rte_cycles.h>

/* A sequence lock: odd while the one writer changes params. Readers are on the poll path and take
 * no lock; the writer never waits. */
static _Atomic uint32_t clock_seq;
static struct clock_params clock_params;
static struct clock_params sampled; /* the writer's: what the kernel said the last time */
static uint64_t tsc_hz;

enum {
	SAMPLE_WIDTH_NS = 20 * 1000, /* a sample that took longer is no sample */
	REAL_NOISE_NS = 50 * 1000,   /* more than the system clock seems to jump between two */
};

static uint64_t kernel_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static void clock_publish(struct clock_params next)
{
	uint32_t seq = atomic_load_explicit(&clock_seq, memory_order_relaxed);

	atomic_store_explicit(&clock_seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	__atomic_store_n(&clock_params.tsc, next.tsc, __ATOMIC_RELAXED);
	__atomic_store_n(&clock_params.real_ns, next.real_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&clock_params.mono_ns, next.mono_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&clock_params.mult, next.mult, __ATOMIC_RELAXED);
	__atomic_store_n(&clock_params.mult_before, next.mult_before, __ATOMIC_RELAXED);
	atomic_store_explicit(&clock_seq, seq + 2, memory_order_release);
}

static uint64_t scale(uint64_t cycles, uint64_t mult)
{
	return (uint64_t)(((unsigned __int128)cycles * mult) >> CLOCK_SHIFT);
}

/* The three counts as close together as a thread can take them: the tightest of some tries, since a
 * preemption between two of them would be taken for drift. *width: cycles that it took. */
static struct clock_params clock_sample(uint64_t *best_width)
{
	struct clock_params best = {0};

	*best_width = UINT64_MAX;
	for (int i = 0; i < 5; i++) {
		uint64_t before = rte_rdtsc();
		uint64_t real = kernel_ns(CLOCK_REALTIME);
		uint64_t mono = kernel_ns(CLOCK_MONOTONIC);
		uint64_t width = rte_rdtsc() - before;

		if (width < *best_width) {
			*best_width = width;
			best.tsc = before + width / 2;
			best.real_ns = real;
			best.mono_ns = mono;
		}
	}
	return best;
}

void clock_init(void)
{
	uint64_t width;
	struct clock_params a = clock_sample(&width);
	struct timespec wait = {.tv_nsec = 20 * 1000 * 1000};

	nanosleep(&wait, NULL);
	struct clock_params b = clock_sample(&width);
	uint64_t cycles = b.tsc - a.tsc, ns = b.mono_ns - a.mono_ns;

	b.mult = (uint64_t)(((unsigned __int128)ns << CLOCK_SHIFT) / cycles);
	tsc_hz = (uint64_t)((unsigned __int128)cycles * UINT64_C(1000000000) / ns);
	b.mult_before = b.mult;
	sampled = b;
	clock_publish(b);
}

uint64_t clock_tsc_hz(void)
{
	return tsc_hz;
}

/* The system clock's distance from the monotonic one changes only when somebody sets it; what else
 * differs between two samples is their noise, and following that would be to step back. */
static uint64_t real_offset(const struct clock_params *now, const struct clock_params *last)
{
	uint64_t offset = now->real_ns - now->mono_ns;
	uint64_t before = last->real_ns - last->mono_ns;

	return offset - before + REAL_NOISE_NS <= 2 * REAL_NOISE_NS ? before : offset;
}

void clock_discipline(void)
{
	uint64_t width;
	struct clock_params now = clock_sample(&width), last = clock_params;
	uint64_t cycles = now.tsc - sampled.tsc, span = now.mono_ns - sampled.mono_ns;

	if (cycles < tsc_hz / 100 || scale(width, last.mult) > SAMPLE_WIDTH_NS)
		return;
	/* The rate is the kernel's own over the whole interval. */
	now.mult = (uint64_t)(((unsigned __int128)span << CLOCK_SHIFT) / cycles);
	now.mult_before = last.mult;
	sampled = now;
	uint64_t offset = real_offset(&now, &last);
	uint64_t predicted = last.mono_ns + scale(now.tsc - last.tsc, last.mult);

	/* Where our clock ran ahead of the kernel's, it keeps its place and runs slower, by half at
	 * the most, until the kernel has caught up: it never steps back. */
	if (predicted > now.mono_ns) {
		uint64_t slower = predicted - now.mono_ns;

		if (slower > span / 2)
			slower = span / 2;
		now.mono_ns = predicted;
		now.mult -= (uint64_t)((unsigned __int128)now.mult * slower / span);
	}
	now.real_ns = now.mono_ns + offset;
	clock_publish(now);
}

struct clock_now clock_at(uint64_t tsc)
{
	struct clock_params p;
	uint32_t before;

	do {
		before = atomic_load_explicit(&clock_seq, memory_order_acquire);
		p.tsc = __atomic_load_n(&clock_params.tsc, __ATOMIC_RELAXED);
		p.real_ns = __atomic_load_n(&clock_params.real_ns, __ATOMIC_RELAXED);
		p.mono_ns = __atomic_load_n(&clock_params.mono_ns, __ATOMIC_RELAXED);
		p.mult = __atomic_load_n(&clock_params.mult, __ATOMIC_RELAXED);
		p.mult_before = __atomic_load_n(&clock_params.mult_before, __ATOMIC_RELAXED);
		atomic_thread_fence(memory_order_acquire);
	} while ((before & 1) || atomic_load_explicit(&clock_seq, memory_order_relaxed) != before);

	/* A count taken just before the parameters were renewed lies before p.tsc. At the rate of
	 * that time, the result is not below what the parameters of that time gave. */
	if (tsc < p.tsc) {
		uint64_t back = scale(p.tsc - tsc, p.mult_before);
		return (struct clock_now){.real_ns = p.real_ns - back, .mono_ns = p.mono_ns - back};
	}
	uint64_t on = scale(tsc - p.tsc, p.mult);
	return (struct clock_now){.real_ns = p.real_ns + on, .mono_ns = p.mono_ns + on};
}
