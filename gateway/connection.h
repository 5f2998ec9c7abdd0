/*
 * One client: its request at hand, the answer to it, and what is waited for. One request is worked
 * on at a time; what the client sends meanwhile stays in its socket but for what one read brought.
 * One thread.
 */
#pragma once

#include "api.h"
#include "limits.h"
#include "prefetch.h"
#include "report.h"
#include "sent_files.h"

enum connection_phase {
	CONNECTION_READS, /* no whole request yet */
	CONNECTION_WAITS, /* a Fetch for records, or a member for its group */
	CONNECTION_SENDS,
	CONNECTION_ENDS, /* others need its memory, or its answer cannot go on: it is to be
			  * destroyed */
};

struct connection {
	struct connection *next, **link;
	int fd;
	enum connection_phase phase;
	uint32_t watched; /* events that epoll is asked for; the server's */
	uint8_t *input;	  /* the request at hand first, then what else was read */
	size_t input_len, input_room;
	size_t frame; /* bytes of the request at hand, its length included */
	struct answer answer;
	struct api_kept kept;
	struct disk_lookup *behind; /* see struct api_call; NULL: none */
	struct sent_files sent;
	uint64_t since_ms;	  /* when the phase began */
	bool watching;		  /* while it waits: for records */
	unsigned pipelined;	  /* answers in a row that the next request did not wait for */
	uint64_t not_before_ms;	  /* a request that waits is not tried again before */
	struct prefetch_job *job; /* while it sends: what it waits for, or NULL */
	size_t answer_counted;	  /* of it in answers_bytes */
	int queued;		  /* bytes in its socket, when last looked at */
	unsigned watches_count;	  /* see struct api_call */
	struct api_watch watches[LIMIT_WATCHES];
	uint64_t moves_seen;  /* the catalog's, before its request was last tried */
	uint64_t deadline_ms; /* of the phase */
	char host[64];	      /* where the client reached us */
	uint16_t port;
	char peer[64]; /* where it is */
};

/* What connections share. */
struct connection_context {
	struct connection *first; /* all of them; the server's */
	struct catalog *catalog;
	struct groups *groups;
	struct disk_thread *disk;
	uint64_t now_ms;      /* monotonic; the server sets it each turn */
	size_t large_bytes;   /* of requests larger than LIMIT_REQUEST_KEPT, all together */
	size_t answers_bytes; /* of answers larger than LIMIT_ANSWER_KEPT, all together */
	unsigned waiting;     /* connections that are CONNECTION_WAITS */
	unsigned watching;    /* those of them that wait for records */
	struct disk_patience patience; /* of this turn of the loop */
	const char *advertised_host;   /* what clients are told; NULL: where they reached us */
	uint16_t advertised_port;
	struct report_counters counters;
};

/* Takes over fd, a connected non-blocking socket. NULL: no memory. */
struct connection *connection_create(const struct connection_context *context, int fd);
void connection_destroy(struct connection_context *context, struct connection *c);

/*
 * Goes on as far as it gets without blocking, or until its turn is over. False: it is to be
 * destroyed. looked: what it waits for moved, or the wait is over: its request is tried again.
 */
bool connection_work(struct connection_context *context, struct connection *c, bool looked);

/* The next phase, which may take so long. */
void connection_enter(struct connection_context *context, struct connection *c,
		      enum connection_phase phase, uint64_t limit_ms);

/* Is there reason to try a request that waits again? After catalog_moved(). */
bool connection_due(const struct connection_context *context, const struct connection *c);

/* What it waited for was read: its client's time begins anew. Or it could not be, and it ends. */
void connection_warmed(struct connection_context *context, struct connection *c);

/* Has its client let us wait for too long? It is to be destroyed then. */
bool connection_overdue(const struct connection_context *context, const struct connection *c);

/* Once in a while: retired segments are not kept on the disk for it, but while they are being sent.
 * False: it is to be destroyed, for that takes too long. */
bool connection_tidy(const struct connection_context *context, struct connection *c);

/* What epoll should watch for now. */
uint32_t connection_events(const struct connection *c);
