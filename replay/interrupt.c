#include "interrupt.h"

#include <signal.h>
#include <stdint.h>
#include <time.h>

enum { AGAIN_MS = 500 };

static atomic_bool stop;
static _Atomic uint64_t first_ms;

/* timeout(1) sends its signal twice at once, to the process and to its group: that is one. */
static void on_signal(int number)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	uint64_t none = 0;

	atomic_store(&stop, true);
	if (atomic_compare_exchange_strong(&first_ms, &none, now_ms) || now_ms < none + AGAIN_MS)
		return;
	signal(number, SIG_DFL);
	raise(number);
}

const atomic_bool *interrupt_catch(void)
{
	const struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return &stop;
}
