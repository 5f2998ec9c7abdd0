/*
 * The APIs: a row in apis.def and a file api_NAME.c each. A handler reads the body of a
 * request, and writes the body of its answer; between two calls for the same request it keeps
 * nothing but struct api_kept. One thread.
 */
#pragma once

#include "answer.h"
#include "api_key.h"
#include "catalog.h"
#include "disk_lookup.h"
#include "groups/groups.h"
#include "protocol_error.h"
#include "request.h"

enum { API_NODE_ID = 1 /* the one broker's */ };

enum api_result {
	API_SEND,  /* the answer is complete */
	API_WAIT,  /* nothing to say yet: call again when what is watched moved, or after wait_ms */
	API_CLOSE, /* nothing that can be answered: the connection closes */
};

/* What a Fetch waits for: another end of this partition than the one it saw. */
struct api_watch {
	const struct partition *partition;
	uint64_t end;
};

/* Of a request that waits for its group or for the disk: lives until it is answered, or its
 * connection is gone. */
struct api_kept {
	uint64_t ticket;	       /* see groups/group.h */
	struct store_op *op;	       /* held */
	struct subscribed *subscribed; /* its own; see api_offset_delete.c */
	struct disk_lookup *lookup;    /* see disk_lookup.h */
	const uint64_t *counter; /* what it waits for: that this moves on from what was seen */
	uint64_t seen;
};

void api_kept_clear(struct api_kept *kept);

/* What a handler works with. */
struct api_call {
	struct catalog *catalog;
	struct groups *groups;
	struct disk_thread *disk;
	struct disk_patience *patience; /* for the disk, in place; NULL: any */
	struct api_kept *kept;
	/* What an answer before left out, as it was on the disk only: goes on for the next Fetch.
	 */
	struct disk_lookup **behind;
	const char *peer; /* the client's address */
	const char *host; /* where this client reached us: what it is told to connect to */
	uint16_t port;
	bool time_is_up;	   /* API_WAIT is no choice any more */
	uint32_t wait_ms;	   /* out, with API_WAIT: since the request came */
	struct api_watch *watches; /* out, with API_WAIT: room for LIMIT_WATCHES */
	unsigned watches_count;	   /* more than LIMIT_WATCHES: any partition's end may matter */
	/* Of the request at hand. */
	int16_t version;
	struct wire_string client_id; /* may be null */
	struct wire_reader *in;
	struct wire_writer *out; /* answer's */
	struct answer *answer;
};

struct api {
	int16_t key, min, max;
	int16_t flexible_from; /* INT16_MAX: no version */
	enum api_result (*handler)(struct api_call *call);
};

/* Neither is the request at its end too early, nor the answer too large. */
static inline bool api_goes_on(const struct api_call *call)
{
	return !call->in->failed && !call->out->failed;
}

/*
 * A list in the request that the answer repeats, element by element: topics, the partitions of
 * each, groups. Writes the answer's count, and gives how many elements come. element_bytes: see
 * wire_get_array(). A null list fails the request.
 *
 *	for (int32_t topics = api_list(call, 6); api_list_next(call, &topics);)
 */
int32_t api_list(struct api_call *call, size_t element_bytes);
/* Null is as good as empty. */
int32_t api_list_or_null(struct api_call *call, size_t element_bytes);

static inline bool api_list_next(const struct api_call *call, int32_t *left)
{
	return (*left)-- > 0 && api_goes_on(call);
}

/* The end of a structure in the request, and of the one that answers it. */
static inline void api_end(struct api_call *call)
{
	wire_get_tags(call->in);
	wire_put_tags(call->out);
}

/* The topic that comes next in the request, by name, and its name into the answer. NULL: there is
 * none. */
const struct topic *api_take_topic(struct api_call *call);

/* The table, for whoever lists it. */
extern const struct api api_table[];
extern const unsigned api_table_count;

/* Answers one frame, without its length, into call->answer, which is empty. */
enum api_result api_handle(struct api_call *call, const uint8_t *frame, size_t len);

/* What most requests about a partition begin with: ERROR_NONE and the view, or why not. epoch: what
 * the client believes, -1: no belief. */
enum protocol_error api_look(const struct partition *p, int32_t epoch, struct partition_view *view);

/* API_WAIT, until counter moves on; a request that waits too long is answered by the handler. */
enum api_result api_wait(struct api_call *call, const uint64_t *counter, uint32_t wait_ms);

#define API(NAME, key, name, min, max, flexible_from, handler)                                     \
	enum api_result handler(struct api_call *call);
#define NOT_SERVED(key, name)
#include "apis.def"
#undef API
#undef NOT_SERVED

/* The one broker's id and address, as several answers begin their lists of nodes. */
void api_put_node(struct api_call *call);
/* The answer to versions of ApiVersions that we do not know. */
enum api_result api_versions_unsupported(struct api_call *call);
