/* ListOffsets: where a partition ends and begins, and which offset belongs to a time. */
#include "api.h"
#include "limits.h"
#include "partition_epochs.h"

/* Timestamps with a meaning of their own. */
enum { LATEST = -1, EARLIEST = -2 };
enum { LARGEST_FROM = 7, EPOCH_FROM = 4, THROTTLE_FROM = 2, ISOLATION_FROM = 2, FLEXIBLE_FROM = 6 };

/* What the disk is asked for first, and what it said when the request is worked on again. */
static enum protocol_error look_up_time(const struct api_call *call,
					const struct disk_question *question,
					struct partition_found *found)
{
	struct disk_lookup **lookup = &call->kept->lookup;

	if (!*lookup || !(*lookup)->asked)
		return disk_lookup_add(lookup, call->catalog, question) ? ERROR_NONE
									: ERROR_REQUEST_TIMED_OUT;
	const struct disk_question *result = disk_lookup_result(*lookup, question->nth);
	/* It takes too long, or could not be asked then: clients try again. */
	if (!result)
		return ERROR_REQUEST_TIMED_OUT;
	*found = result->found;
	return result->rc < 0 ? ERROR_KAFKA_STORAGE_ERROR : ERROR_NONE;
}

/* Is it a time, or has it a meaning in this version? */
static bool is_known(const struct api_call *call, int64_t timestamp_ms)
{
	return timestamp_ms >= 0 || timestamp_ms == LATEST || timestamp_ms == EARLIEST ||
	       (timestamp_ms == TIME_LARGEST && call->version >= LARGEST_FROM);
}

/* -1 and no error where no record is as late as that. */
static enum protocol_error look_up(const struct api_call *call,
				   const struct disk_question *question,
				   struct partition_found *found)
{
	switch (question->timestamp_ms) {
	case LATEST:
		found->offset = (int64_t)question->view.end;
		return ERROR_NONE;
	case EARLIEST:
		found->offset = (int64_t)question->view.log_start;
		return ERROR_NONE;
	default:
		return look_up_time(call, question, found);
	}
}

static void answer_partition(struct api_call *call, const struct topic *topic, uint32_t nth)
{
	struct partition_found found = {.offset = -1, .timestamp_ms = -1};
	int32_t number = wire_get32(call->in);
	int32_t epoch = call->version >= EPOCH_FROM ? wire_get32(call->in) : -1;
	int64_t timestamp = wire_get64(call->in);
	struct partition *p = catalog_partition(topic, number);
	struct disk_question question = {
		.nth = nth, .partition = p, .timestamp_ms = timestamp, .found = found};

	wire_get_tags(call->in);
	if (call->in->failed)
		return;
	enum protocol_error error = is_known(call, timestamp) ? api_look(p, epoch, &question.view)
							      : ERROR_UNSUPPORTED_VERSION;
	if (error == ERROR_NONE && partition_asked_before(p, call->catalog->questions))
		error = ERROR_INVALID_REQUEST;
	if (error == ERROR_NONE)
		error = look_up(call, &question, &found);
	wire_put32(call->out, number);
	wire_put16(call->out, (int16_t)error);
	wire_put64(call->out, found.timestamp_ms);
	wire_put64(call->out, found.offset);
	if (call->version >= EPOCH_FROM)
		wire_put32(call->out,
			   found.offset < 0
				   ? -1
				   : partition_epoch_at(p, &question.view, (uint64_t)found.offset));
	wire_put_tags(call->out);
}

enum api_result api_list_offsets(struct api_call *call)
{
	uint32_t nth = 0;

	call->catalog->questions++;
	wire_get32(call->in); /* replica */
	if (call->version >= ISOLATION_FROM)
		wire_get8(call->in); /* there are no transactions: all isolation is the same */
	if (call->version >= THROTTLE_FROM)
		wire_put32(call->out, 0);
	int32_t topics = api_list(call, call->version >= FLEXIBLE_FROM ? 3 : 6);

	while (api_list_next(call, &topics)) {
		const struct topic *topic = api_take_topic(call);
		int32_t partitions = api_list(call, 12);

		while (api_list_next(call, &partitions))
			answer_partition(call, topic, nth++);
		api_end(call);
	}
	api_end(call);
	struct disk_lookup *lookup = call->kept->lookup;
	if (!lookup || !lookup->count || lookup->asked || !api_goes_on(call))
		return API_SEND;
	disk_lookup_ask(lookup, call->disk);
	return api_wait(call, &lookup->done, LIMIT_WAIT_MS);
}
