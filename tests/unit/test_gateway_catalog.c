/* What a partition's start and end are as dataplanes and directories come and go. */
#include "gateway_testing.h"

TestSuite(gateway_catalog, .init = gateway_testing_setup, .fini = gateway_testing_teardown);

static struct partition *partition(void)
{
	return catalog_partition(catalog_topic(&catalog, (struct wire_string){"s", 1}), 0);
}

static void refresh(void)
{
	static uint64_t now_ms = 1000;

	now_ms += REFRESH_MS;
	catalog_refresh(&catalog, now_ms);
}

static void expect_view(uint64_t log_start, uint64_t end)
{
	struct partition_view view;

	cr_assert(partition_look(partition(), &view));
	cr_assert_eq(view.log_start, log_start);
	cr_assert_eq(view.end, end, "%llu instead of %llu", (unsigned long long)view.end,
		     (unsigned long long)end);
}

/* The newest segment up to this offset, in a file as large as ever. */
static void write_newest(uint64_t end)
{
	enum { FILE_BYTES = 64 << 10 };
	static struct build b;

	memset(&b, 0, sizeof(b));
	for (uint64_t base = 10; base < end; base += 5)
		build_batch(&b, base, 5, TESTING_TS);
	b.len = FILE_BYTES;
	build_segment(dir, "s-0", 10, &b);
}

/* A dataplane's block, new, in which nothing is open yet. */
static struct state *make_block(const char *run_dir)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	bool fresh;

	strcpy(plan->run_dir, run_dir);
	strcpy(plan->storage_path, dir);
	plan->ports_count = plan->lanes_count = plan->cores_count = plan->streams_max = 1;
	struct state *state = state_create(plan, 1, &fresh);
	cr_assert(state && fresh);
	free(plan);
	return state;
}

Test(gateway_catalog, what_was_read_before_a_dataplane_wrote_is_read_again)
{
	char run_dir[128];

	snprintf(run_dir, sizeof(run_dir), "%s/run", dir);
	write_newest(15);
	refresh();
	expect_view(0, 15);
	struct state *state = make_block(run_dir);
	struct state_partition *live = state_partition(state, 0, 0);
	strcpy(state_stream(state, 0)->name, "s");
	atomic_store((state_u64 *)&live->visible_end, 20);
	atomic_store((state_u32 *)&live->open, 1);
	write_newest(20);
	refresh();
	expect_view(0, 20);
	cr_assert_eq(state_unlink(run_dir), 0);
	struct state *next = make_block(run_dir);
	refresh();
	cr_assert_null(partition()->live);
	expect_view(0, 20);
	state_unlink(run_dir);
	state_close(state);
	state_close(next);
}

static void run(const char *format)
{
	char command[256];

	snprintf(command, sizeof(command), format, dir, dir);
	cr_assert_eq(system(command), 0);
}

Test(gateway_catalog, a_directory_that_was_emptied_begins_where_it_ended)
{
	expect_view(0, TESTING_END);
	run("rm %s/s-0/*.log");
	refresh();
	expect_view(TESTING_END, TESTING_END);
	/* Written again. */
	gateway_testing_log(dir);
	refresh();
	expect_view(0, TESTING_END);
}

Test(gateway_catalog, an_empty_directory_in_the_place_of_another_begins_at_zero)
{
	run("mv %s/s-0 %s/old");
	run("mkdir %s/s-0 && rm -r %s/old");
	refresh();
	expect_view(0, 0);
}
