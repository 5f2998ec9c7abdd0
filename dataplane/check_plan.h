/* `weir-dataplane --check-plan`: tries a plan's filters, for `weir check`. */
#pragma once

/* Plan memfd on descriptor 3. One line "slot: text" on stdout for each bad filter. Exit code. */
int check_plan(void);
