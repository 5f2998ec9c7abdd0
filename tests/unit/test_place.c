#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/place.h"

static struct placement out;
static const char *key;
static char err[512];

static void machine(const char *synthetic)
{
	setenv("HWLOC_SYNTHETIC", synthetic, 1);
	setenv("HWLOC_COMPONENTS", "synthetic", 1);
}

static void machine_with_nic(void)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/tests/data/two-nodes-with-nic.xml",
		 getenv("WEIR_SOURCE_ROOT"));
	setenv("HWLOC_XMLFILE", file, 1);
	setenv("HWLOC_COMPONENTS", "xml", 1);
}

static void placed(const struct place_request *request)
{
	cr_assert_eq(place(request, &out, &key, err, sizeof(err)), 0, "%s: %s", key, err);
	cr_assert_eq(out.cores_count <= PLAN_CORES_MAX, 1);
	/* What plan_check() demands: one that polls writes for its own lane at most. */
	for (unsigned i = 0; i < out.lanes_count; i++) {
		cr_assert_lt(out.rx_core[i], out.cores_count);
		cr_assert_lt(out.log_core[i], out.cores_count);
		for (unsigned k = 0; k < out.lanes_count; k++)
			cr_assert(k == i || (out.rx_core[k] != out.rx_core[i] &&
					     out.log_core[k] != out.rx_core[i]));
	}
}

static unsigned rx_cpu(unsigned lane)
{
	return out.cores[out.rx_core[lane]].cpu;
}

static unsigned log_cpu(unsigned lane)
{
	return out.cores[out.log_core[lane]].cpu;
}

Test(place, one_core_runs_to_completion)
{
	machine("core:1 pu:1");
	placed(&(struct place_request){0});
	cr_assert_eq(out.lanes_count, 1);
	cr_assert_eq(out.cores_count, 1);
	cr_assert_eq(out.rx_core[0], out.log_core[0]);
	cr_assert_eq(rx_cpu(0), 0);
	cr_assert_eq(out.main_cpu, 0);
}

Test(place, two_cores_poll_on_1_and_write_on_0)
{
	machine("core:2 pu:1");
	placed(&(struct place_request){.queues_hint = 1});
	cr_assert_eq(out.lanes_count, 1);
	cr_assert_eq(rx_cpu(0), 1);
	cr_assert_eq(log_cpu(0), 0);
	cr_assert_eq(out.main_cpu, 0);
	cr_assert_eq(out.warnings_count, 0);
}

Test(place, two_lanes_on_two_cores_run_to_completion)
{
	machine("core:2 pu:1");
	placed(&(struct place_request){.lanes = 2});
	cr_assert_eq(out.cores_count, 2);
	cr_assert_eq(rx_cpu(0), 1);
	cr_assert_eq(rx_cpu(1), 0);
	cr_assert_eq(out.rx_core[0], out.log_core[0]);
	cr_assert_eq(out.rx_core[1], out.log_core[1]);
}

Test(place, more_lanes_than_cores_take_turns_and_are_warned_of)
{
	machine("core:2 pu:1");
	placed(&(struct place_request){.queues_hint = 4, .spin = true});
	cr_assert_eq(out.lanes_count, 4, "every queue is read");
	cr_assert_eq(rx_cpu(2), 1);
	cr_assert_eq(out.warnings_count, 2);
	cr_assert_not_null(strstr(out.warnings[0], "4 lanes on 2 cores"));
	cr_assert_not_null(strstr(out.warnings[1], "spin"));
}

Test(place, whole_cores_never_core_0)
{
	machine("node:2 core:4 pu:2");
	placed(&(struct place_request){.lanes = 3});
	cr_assert_eq(out.cores_count, 6);
	for (unsigned i = 0; i < 3; i++) {
		/* Synthetic: processors 2n and 2n+1 are core n. */
		cr_assert_eq(rx_cpu(i) % 2, 0);
		cr_assert_gt(rx_cpu(i), 1);
		cr_assert_gt(log_cpu(i), 1);
		cr_assert_neq(rx_cpu(i), log_cpu(i));
	}
	cr_assert_eq(rx_cpu(0), 2);
	cr_assert_eq(log_cpu(0), 4, "neighbours");
	cr_assert_eq(out.main_cpu, 0);
	cr_assert_eq(out.cores[out.rx_core[0]].numa, 0);
	cr_assert_eq(out.cores[out.rx_core[2]].numa, 1);
	cr_assert_eq(out.machine_nodes, 2);
}

Test(place, a_lane_stays_on_one_node_while_it_can)
{
	/* Core 0 left out, node 0 has three: the odd one is taken last. */
	machine("node:2 core:4 pu:2");
	for (unsigned lanes = 1; lanes <= 3; lanes++) {
		placed(&(struct place_request){.lanes = lanes});
		for (unsigned i = 0; i < lanes; i++) {
			cr_assert_eq(rx_cpu(i) / 8, log_cpu(i) / 8, "%u: %u and %u", i, rx_cpu(i),
				     log_cpu(i));
			cr_assert_eq(out.cores[out.rx_core[i]].numa, rx_cpu(i) / 8);
		}
	}
}

Test(place, every_core_says_why)
{
	machine("core:8 pu:2");
	placed(&(struct place_request){.lanes = 2});
	for (unsigned i = 0; i < out.cores_count; i++)
		cr_assert_neq(out.why[i][0], 0, "core %u", i);
	cr_assert_neq(out.why_main[0], 0);
	cr_assert_neq(out.why_lanes[0], 0);
}

Test(place, too_few_for_pairs_share_log_cores)
{
	machine("core:6 pu:1");
	placed(&(struct place_request){.lanes = 4});
	cr_assert_eq(out.cores_count, 5);
	cr_assert_eq(out.log_core[0], out.log_core[3]);
	cr_assert_eq(log_cpu(0), 5);
	machine("core:7 pu:1");
	placed(&(struct place_request){.lanes = 4});
	cr_assert_eq(out.cores_count, 6);
	cr_assert_eq(out.log_core[0], out.log_core[1]);
	cr_assert_eq(out.log_core[2], out.log_core[3]);
	cr_assert_neq(out.log_core[0], out.log_core[2]);
}

Test(place, all_others_polling_leaves_core_0_to_the_log)
{
	machine("core:4 pu:1");
	placed(&(struct place_request){.lanes = 3});
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(rx_cpu(i), i + 1);
		cr_assert_eq(log_cpu(i), 0);
	}
}

Test(place, near_the_nic)
{
	static const char *const pci[] = {"0000:81:00.0"};

	machine_with_nic();
	placed(&(struct place_request){.pci = pci, .pci_count = 1, .nic_auto = true});
	cr_assert_eq(out.nic_node, 1);
	cr_assert_eq(out.lanes_count, 2, "half of the node's cores");
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_geq(rx_cpu(i), 8);
		cr_assert_geq(log_cpu(i), 8);
		cr_assert_eq(out.cores[out.rx_core[i]].numa, 1);
	}
	cr_assert_eq(out.main_cpu, 0);
	cr_assert_eq(out.cache_share_bytes, 16000000, "half of 32 MB: two of four cores");
}

Test(place, a_nic_that_is_not_there_is_near_nothing)
{
	static const char *const pci[] = {"0000:99:00.0"};

	machine_with_nic();
	placed(&(struct place_request){.pci = pci, .pci_count = 1, .nic_auto = true});
	cr_assert_eq(out.nic_node, -1);
	cr_assert_eq(out.lanes_count, 3, "half of seven");
}

Test(place, at_most_eight_lanes_by_ourselves)
{
	static const char *const pci[] = {"0000:99:00.0"};

	machine("core:64 pu:2");
	placed(&(struct place_request){.pci = pci, .pci_count = 1, .nic_auto = true});
	cr_assert_eq(out.lanes_count, 8);
	placed(&(struct place_request){.lanes = PLAN_LANES_MAX});
	cr_assert_eq(out.cores_count, 63);
}

Test(place, the_config_names_the_cores)
{
	static const uint16_t rx[] = {6, 2}, log[] = {4};

	machine("node:2 core:4 pu:2");
	placed(&(struct place_request){
		.cores = rx, .cores_count = 2, .log_cores = log, .log_cores_count = 1});
	cr_assert_eq(out.lanes_count, 2);
	cr_assert_eq(rx_cpu(0), 6);
	cr_assert_eq(rx_cpu(1), 2);
	cr_assert_eq(log_cpu(0), 4);
	cr_assert_eq(out.log_core[0], out.log_core[1]);
	placed(&(struct place_request){.cores = rx, .cores_count = 2});
	cr_assert_eq(log_cpu(0), 4, "the next that is free");
	cr_assert_eq(log_cpu(1), 8);
	placed(&(struct place_request){.lanes = 2, .log_cores = log, .log_cores_count = 1});
	cr_assert_eq(rx_cpu(0), 2, "not the one named for the log");
	cr_assert_eq(rx_cpu(1), 6);
}

Test(place, the_same_cores_for_both_is_run_to_completion)
{
	static const uint16_t cpus[] = {2, 4};

	machine("core:8 pu:1");
	placed(&(struct place_request){
		.cores = cpus, .cores_count = 2, .log_cores = cpus, .log_cores_count = 2});
	cr_assert_eq(out.cores_count, 2);
	cr_assert_eq(out.rx_core[1], out.log_core[1]);
}

Test(place, one_named_log_core_on_two_cores)
{
	static const uint16_t log[] = {0};

	machine("core:2 pu:1");
	placed(&(struct place_request){.lanes = 2, .log_cores = log, .log_cores_count = 1});
	cr_assert_eq(rx_cpu(0), 1);
	cr_assert_eq(rx_cpu(1), 1, "they take turns");
	cr_assert_eq(log_cpu(1), 0);
}

static void refused(const struct place_request *request, const char *by, const char *text)
{
	cr_assert_neq(place(request, &out, &key, err, sizeof(err)), 0);
	cr_assert_str_eq(key, by);
	cr_assert_not_null(strstr(err, text), "%s", err);
}

Test(place, what_cannot_be_is_refused_by_its_key)
{
	static const uint16_t gone[] = {99}, twice[] = {1, 1}, two[] = {1, 2}, swapped[] = {2, 1};

	machine("core:4 pu:1");
	refused(&(struct place_request){.cores = gone, .cores_count = 1}, "lanes.cores",
		"we may run on processors 0-3");
	refused(&(struct place_request){.log_cores = gone, .log_cores_count = 1}, "lanes.log_cores",
		"processor 99");
	refused(&(struct place_request){.cores = twice, .cores_count = 2}, "lanes.cores", "twice");
	refused(&(struct place_request){.log_cores = two, .log_cores_count = 2}, "lanes.log_cores",
		"at most one each");
	refused(
		&(struct place_request){
			.cores = two, .cores_count = 2, .log_cores = swapped, .log_cores_count = 2},
		"lanes.log_cores", "it polls for lane");
	refused(
		&(struct place_request){
			.cores = two, .cores_count = 2, .log_cores = two, .log_cores_count = 1},
		"lanes.log_cores", "it polls for lane 0");
}

Test(place, siblings_are_warned_of)
{
	static const uint16_t cpus[] = {2, 3};

	machine("core:4 pu:2");
	placed(&(struct place_request){.cores = cpus, .cores_count = 2});
	cr_assert_eq(out.warnings_count, 1);
	cr_assert_not_null(strstr(out.warnings[0], "shares a physical core"));
}

Test(place, every_shape_of_machine_has_a_plan)
{
	char shape[64];

	for (unsigned nodes = 1; nodes <= 2; nodes++)
		for (unsigned cores = 1; cores <= 9; cores++)
			for (unsigned pus = 1; pus <= 2; pus++)
				for (unsigned lanes = 0; lanes <= 10; lanes++) {
					snprintf(shape, sizeof(shape), "node:%u core:%u pu:%u",
						 nodes, cores, pus);
					machine(shape);
					placed(&(struct place_request){.lanes = lanes});
					cr_assert_eq(out.lanes_count, lanes ? lanes : 1);
				}
}

Test(place, this_machine_has_one)
{
	placed(&(struct place_request){0});
	cr_assert_geq(out.machine_cores, 1);
}
