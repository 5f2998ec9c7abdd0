/* From a config's text to a plan. The machine is made up, so that the plan is the same everywhere.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/plan_build.h"

#define HEAD                                                                                       \
	"run_dir: /tmp/x\nports:\n  - {name: p, device: \"net_null0,size=64\", queues: 1}\n"       \
	"storage: {path: /tmp/y}\n"

static char err[1024];

static struct config *parse(const char *text)
{
	struct config_report report;

	config_report_init(&report, "test");
	struct config *c = config_parse(text, strlen(text), "test", &report);
	cr_assert_not_null(c, "%s: %s", report.count ? report.findings[0].key : "",
			   report.count ? report.findings[0].expected : "no config");
	config_report_free(&report);
	return c;
}

static int try_build(const char *text, const struct plan *previous, struct plan **out)
{
	setenv("HWLOC_SYNTHETIC", "node:1 core:4 pu:1", 1);
	setenv("HWLOC_COMPONENTS", "synthetic", 1);
	struct config *c = parse(text);
	*out = calloc(1, sizeof(**out));
	err[0] = 0;
	int rc = plan_build(c, previous, *out, err, sizeof(err));
	config_free(c);
	return rc;
}

static struct plan *build(const char *text, const struct plan *previous)
{
	struct plan *p;

	cr_assert_eq(try_build(text, previous, &p), 0, "%s", err);
	cr_assert_eq(plan_check(p, sizeof(*p), err, sizeof(err)), 0, "%s", err);
	return p;
}

Test(plan_build, what_it_builds_passes_the_dataplanes_check)
{
	struct plan *p =
		build(HEAD "streams:\n"
			   "  - {name: a, listen: {udp: [514, 1000-1010]}, decoder: lines}\n"
			   "  - {name: b, filter: \"udp and port 99\"}\n"
			   "  - {name: c, listen: {udp: any}, key: none}\n",
		      NULL);

	cr_expect_eq(p->generation, 1);
	cr_expect_eq(p->streams[0].listens, 2);
	cr_expect_eq(p->streams[0].listen[1].first, 1000);
	cr_expect_eq(p->streams[0].listen[1].last, 1010);
	cr_expect_eq(p->streams[0].decoder, PLAN_DECODER_lines);
	cr_expect_gt(p->streams[1].filter_insns, 0);
	cr_expect_eq(p->streams[2].catch_all, 1);
	cr_expect_eq(p->streams[2].key, PLAN_KEY_NONE);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(p->streams[i].order, i);
	free(p);
}

Test(plan_build, there_are_slabs_for_every_stream_that_may_come)
{
	struct plan *p =
		build(HEAD "max_streams: 64\nstreams: [{name: a, listen: {udp: 1}}]\n", NULL);

	cr_expect_gt(p->lanes[0].slabs, 64u + p->write_depth);
	cr_expect_geq(p->lanes[0].slab_bytes, plan_slab_bytes(p->streams[0].batch_bytes));
	struct plan_memory m = plan_memory(p);
	cr_expect_geq((uint64_t)p->memory_mib << 20, m.mbufs + m.slabs + m.rest);
	cr_expect_geq(m.slabs, (uint64_t)p->lanes[0].slabs * p->lanes[0].slab_bytes);
	free(p);
}

Test(plan_build, a_stream_keeps_its_slot_over_reloads)
{
	struct plan *p1 = build(
		HEAD "streams: [{name: a, listen: {udp: 1}}, {name: b, listen: {udp: 2}}]\n", NULL);
	int a = plan_stream_slot(p1, "a"), b = plan_stream_slot(p1, "b");

	/* b goes, c comes, a moves to the end of the file. */
	struct plan *p2 = build(
		HEAD "streams: [{name: c, listen: {udp: 3}}, {name: a, listen: {udp: 1}}]\n", p1);
	cr_expect_eq(p2->generation, 2);
	cr_expect_eq(plan_stream_slot(p2, "a"), a);
	cr_expect_eq(plan_stream_slot(p2, "b"), b, "the slot stays known");
	cr_expect_eq(p2->streams[b].used, 0);
	int c = plan_stream_slot(p2, "c");
	cr_expect(c >= 0 && c != a && c != b, "a slot that was never used");
	cr_expect_gt(p2->streams[a].order, p2->streams[c].order);
	cr_expect_eq(plan_may_follow(p1, p2, err, sizeof(err)), 0, "%s", err);

	struct plan *p3 = build(HEAD "streams: [{name: b, listen: {udp: 2}}]\n", p2);
	cr_expect_eq(plan_stream_slot(p3, "b"), b, "and is its own again");
	cr_expect_eq(p3->streams[b].used, 1);
	free(p1);
	free(p2);
	free(p3);
}

Test(plan_build, no_slot_left_is_refused_by_name)
{
	struct plan *p1 = build(HEAD "max_streams: 2\nstreams: [{name: a, listen: {udp: 1}}, "
				     "{name: b, listen: {udp: 2}}]\n",
				NULL);
	struct plan *p2;

	cr_expect_lt(try_build(HEAD "max_streams: 2\nstreams: [{name: a, listen: {udp: 1}}, {name: "
				    "c, listen: {udp: 2}}]\n",
			       p1, &p2),
		     0);
	cr_expect(strstr(err, "max_streams"), "%s", err);
	free(p1);
	free(p2);
}

Test(plan_build, what_cannot_change_while_running_is_named)
{
	struct plan *p1 = build(HEAD "streams: [{name: a, listen: {udp: 1}}]\n", NULL);
	struct plan *p2 =
		build(HEAD "lanes: {slabs: 200}\nstreams: [{name: a, listen: {udp: 1}}]\n", p1);

	cr_expect_eq(plan_may_follow(p1, p2, err, sizeof(err)), -EBUSY);
	cr_expect(strstr(err, "slabs"), "%s", err);
	free(p1);
	free(p2);
}

Test(plan_build, sync_off_is_not_sync_0)
{
	struct plan *off = build(
		"run_dir: /tmp/x\nports: [{name: p, device: \"net_null0,size=64\"}]\n"
		"storage: {path: /tmp/y, sync: off}\nstreams: [{name: a, listen: {udp: 1}}]\n",
		NULL);
	struct plan *zero =
		build("run_dir: /tmp/x\nports: [{name: p, device: \"net_null0,size=64\"}]\n"
		      "storage: {path: /tmp/y, sync: 0}\nstreams: [{name: a, listen: {udp: 1}}]\n",
		      NULL);

	cr_expect_eq(off->sync_off, 1);
	cr_expect_eq(zero->sync_off, 0);
	cr_expect_eq(zero->sync_ns, 0);
	free(off);
	free(zero);
}
