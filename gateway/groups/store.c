#include "store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* "weir" and the layout's number: another file, or a later layout, is not touched. */
enum { APPLICATION_ID = 0x77656972, LAYOUT = 1, BUSY_MS = 5000 };

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS groups(name TEXT PRIMARY KEY, generation INTEGER NOT NULL,"
	" protocol_type TEXT, protocol TEXT, leader TEXT, emptied_ms INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS members(group_name TEXT, id TEXT, instance TEXT,"
	" client_id TEXT, host TEXT, session_ms INTEGER NOT NULL, rebalance_ms INTEGER NOT NULL,"
	" protocols BLOB, assignment BLOB, PRIMARY KEY(group_name, id)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS offsets(group_name TEXT, topic TEXT, partition INTEGER,"
	" committed INTEGER NOT NULL, leader_epoch INTEGER NOT NULL, metadata TEXT,"
	" commit_ms INTEGER NOT NULL, PRIMARY KEY(group_name, topic, partition)) WITHOUT ROWID;";

static const char *const changes[STORE_ROW_KINDS] = {
	[STORE_OFFSET] = "INSERT OR REPLACE INTO offsets VALUES(?, ?, ?, ?, ?, ?, ?)",
	[STORE_OFFSET_GONE] =
		"DELETE FROM offsets WHERE group_name = ? AND topic = ? AND partition = ?",
	[STORE_OFFSETS_GONE] = "DELETE FROM offsets WHERE group_name = ?",
	[STORE_GROUP] = "INSERT OR REPLACE INTO groups VALUES(?, ?, ?, ?, ?, ?)",
	[STORE_GROUP_GONE] = "DELETE FROM groups WHERE name = ?",
	[STORE_MEMBER] = "INSERT OR REPLACE INTO members VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[STORE_MEMBERS_GONE] = "DELETE FROM members WHERE group_name = ?",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *changes[STORE_ROW_KINDS];
	int event_fd;
	bool started, failing;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t submitted;
	/* Under the lock. */
	bool stop;
	struct store_op *queue, **queue_end;
	struct store_op *done, **done_end;
};

static int run(struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

/* The one number that a pragma yields; -1: none. */
static int64_t pragma(struct store *s, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t value = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static int to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EPROTO;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

/* The file for us alone: the lock is taken by the first transaction, and kept. */
static int take(struct store *s, const char *path)
{
	char head[128];
	int code = sqlite3_open_v2(
		path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
		NULL);

	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(s->db, BUSY_MS);
	if (code == SQLITE_OK)
		code = run(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL;"
			      "BEGIN IMMEDIATE");
	if (code != SQLITE_OK)
		return to_errno(code);
	int64_t id = pragma(s, "PRAGMA application_id"), layout = pragma(s, "PRAGMA user_version");
	int64_t tables = pragma(s, "SELECT count(*) FROM sqlite_schema");
	if (tables != 0 && (id != APPLICATION_ID || layout != LAYOUT))
		return -EPROTO;
	snprintf(head, sizeof(head), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION_ID, LAYOUT);
	code = run(s, head);
	if (code == SQLITE_OK)
		code = run(s, schema);
	if (code == SQLITE_OK)
		code = run(s, "COMMIT; PRAGMA journal_mode = WAL");
	for (unsigned i = 0; code == SQLITE_OK && i < STORE_ROW_KINDS; i++)
		code = sqlite3_prepare_v3(s->db, changes[i], -1, SQLITE_PREPARE_PERSISTENT,
					  &s->changes[i], NULL);
	return to_errno(code);
}

static int bind(sqlite3_stmt *statement, int index, const struct store_value *v)
{
	switch (v->type) {
	case STORE_NUMBER:
		return sqlite3_bind_int64(statement, index, v->number);
	case STORE_TEXT:
		return sqlite3_bind_text(statement, index, v->at, (int)v->len, SQLITE_STATIC);
	case STORE_BLOB:
		return sqlite3_bind_blob(statement, index, v->at, (int)v->len, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(statement, index);
	}
}

static int change(struct store *s, const struct store_row *row)
{
	sqlite3_stmt *statement = s->changes[row->kind];
	int code = SQLITE_OK;

	for (unsigned i = 0; code == SQLITE_OK && i < row->count; i++)
		code = bind(statement, (int)i + 1, &row->values[i]);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* All of them in one transaction, or none. */
static int apply(struct store *s, const struct store_op *list)
{
	int code = run(s, "BEGIN IMMEDIATE");

	for (const struct store_op *op = list; code == SQLITE_OK && op; op = op->next) {
		struct store_row row;
		size_t cursor = 0;

		while (code == SQLITE_OK && store_op_next(op, &cursor, &row))
			code = change(s, &row);
	}
	if (code == SQLITE_OK)
		code = run(s, "COMMIT");
	if (code != SQLITE_OK && !sqlite3_get_autocommit(s->db))
		run(s, "ROLLBACK");
	return code;
}

/* Says so when it begins, and when it is over. */
static void tell(struct store *s, int code)
{
	if ((code != SQLITE_OK) == s->failing)
		return;
	s->failing = code != SQLITE_OK;
	if (s->failing)
		fprintf(stderr,
			"weir-gateway: commits are refused: %s: %s; what was committed before is "
			"safe\n",
			sqlite3_db_filename(s->db, "main"), sqlite3_errstr(code));
	else
		fprintf(stderr, "weir-gateway: commits are taken again\n");
}

static void finish(struct store *s, struct store_op *list, int code)
{
	const uint64_t one = 1;
	struct store_op **end = &list;

	for (; *end; end = &(*end)->next)
		(*end)->result = code == SQLITE_OK ? STORE_DONE : STORE_FAILED;
	pthread_mutex_lock(&s->lock);
	*s->done_end = list;
	s->done_end = end;
	pthread_mutex_unlock(&s->lock);
	/* It can only be full, and then it is readable. */
	if (write(s->event_fd, &one, sizeof(one)) < 0)
		return;
}

static void *work(void *argument)
{
	struct store *s = argument;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		while (!s->queue && !s->stop)
			pthread_cond_wait(&s->submitted, &s->lock);
		struct store_op *list = s->queue;
		s->queue = NULL;
		s->queue_end = &s->queue;
		pthread_mutex_unlock(&s->lock);
		if (!list)
			return NULL;
		int code = apply(s, list);
		tell(s, code);
		finish(s, list, code);
	}
}

/* Signals are for the gateway's thread. */
static int start(struct store *s)
{
	sigset_t all, before;

	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->event_fd < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = -pthread_create(&s->thread, NULL, work, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->started = rc == 0;
	return rc;
}

int store_open(struct store **out, const char *path, char *error, size_t error_size)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->event_fd = -1;
	s->queue_end = &s->queue;
	s->done_end = &s->done;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->submitted, NULL);
	int rc = take(s, path);
	if (rc == -EBUSY)
		snprintf(error, error_size, "another gateway has it");
	else if (rc == -EPROTO)
		snprintf(error, error_size, "not a file of consumer groups, or of a later version");
	else if (rc < 0)
		snprintf(error, error_size, "%s", s->db ? sqlite3_errmsg(s->db) : strerror(-rc));
	if (rc == 0)
		rc = start(s);
	if (rc < 0) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

static struct store_value column(sqlite3_stmt *statement, int index)
{
	uint32_t len = (uint32_t)sqlite3_column_bytes(statement, index);

	switch (sqlite3_column_type(statement, index)) {
	case SQLITE_INTEGER:
		return store_number(sqlite3_column_int64(statement, index));
	case SQLITE_TEXT:
		return store_bytes(STORE_TEXT, sqlite3_column_text(statement, index), len);
	case SQLITE_BLOB:
		/* An empty blob has no address. */
		return store_bytes(STORE_BLOB, len ? sqlite3_column_blob(statement, index) : "",
				   len);
	default:
		return (struct store_value){.type = STORE_NULL};
	}
}

static int load(struct store *s, const char *sql, enum store_row_kind kind, store_load_fn *fn,
		void *context)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);

	if (code != SQLITE_OK)
		return to_errno(code);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_row row = {.kind = kind,
					.count = (unsigned)sqlite3_column_count(statement)};

		for (unsigned i = 0; i < row.count; i++)
			row.values[i] = column(statement, (int)i);
		fn(context, &row);
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : to_errno(code);
}

int store_load(struct store *s, store_load_fn *fn, void *context)
{
	int rc = load(s, "SELECT * FROM groups", STORE_GROUP, fn, context);

	if (rc == 0)
		rc = load(s, "SELECT * FROM members", STORE_MEMBER, fn, context);
	return rc < 0 ? rc : load(s, "SELECT * FROM offsets", STORE_OFFSET, fn, context);
}

static void put_all(struct store_op *list)
{
	while (list) {
		struct store_op *next = list->next;

		store_op_put(list);
		list = next;
	}
}

void store_close(struct store *s)
{
	if (s->started) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->submitted);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	put_all(s->done);
	for (unsigned i = 0; i < STORE_ROW_KINDS; i++)
		sqlite3_finalize(s->changes[i]);
	sqlite3_close(s->db);
	if (s->event_fd >= 0)
		close(s->event_fd);
	pthread_cond_destroy(&s->submitted);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool store_submit(struct store *s, struct store_op *op)
{
	if (op->no_memory)
		return false;
	op->holders++;
	op->next = NULL;
	pthread_mutex_lock(&s->lock);
	*s->queue_end = op;
	s->queue_end = &op->next;
	pthread_cond_signal(&s->submitted);
	pthread_mutex_unlock(&s->lock);
	return true;
}

int store_fd(const struct store *s)
{
	return s->event_fd;
}

struct store_op *store_take_done(struct store *s)
{
	uint64_t count;

	if (read(s->event_fd, &count, sizeof(count)) < 0)
		return NULL;
	pthread_mutex_lock(&s->lock);
	struct store_op *list = s->done;
	s->done = NULL;
	s->done_end = &s->done;
	pthread_mutex_unlock(&s->lock);
	for (struct store_op *op = list; op; op = op->next)
		op->status = op->result;
	return list;
}
