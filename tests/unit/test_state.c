/* The state block: made, found again, refused when it is another; readers see what writers store.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/api/state.h"
#include "plans.h"

static struct plan *plan;
static char storage[64];

static void setup(void)
{
	char run_dir[64];

	snprintf(run_dir, sizeof(run_dir), "/tmp/test-state-%d", getpid());
	snprintf(storage, sizeof(storage), "/tmp/test-state-%d.data", getpid());
	mkdir(storage, 0755);
	plan = plan_new(run_dir, storage);
	plan->ports_count = 2;
	plan->lanes_count = 3;
	plan->cores_count = 4;
	plan->streams_max = 5;
}

static void teardown(void)
{
	state_unlink(plan->run_dir);
	rmdir(storage);
	free(plan);
}

TestSuite(state, .init = setup, .fini = teardown);

Test(state, names)
{
	char a[32], b[32];

	state_name("/run/weir", a);
	cr_expect_eq(strncmp(a, "/weir-", 6), 0);
	cr_expect_eq(strlen(a), 22);
	state_name("/run/weir//", b);
	cr_expect_str_eq(a, b, "a slash at the end is no other directory");
	state_name("/run/weis", b);
	cr_expect_str_neq(a, b);
	state_name("/", b);
	cr_expect_eq(strlen(b), 22);
}

Test(state, nobody_there)
{
	cr_expect_null(state_open(plan->run_dir));
	cr_expect_eq(errno, ENOENT);
	cr_expect_null(state_find(storage));
	cr_expect_eq(errno, ENOENT);
	cr_expect_eq(state_unlink(plan->run_dir), -ENOENT);
	state_close(NULL);
}

Test(state, outlives_its_writer)
{
	bool fresh;
	struct state *s = state_create(plan, 123, &fresh);

	cr_assert_not_null(s);
	cr_expect(fresh);
	cr_expect_eq(s->ports, 2);
	cr_expect_eq(s->lanes, 3);
	cr_expect_eq(s->cores, 4);
	cr_expect_eq(s->streams_max, 5);
	cr_expect_eq(s->tsc_hz, 123);
	cr_expect_str_eq(s->storage_path, storage);
	cr_expect_gt(s->created_ns, UINT64_C(1600000000000000000));
	state_add(&state_lane(s, 2)->polls, 7);
	state_close(s);
	s = state_create(plan, 124, &fresh);
	cr_expect(!fresh);
	cr_expect_eq(s->tsc_hz, 124);
	cr_expect_eq(state_load(&state_lane(s, 2)->polls), 7);
	state_close(s);
}

/* Every array where its neighbours end, nothing shared, all within the block. */
Test(state, fields_do_not_overlap)
{
	bool fresh;
	struct state *s = state_create(plan, 1, &fresh);
	unsigned char *end = (unsigned char *)s + s->size_bytes;
	uint64_t marks = 0, seen = 0;

#define MARK(object) (memset((object), 0x5a, sizeof(*(object))), marks += sizeof(*(object)))
	for (unsigned i = 0; i < s->ports; i++)
		MARK(state_port(s, i));
	for (unsigned i = 0; i < s->lanes; i++)
		MARK(state_lane(s, i));
	for (unsigned i = 0; i < s->cores; i++)
		MARK(state_core(s, i));
	for (unsigned i = 0; i < s->streams_max; i++)
		MARK(state_stream(s, i));
	for (unsigned i = 0; i < s->lanes; i++)
		for (unsigned k = 0; k < s->ports; k++)
			MARK(state_rx(s, i, k));
	for (unsigned i = 0; i < state_partition_rows(s); i++)
		for (unsigned k = 0; k < s->streams_max; k++) {
			cr_assert_leq((unsigned char *)(state_partition(s, i, k) + 1), end);
			cr_assert_eq((uintptr_t)state_partition(s, i, k) % STATE_LINE, 0);
			MARK(state_partition(s, i, k));
		}
	for (unsigned char *p = (unsigned char *)s; p < end; p++)
		seen += *p == 0x5a;
	cr_expect_leq(marks, seen, "%llu bytes marked, %llu seen: some twice",
		      (unsigned long long)marks, (unsigned long long)seen);
	cr_expect_eq(s->magic, STATE_MAGIC);
	state_close(s);
}

Test(state, another_shape_is_made_anew)
{
	struct plan *other = malloc(sizeof(*other));
	bool fresh;

	for (int what = 0; what < 5; what++) {
		struct state *s = state_create(plan, 1, &fresh);
		*other = *plan;
		other->ports_count += what == 0;
		other->lanes_count += what == 1;
		other->cores_count += what == 2;
		other->streams_max += what == 3;
		if (what == 4)
			strcat(other->storage_path, "x");
		state_add(&s->starts, 9);
		struct state *n = state_create(other, 1, &fresh);
		cr_assert_not_null(n);
		cr_expect(fresh, "change %d was not noticed", what);
		cr_expect_eq(state_load(&n->starts), 0);
		/* Who maps the old one still may. */
		cr_expect_eq(state_load(&s->starts), 9);
		state_close(n);
		state_close(s);
		state_unlink(plan->run_dir);
	}
	free(other);
}

Test(state, readers_map_it_read_only)
{
	bool fresh;
	struct state *s = state_create(plan, 1, &fresh);
	const struct state *r = state_open(plan->run_dir);

	cr_assert_not_null(r);
	state_add(&state_partition(s, 31, 4)->value_bytes, 42);
	cr_expect_eq(state_load(&state_partition(r, 31, 4)->value_bytes), 42);
	/* Not even by mprotect: the descriptor was read-only. */
	cr_expect_eq(mprotect((void *)(uintptr_t)r, 4096, PROT_READ | PROT_WRITE), -1);
	state_close(r);
	state_close(s);
}

static void spoil(const char *run_dir, off_t at, uint32_t value, off_t size)
{
	char name[32];

	state_name(run_dir, name);
	int fd = shm_open(name, O_RDWR, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, &value, sizeof(value), at), (ssize_t)sizeof(value));
	if (size >= 0)
		cr_assert_eq(ftruncate(fd, size), 0);
	close(fd);
}

Test(state, what_is_no_block_is_refused)
{
	static const struct {
		off_t at, size;
	} cases[] = {
		{offsetof(struct state, magic), -1},
		{offsetof(struct state, version), -1},
		{offsetof(struct state, layout_check), -1},
		{offsetof(struct state, size_bytes), -1},
		{offsetof(struct state, pid), 0}, /* and cut */
		{offsetof(struct state, pid), 100},
		{offsetof(struct state, pid), 4096},
	};
	bool fresh;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		state_close(state_create(plan, 1, &fresh));
		spoil(plan->run_dir, cases[i].at, 0xdeadbeef, cases[i].size);
		errno = 0;
		cr_expect_null(state_open(plan->run_dir), "case %u", i);
		cr_expect_eq(errno, EPROTO, "case %u: errno %d", i, errno);
		cr_expect_null(state_find(storage));
		/* The next dataplane makes a new one. */
		struct state *s = state_create(plan, 1, &fresh);
		cr_assert_not_null(s, "case %u", i);
		cr_expect(fresh, "case %u", i);
		state_close(s);
		state_unlink(plan->run_dir);
	}
}

Test(state, is_found_by_its_data_directory)
{
	struct plan *other = malloc(sizeof(*other));
	bool fresh;
	struct state *a = state_create(plan, 1, &fresh);

	*other = *plan;
	strcat(other->run_dir, "-2");
	strcat(other->storage_path, "/."); /* the same directory by another name */
	struct state *b = state_create(other, 1, &fresh);
	state_store(&a->heartbeat_ns, 10);
	state_store(&b->heartbeat_ns, 20);
	atomic_store(&a->pid, 1);
	atomic_store(&b->pid, 2);
	const struct state *found = state_find(storage);
	cr_assert_not_null(found);
	cr_expect_eq(atomic_load(&((struct state *)(uintptr_t)found)->pid), 2);
	state_close(found);
	state_store(&a->heartbeat_ns, 30);
	found = state_find(storage);
	cr_expect_eq(atomic_load(&((struct state *)(uintptr_t)found)->pid), 1);
	state_close(found);
	cr_expect_null(state_find("/tmp"));
	state_close(a);
	state_close(b);
	state_unlink(other->run_dir);
	free(other);
}

Test(state, a_copy_in_flux_is_said_so)
{
	bool fresh;
	struct state *s = state_create(plan, 1, &fresh);
	struct state_rx *rx = state_rx(s, 1, 1);
	struct state_rx_copy c;

	state_store(&rx->received, 3);
	state_store(&rx->received_bytes, 300);
	state_store(&rx->ledger[LEDGER_stored_none], 2);
	state_store(&rx->ledger[LEDGER_malformed_truncated], 1);
	state_store(&rx->seq, 8);
	cr_expect(state_read_rx(s, 1, 1, &c));
	cr_expect_eq(c.received, 3);
	cr_expect_eq(c.received_bytes, 300);
	cr_expect_eq(c.ledger[LEDGER_stored_none], 2);
	cr_expect_eq(c.ledger[LEDGER_malformed_truncated], 1);
	state_store(&rx->seq, 9);
	cr_expect(!state_read_rx(s, 1, 1, &c));
	cr_expect_eq(c.received, 3);
	state_close(s);
}
