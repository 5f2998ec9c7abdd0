/*
 * What large requests and large answers of all connections take together, and who goes when it is
 * too much: the one of which nothing has come for longest, in whatever phase, never the one that
 * asks. One thread.
 */
#pragma once

#include "connection.h"

/* Another size of the input buffer. False: no memory. */
bool connection_resize_input(struct connection_context *context, struct connection *c, size_t room);

/* The answer has become larger or smaller. False: there is no room for it. */
bool connection_count_answer(struct connection_context *context, struct connection *c);
