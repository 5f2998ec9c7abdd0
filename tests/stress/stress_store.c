/*
 * The store of what groups commit: operations are submitted while its thread writes others. Each is
 * done once, in its order; what the file holds after it was closed, with operations on their way,
 * and opened again is what the model says.
 *
 *     stress_store [rounds]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/groups/store.h"
#include "tests/unit/log_build.h"

enum { GROUPS = 8, PARTITIONS = 16, OPS = 300, PENDING_MAX = 100, SECONDS_MAX = 20 };

static struct store *store;
static int64_t model[GROUPS][PARTITIONS]; /* 0: nothing committed */
static int64_t loaded[GROUPS][PARTITIONS];
static uint64_t submitted, finished, kept_ops;
static struct store_op *kept; /* as a connection holds the one it waits for */
static unsigned seed = 1;
static int failed;

static void fail(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "stress_store: %s: %llu, %llu\n", what, (unsigned long long)a,
		(unsigned long long)b);
	failed = 1;
}

static unsigned chance(unsigned of)
{
	return (unsigned)rand_r(&seed) % of;
}

static struct store_value group_name(unsigned group, char name[16])
{
	snprintf(name, 16, "group-%u", group);
	return store_text(name);
}

static void commit(struct store_op *op, unsigned group)
{
	unsigned partition = chance(PARTITIONS);
	int64_t offset = (int64_t)submitted + 1;
	char name[16];
	const struct store_value row[] = {group_name(group, name), store_text("s"),
					  store_number(partition), store_number(offset),
					  store_number(-1),	   store_text("note"),
					  store_number(1000)};

	store_op_row(op, STORE_OFFSET, row, 7);
	model[group][partition] = offset;
}

static void forget(struct store_op *op, unsigned group)
{
	char name[16];
	const struct store_value row[] = {group_name(group, name)};

	store_op_row(op, STORE_OFFSETS_GONE, row, 1);
	memset(model[group], 0, sizeof(model[group]));
}

static void submit(void)
{
	struct store_op *op = store_op_create(submitted, 1);

	for (unsigned rows = chance(5); op && rows < 5; rows++) {
		if (chance(20))
			commit(op, chance(GROUPS));
		else
			forget(op, chance(GROUPS));
	}
	if (!op || !store_submit(store, op)) {
		fail("no memory", submitted, 0);
		return;
	}
	submitted++;
	if (!kept && chance(3) == 0)
		kept = op;
	else
		store_op_put(op);
}

static void take_done(int wait_ms)
{
	struct pollfd done = {.fd = store_fd(store), .events = POLLIN};
	struct store_op *op, *next;

	poll(&done, 1, wait_ms);
	for (op = store_take_done(store); op; op = next) {
		next = op->next;
		if (op->group != finished)
			fail("out of order", op->group, finished);
		finished++;
		if (op->status != STORE_DONE)
			fail("not done", op->group, op->status);
		store_op_put(op);
	}
	if (!kept || kept->status == STORE_PENDING)
		return;
	kept_ops++;
	store_op_put(kept);
	kept = NULL;
}

static void load_row(void *context, const struct store_row *row)
{
	unsigned group, partition;

	if (row->kind != STORE_OFFSET || row->values[0].len < 7) {
		fail("a row of another kind", row->kind, 0);
		return;
	}
	group = (unsigned)(((const char *)row->values[0].at)[6] - '0');
	partition = (unsigned)row->values[2].number;
	if (group < GROUPS && partition < PARTITIONS)
		loaded[group][partition] = row->values[3].number;
}

static void one_round(const char *path)
{
	char error[256];

	memset(loaded, 0, sizeof(loaded));
	if (store_open(&store, path, error, sizeof(error)) < 0 ||
	    store_load(store, load_row, NULL) < 0) {
		fail(error, 0, 0);
		return;
	}
	for (unsigned i = 0; i < GROUPS * PARTITIONS; i++)
		if ((&loaded[0][0])[i] != (&model[0][0])[i])
			fail("what was committed, and what the file holds",
			     (uint64_t)(&model[0][0])[i], (uint64_t)(&loaded[0][0])[i]);
	for (unsigned i = 0; i < OPS && !failed; i++) {
		submit();
		while (chance(4) == 0 || submitted - finished > PENDING_MAX) {
			take_done(1);
			if (failed)
				break;
		}
	}
	/* With all that is on its way. */
	store_close(store);
	store_op_put(kept);
	kept = NULL;
	finished = submitted;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 12, done = 0;
	time_t begin = time(NULL);
	char dir[64], path[96];

	build_dir(dir);
	snprintf(path, sizeof(path), "%s/weir.groups", dir);
	for (; done < rounds && !failed && time(NULL) - begin < SECONDS_MAX; done++)
		one_round(path);
	printf("stress_store: %u rounds, %llu operations, %llu waited for\n", done,
	       (unsigned long long)submitted, (unsigned long long)kept_ops);
	if (!kept_ops || done < 2)
		fail("too little was done", done, kept_ops);
	build_remove(dir);
	return failed;
}
