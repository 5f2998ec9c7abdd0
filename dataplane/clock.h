/*
 * Time without system calls: the TSC, disciplined against the kernel's clocks by the main thread.
 *
 * Any thread reads. Only clock_discipline() writes, from one thread, through a sequence lock.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct clock_params {
	uint64_t tsc;	      /* at this count ... */
	uint64_t real_ns;     /* ... the system clock said this (ns since 1970) ... */
	uint64_t mono_ns;     /* ... and CLOCK_MONOTONIC this */
	uint64_t mult;	      /* ns = cycles * mult >> CLOCK_SHIFT; from tsc on ... */
	uint64_t mult_before; /* ... and before it */
};

#define CLOCK_SHIFT 24

struct clock_now {
	uint64_t real_ns; /* never steps back by more than the system clock itself was set back */
	uint64_t mono_ns; /* never steps back */
};

/* Measures the TSC against CLOCK_MONOTONIC_RAW for about 20 ms. Once, before the others. */
void clock_init(void);
uint64_t clock_tsc_hz(void);

/* Compares with the kernel's clocks and corrects; call about every 100 ms, from one thread. */
void clock_discipline(void);

/* Both clocks at the given TSC count, which must be recent (within some minutes). */
struct clock_now clock_at(uint64_t tsc);
