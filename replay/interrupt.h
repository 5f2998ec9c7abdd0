/* Control-C and SIGTERM, as a flag. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/* Catches them from now on: the flag becomes true. Another one half a second later ends the
 * process at once, should a driver not come back. */
const atomic_bool *interrupt_catch(void);
