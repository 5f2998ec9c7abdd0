#include "interrupt.h"

#include <signal.h>

static atomic_bool stop;

static void on_signal(int signal)
{
	(void)signal;
	atomic_store(&stop, true);
}

const atomic_bool *interrupt_catch(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return &stop;
}
