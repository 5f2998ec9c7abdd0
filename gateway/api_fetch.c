/*
 * Fetch: whole batches, straight from the files, below the visible end; sessions are not kept, so
 * every answer has all partitions. What there is not enough of yet is waited for (API_WAIT), and
 * the request is then worked on again from its start.
 */
#include <errno.h>

#include "api.h"
#include "limits.h"
#include "partition_epochs.h"

enum { SESSION_FROM = 7, EPOCH_FROM = 9, LOG_START_FROM = 5, RACK_FROM = 11, STORAGE_FROM = 6 };
enum { FLEXIBLE_FROM = 12, DIVERGING_FROM = 12, BY_ID_FROM = 13 };

struct fetch {
	int32_t max_wait_ms, min_bytes;
	int64_t left; /* of max_bytes */
	int64_t found;
	/* An error, more that is there already, or nothing asked for: no reason to wait. */
	bool at_once;
	bool cold;		    /* it needs what is on the disk only */
	uint32_t named;		    /* partitions so far */
	struct disk_lookup *before; /* what was read for it; NULL: nothing */
};

struct fetch_partition {
	uint32_t nth; /* of those that the request names */
	int32_t number, epoch;
	int32_t fetched_epoch; /* of the record before offset; -1: not told */
	int64_t offset;
	int32_t max_bytes;
};

/* The least that a topic takes in a request: a name or an id, an array, and tags. */
static size_t topic_bytes(const struct api_call *call)
{
	if (call->version >= BY_ID_FROM)
		return WIRE_UUID_BYTES + 2;
	return call->version >= FLEXIBLE_FROM ? 3 : 6;
}

static struct fetch_partition read_partition(struct api_call *call, uint32_t nth)
{
	struct fetch_partition want = {
		.nth = nth, .number = wire_get32(call->in), .epoch = -1, .fetched_epoch = -1};

	if (call->version >= EPOCH_FROM)
		want.epoch = wire_get32(call->in);
	want.offset = wire_get64(call->in);
	if (call->version >= DIVERGING_FROM)
		want.fetched_epoch = wire_get32(call->in);
	if (call->version >= LOG_START_FROM)
		wire_get64(call->in); /* a follower's */
	want.max_bytes = wire_get32(call->in);
	wire_get_tags(call->in);
	return want;
}

static void watch(struct api_call *call, const struct partition *p, uint64_t end)
{
	if (call->watches_count < LIMIT_WATCHES)
		call->watches[call->watches_count] = (struct api_watch){p, end};
	if (call->watches_count <= LIMIT_WATCHES)
		call->watches_count++;
}

/*
 * Is the client's last record not in this log? After a crash, offsets that it read may have been
 * given to other records. Then *end is where its log and ours part, or *error is set.
 */
static bool diverged(const struct fetch_partition *want, struct partition *p,
		     const struct partition_view *view, struct partition_epoch_end *end,
		     enum protocol_error *error)
{
	if (want->fetched_epoch < 0)
		return false;
	if (partition_epoch_end(p, view, want->fetched_epoch, end) < 0) {
		*error = ERROR_KAFKA_STORAGE_ERROR;
		return false;
	}
	if (end->epoch < 0)
		*error = ERROR_OFFSET_OUT_OF_RANGE;
	return end->epoch >= 0 && (end->epoch < want->fetched_epoch || end->offset < want->offset);
}

/* What the disk's thread shall read, before this request is worked on again. */
static void ask_disk(struct api_call *call, struct fetch *fetch, uint32_t nth, struct partition *p,
		     const struct partition_view *view, const struct partition_want *want)
{
	const struct disk_question question = {
		.kind = DISK_BATCHES, .nth = nth, .partition = p, .view = *view, .want = *want};

	/* Too many questions: its client asks again. */
	if (!call->time_is_up && disk_lookup_add(&call->kept->lookup, call->catalog, &question))
		fetch->cold = true;
}

/* Was just read what this partition needs? Others' heads may be anywhere. NULL: no. */
static const struct disk_question *
was_read(const struct fetch *fetch, const struct fetch_partition *want, const struct partition *p)
{
	const struct disk_question *asked =
		fetch->before ? disk_lookup_result(fetch->before, want->nth) : NULL;

	return asked && asked->partition == p && asked->want.offset == (uint64_t)want->offset
		       ? asked
		       : NULL;
}

/* What is there cannot be read. */
static enum protocol_error storage_error(const struct api_call *call, struct partition *p,
					 uint64_t offset, int rc)
{
	struct partition_view now;

	/* Retention may just have taken it: then the next look says so. */
	if (partition_look(p, &now) && offset >= now.log_start)
		unreadable_say(&p->files.unreadable, &p->files.of, offset, rc);
	return call->version < STORAGE_FROM ? ERROR_NOT_LEADER_OR_FOLLOWER
					    : ERROR_KAFKA_STORAGE_ERROR;
}

/* 1 with what is to be sent; 0: nothing for now, or an error in *error. */
static int find_range(struct api_call *call, struct fetch *fetch,
		      const struct fetch_partition *want, struct partition *p,
		      const struct partition_view *view, struct partition_range *range,
		      enum protocol_error *error)
{
	if (want->offset < (int64_t)view->log_start || want->offset > (int64_t)view->end) {
		*error = ERROR_OFFSET_OUT_OF_RANGE;
		return 0;
	}
	/* Named twice, it has had its answer. */
	if (want->offset == (int64_t)view->end || call->answer->extents_count == LIMIT_EXTENTS ||
	    partition_asked_before(p, call->catalog->questions) ||
	    (fetch->left <= 0 && fetch->found))
		return 0;
	const struct disk_question *read = was_read(fetch, want, p);
	int64_t max = want->max_bytes < fetch->left ? want->max_bytes : fetch->left;
	struct partition_want batches = {.offset = (uint64_t)want->offset,
					 .max_bytes = max > 0 ? (uint64_t)max : 0,
					 .at_least_one = fetch->found == 0,
					 .whole = read && read->want.whole,
					 .patience = read ? NULL : call->patience};
	/* What the disk's thread could not read is not read in place: that may take long, too. */
	int rc = read && read->rc < 0 ? read->rc : partition_find(p, view, &batches, range);
	if (rc >= 0)
		return rc;
	if (rc == -EAGAIN || rc == -ETIME) {
		batches.whole = rc == -ETIME;
		ask_disk(call, fetch, want->nth, p, view, &batches);
	} else {
		*error = storage_error(call, p, (uint64_t)want->offset, rc);
	}
	return 0;
}

static void put_head(struct api_call *call, int32_t number, enum protocol_error error,
		     const struct partition_view *view)
{
	bool known = error == ERROR_NONE || error == ERROR_OFFSET_OUT_OF_RANGE;

	wire_put32(call->out, number);
	wire_put16(call->out, (int16_t)error);
	wire_put64(call->out, known ? (int64_t)view->end : -1);
	wire_put64(call->out, known ? (int64_t)view->end : -1); /* stable: no transactions */
	if (call->version >= LOG_START_FROM)
		wire_put64(call->out, known ? (int64_t)view->log_start : -1);
	wire_put_array(call->out, 0); /* aborted transactions */
	if (call->version >= RACK_FROM)
		wire_put32(call->out, -1); /* read from us */
}

/* The tagged fields behind a partition's records; end: NULL for none. */
static void put_diverging(struct wire_writer *out, const struct partition_epoch_end *end)
{
	if (!end) {
		wire_put_tags(out);
		return;
	}
	wire_put_uvarint(out, 1); /* one field: */
	wire_put_uvarint(out, 0); /* its tag */
	wire_put_uvarint(out, 4 + 8 + 1);
	wire_put32(out, end->epoch);
	wire_put64(out, end->offset);
	wire_put_tags(out);
}

static void answer_partition(struct api_call *call, struct fetch *fetch, const struct topic *topic)
{
	struct fetch_partition want = read_partition(call, fetch->named++);
	struct partition *p = catalog_partition(topic, want.number);
	struct partition_range range = {0};
	struct partition_view view = {0};
	struct partition_epoch_end end = {.epoch = -1, .offset = -1};
	int found = 0;

	if (call->in->failed)
		return;
	enum protocol_error error = !topic && call->version >= BY_ID_FROM
					    ? ERROR_UNKNOWN_TOPIC_ID
					    : api_look(p, want.epoch, &view);
	bool parted = error == ERROR_NONE && diverged(&want, p, &view, &end, &error);
	if (error == ERROR_NONE && !parted)
		found = find_range(call, fetch, &want, p, &view, &range, &error);
	put_head(call, want.number, error, &view);
	wire_put_records_length(call->out, found ? range.length : 0);
	if (error != ERROR_NONE || parted)
		fetch->at_once = true;
	else
		watch(call, p, view.end);
	if (found && !answer_put_range(call->answer, &range)) {
		segment_file_put(range.file);
		call->out->failed = true;
		return;
	}
	put_diverging(call->out, parted ? &end : NULL);
	fetch->found += range.length;
	fetch->left -= range.length;
	fetch->at_once |= range.sealed;
}

static void skip_topic(struct api_call *call)
{
	uint8_t id[WIRE_UUID_BYTES];

	if (call->version >= BY_ID_FROM)
		wire_get_uuid(call->in, id);
	else
		wire_get_name(call->in);
}

/* Topics that a session would forget, and where the client stands. */
static void read_rest(struct api_call *call)
{
	int32_t topics =
		call->version >= SESSION_FROM ? wire_get_array(call->in, topic_bytes(call)) : 0;

	while (api_list_next(call, &topics)) {
		skip_topic(call);
		int32_t partitions = wire_get_array(call->in, 4);
		while (api_list_next(call, &partitions))
			wire_get32(call->in);
		wire_get_tags(call->in);
	}
	if (call->version >= RACK_FROM)
		wire_get_string(call->in);
	wire_get_tags(call->in);
}

static enum api_result refuse_session(struct api_call *call)
{
	wire_put32(call->out, 0);
	wire_put16(call->out, ERROR_FETCH_SESSION_ID_NOT_FOUND);
	wire_put32(call->out, 0);
	wire_put_array(call->out, 0);
	wire_put_tags(call->out);
	return API_SEND;
}

/* Reads which topic is asked for, and names it in the answer as the client did. NULL: not here. */
static const struct topic *take_topic(struct api_call *call)
{
	uint8_t id[WIRE_UUID_BYTES] = {0};

	if (call->version >= BY_ID_FROM) {
		wire_get_uuid(call->in, id);
		wire_put_uuid(call->out, id);
		return catalog_topic_by_id(call->catalog, id);
	}
	return api_take_topic(call);
}

static void answer_topics(struct api_call *call, struct fetch *fetch)
{
	wire_put32(call->out, 0); /* throttle */
	if (call->version >= SESSION_FROM) {
		wire_put16(call->out, ERROR_NONE);
		wire_put32(call->out, 0); /* no session */
	}
	int32_t topics = api_list(call, topic_bytes(call));

	fetch->at_once = topics == 0;
	while (api_list_next(call, &topics)) {
		const struct topic *topic = take_topic(call);
		int32_t partitions = api_list_or_null(call, 16);

		while (api_list_next(call, &partitions))
			answer_partition(call, fetch, topic);
		api_end(call);
	}
	wire_put_tags(call->out);
}

/* Is there something to send without what is on the disk only? Not twice is it waited for. */
static bool is_enough(const struct fetch *fetch)
{
	if (fetch->before)
		return fetch->found || fetch->at_once;
	return fetch->found && (fetch->at_once || fetch->found >= fetch->min_bytes);
}

/* What is on the disk only is read while its client does something else, if that can be: one
 * look-up at a time. */
static enum api_result leave_to_disk(struct api_call *call, const struct fetch *fetch)
{
	if (!is_enough(fetch)) {
		disk_lookup_ask(call->kept->lookup, call->disk);
		return api_wait(call, &call->kept->lookup->done, LIMIT_WAIT_MS);
	}
	if (!*call->behind) {
		*call->behind = call->kept->lookup;
		call->kept->lookup = NULL;
		disk_lookup_ask(*call->behind, call->disk);
	}
	api_kept_clear(call->kept);
	return API_SEND;
}

static enum api_result answer_fetch(struct api_call *call, struct fetch *fetch)
{
	call->catalog->questions++;
	wire_get32(call->in); /* replica */
	fetch->max_wait_ms = wire_get32(call->in);
	fetch->min_bytes = wire_get32(call->in);
	int32_t max_bytes = wire_get32(call->in);
	wire_get8(call->in); /* isolation */
	if (call->version >= SESSION_FROM) {
		int32_t session = wire_get32(call->in), epoch = wire_get32(call->in);

		/* We never gave one; but who begins anew or ends one asks for all, as for none. */
		if (session != 0 && epoch > 0 && !call->in->failed)
			return refuse_session(call);
	}
	fetch->left = max_bytes < LIMIT_FETCH_BYTES ? max_bytes : LIMIT_FETCH_BYTES;
	if (fetch->min_bytes > fetch->left)
		fetch->min_bytes = (int32_t)fetch->left;
	answer_topics(call, fetch);
	read_rest(call);
	if (call->in->failed)
		return API_CLOSE;
	if (fetch->cold)
		return leave_to_disk(call, fetch);
	if (call->time_is_up || fetch->max_wait_ms <= 0 || fetch->at_once ||
	    fetch->found >= fetch->min_bytes)
		return API_SEND;
	call->wait_ms =
		fetch->max_wait_ms < LIMIT_WAIT_MS ? (uint32_t)fetch->max_wait_ms : LIMIT_WAIT_MS;
	return API_WAIT;
}

/* The look-up that this Fetch waited for, or what an answer before left out: the caller's. */
static struct disk_lookup *take_lookup(struct api_call *call)
{
	struct disk_lookup **behind = call->behind, *lookup = NULL;

	if (call->kept) {
		lookup = call->kept->lookup;
		call->kept->lookup = NULL;
		api_kept_clear(call->kept);
	}
	if (!lookup && behind && *behind && (*behind)->done) {
		lookup = *behind;
		*behind = NULL;
	}
	return lookup;
}

enum api_result api_fetch(struct api_call *call)
{
	struct fetch fetch = {.before = take_lookup(call)};
	enum api_result result = answer_fetch(call, &fetch);

	disk_lookup_put(fetch.before);
	return result;
}
