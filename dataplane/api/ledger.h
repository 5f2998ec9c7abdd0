/*
 * The ledger's terms as numbers and names, from ledger.def and events.def.
 */
#pragma once

#include <stdint.h>

enum ledger {
#define LEDGER(term, cause, doc) LEDGER_##term##_##cause,
#include "ledger.def"
#undef LEDGER
	LEDGER_ROWS
};

enum event_row {
#define EVENT(name, doc) EVENT_##name,
#include "events.def"
#undef EVENT
	EVENT_ROWS
};

struct ledger_info {
	const char *term;  /* "malformed" */
	const char *cause; /* "truncated"; "none" where the term has one row only */
	const char *doc;
};

struct event_info {
	const char *name;
	const char *doc;
};

extern const struct ledger_info ledger_info[LEDGER_ROWS];
extern const struct event_info event_info[EVENT_ROWS];
