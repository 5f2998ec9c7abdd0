/*
 * What consumer groups must not forget, in an SQLite file: committed offsets, and of each group its
 * generation and members, so that a gateway that starts again goes on with them.
 *
 * An operation is a list of rows, all of them durable or none. A thread of the store's own applies
 * the operations in the order in which they came, all that have gathered in one transaction: the
 * one thing in the gateway that waits for a disk, and nobody waits for it but whoever committed.
 * Everything else here is for the gateway's one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* The kinds of rows, and their values in order. */
enum store_row_kind {
	STORE_OFFSET,	    /* group, topic, partition, offset, leader epoch, metadata, commit ms */
	STORE_OFFSET_GONE,  /* group, topic, partition */
	STORE_OFFSETS_GONE, /* group */
	STORE_GROUP,	    /* group, generation, protocol type, protocol, leader, emptied ms */
	STORE_GROUP_GONE,   /* group */
	STORE_MEMBER,	    /* group, member, instance, client, host, session ms, rebalance ms,
			       protocols, assignment */
	STORE_MEMBERS_GONE, /* group */
	STORE_ROW_KINDS
};

enum { STORE_VALUES_MAX = 9 };

enum store_type { STORE_NULL, STORE_NUMBER, STORE_TEXT, STORE_BLOB };

struct store_value {
	enum store_type type;
	int64_t number;
	const void *at; /* text and blob; not ended by a NUL */
	uint32_t len;
};

struct store_row {
	enum store_row_kind kind;
	unsigned count;
	struct store_value values[STORE_VALUES_MAX];
};

enum store_status { STORE_PENDING, STORE_DONE, STORE_FAILED };

struct store_op {
	struct store_op *next;
	enum store_status status; /* the gateway's: set by store_take_done() */
	enum store_status result; /* the store's thread's */
	unsigned holders;	  /* freed with the last one */
	uint64_t group;		  /* the submitter's: which life of which group */
	int32_t generation;	  /* the submitter's */
	uint64_t ticket;	  /* the submitter's: whom it makes wait, or 0 */
	bool no_memory;
	size_t len, room;
	uint8_t *rows;
};

/* Held by the caller. NULL: no memory. */
struct store_op *store_op_create(uint64_t group, int32_t generation);
void store_op_put(struct store_op *op);

/* Values that a row is made of. */
struct store_value store_number(int64_t number);
struct store_value store_text(const char *text); /* NULL: null */
struct store_value store_bytes(enum store_type type, const void *at, uint32_t len);

/* Copies the values. */
void store_op_row(struct store_op *op, enum store_row_kind kind, const struct store_value *values,
		  unsigned count);
/* The row at *cursor (0: the first), which moves on; false: no more. Values point into op. */
bool store_op_next(const struct store_op *op, size_t *cursor, struct store_row *row);

/*
 * Opens or makes the file, and takes it for this process alone. -EBUSY: another process has it;
 * -EPROTO: not such a file, or of a later layout; other -errno. error: what SQLite says.
 */
int store_open(struct store **out, const char *path, char *error, size_t error_size);

/* All that is there, groups first, then members, then offsets. Before the first submission. */
typedef void store_load_fn(void *context, const struct store_row *row);
int store_load(struct store *store, store_load_fn *fn, void *context);

/* Finishes what was submitted. */
void store_close(struct store *store);

/* The store takes a hold of its own. False: op lacks memory; nothing was submitted. */
bool store_submit(struct store *store, struct store_op *op);
/* Readable when operations are done or failed. */
int store_fd(const struct store *store);
/* Those, in their order, each with the store's hold, which goes to the caller. NULL: none. */
struct store_op *store_take_done(struct store *store);
