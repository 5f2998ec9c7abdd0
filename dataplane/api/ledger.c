#include "ledger.h"

const struct ledger_info ledger_info[LEDGER_ROWS] = {
#define LEDGER(term_, cause_, doc_) {.term = #term_, .cause = #cause_, .doc = doc_},
#include "ledger.def"
#undef LEDGER
};

const struct event_info event_info[EVENT_ROWS] = {
#define EVENT(name_, doc_) {.name = #name_, .doc = doc_},
#include "events.def"
#undef EVENT
};
