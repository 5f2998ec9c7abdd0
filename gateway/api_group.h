/* What the requests of group members have in common. */
#pragma once

#include "api.h"

/* From its version on each request names a static member's instance; else null. */
struct wire_string api_group_instance(struct api_call *call, int16_t from);

/* Group, generation, member, instance: how most of them begin. */
struct group_caller api_group_caller(struct api_call *call, int16_t instance_from);

void api_put_throttle(struct api_call *call, int16_t from);

/* A topic's name with an end. False: longer than any stream's, so there is none. */
bool api_topic_name(struct wire_string name, char out[LOG_STREAM_NAME_MAX]);

/*
 * An op of the store, whose end is waited for. api_submit() takes over op: one without rows is
 * answered at once. Then, each time that the handler is called again, api_op_over() says whether it
 * is done, and how that is called; api_wait_for_op() if not.
 */
enum api_result api_submit(struct api_call *call, struct group *group, struct store_op *op);
bool api_op_over(const struct api_call *call, enum protocol_error *outcome);
enum api_result api_wait_for_op(struct api_call *call);
