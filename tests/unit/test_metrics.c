/* The Prometheus text: promtool takes it, it says what the state block says, its page is up to
 * date. */
#include <inttypes.h>
#include <stdio.h>

#include "control/metrics.h"
#include "sample_gateway.h"
#include "sample_state.h"

static char dir[64];
static struct plan *plan;
static struct state *state;
static pid_t gateway;
static const struct metrics_control control = {
	.start_ns = UINT64_C(1700000000500000000), .reloads = 4, .reloads_failed = 1};

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/weir-test-metrics-%d", (int)getpid());
	plan = sample_plan(dir);
	state = sample_state(plan);
	gateway = sample_gateway(dir, plan->storage_path);
}

static void teardown(void)
{
	state_close(state);
	state_unlink(dir);
	free(plan);
	sample_gateway_end(gateway);
	sample_gateway_remove(dir);
}

TestSuite(metrics, .init = setup, .fini = teardown, .timeout = 60);

/* The text; the caller frees it. */
static char *text_of(bool with_status)
{
	struct status *st = NULL;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (with_status) {
		cr_assert_eq(status_of(state, &st), 0);
		cr_assert_eq(report_read(dir, &st->gateway), 0);
	}
	metrics_print(out, st, &control);
	fclose(out);
	status_free(st);
	return text;
}

static void has_line(const char *text, const char *line)
{
	char with_ends[256];

	snprintf(with_ends, sizeof(with_ends), "\n%s\n", line);
	cr_assert_not_null(strstr(text, with_ends), "missing: %s", line);
}

Test(metrics, values)
{
	char *text = text_of(true);

	has_line(text, "weir_up 1");
	has_line(text, "weir_ledger_balanced 1");
	has_line(text, "weir_dataplane_crashes_total 1");
	has_line(text, "weir_control_reloads_total{result=\"applied\"} 4");
	has_line(text, "weir_control_start_time_seconds 1700000000.500");
	has_line(text, "weir_packets_received_total{port=\"uplink\",lane=\"0\"} 110");
	has_line(text, "weir_packets_total{port=\"uplink\",lane=\"0\",term=\"malformed\",cause="
		       "\"truncated\"} 3");
	has_line(text, "weir_events_total{stream=\"netflow\",outcome=\"shed\"} 2");
	has_line(text, "weir_partition_durable_end_offset{stream=\"syslog\",partition=\"1\"} 30");
	has_line(text, "weir_lane_busy_seconds_total{lane=\"0\",half=\"rx\"} 1.500000");
	has_line(text, "weir_core_sync_seconds_total{core=\"0\"} 1.500000000");
	free(text);
}

Test(metrics, missed_only_where_known)
{
	char *text = text_of(true);

	has_line(text, "weir_port_missed_total{port=\"uplink\"} 17");
	cr_assert_null(strstr(text, "weir_port_missed_total{port=\"side\"}"));
	free(text);
}

Test(metrics, buckets_add_up)
{
	char *text = text_of(true);

	has_line(text, "weir_commit_seconds_bucket{core=\"0\",le=\"6.4e-05\"} 4");
	has_line(text, "weir_commit_seconds_bucket{core=\"0\",le=\"0.000256\"} 4");
	has_line(text, "weir_commit_seconds_bucket{core=\"0\",le=\"0.000512\"} 6");
	has_line(text, "weir_commit_seconds_bucket{core=\"0\",le=\"+Inf\"} 7");
	has_line(text, "weir_commit_seconds_count{core=\"0\"} 7");
	free(text);
}

/* The sum over all terms is what was received, in the text as in the block. */
Test(metrics, terms_add_up_to_received)
{
	char *text = text_of(true), *save = NULL;
	uint64_t received = 0, terms = 0, value;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *brace = strchr(line, '}');
		if (!brace || sscanf(brace, "} %" SCNu64, &value) != 1)
			continue;
		if (strncmp(line, "weir_packets_received_total{", 28) == 0)
			received += value;
		else if (strncmp(line, "weir_packets_total{", 19) == 0)
			terms += value;
	}
	cr_assert_eq(received, 171);
	cr_assert_eq(terms, received);
	free(text);
}

Test(metrics, labels_are_escaped)
{
	strcpy(state_port(state, 0)->driver, "a\"b\\c\nd");
	char *text = text_of(true);

	has_line(text, "weir_port_link_up{port=\"uplink\",driver=\"a\\\"b\\\\c\\nd\"} 1");
	free(text);
}

Test(metrics, gateway)
{
	char *text = text_of(true);

	has_line(text, "weir_gateway_up 1");
	has_line(text, "weir_gateway_connections 3");
	has_line(text, "weir_gateway_connections_total{result=\"refused\"} 1");
	has_line(text, "weir_gateway_requests_total{api=\"Fetch\"} 11");
	has_line(text, "weir_gateway_requests_total{api=\"JoinGroup\"} 0");
	has_line(text, "weir_gateway_fetch_seconds_bucket{le=\"6.4e-05\"} 0");
	has_line(text, "weir_gateway_fetch_seconds_bucket{le=\"0.000128\"} 2");
	has_line(text, "weir_gateway_fetch_seconds_bucket{le=\"0.004096\"} 3");
	has_line(text, "weir_gateway_fetch_seconds_bucket{le=\"+Inf\"} 3");
	has_line(text, "weir_gateway_fetch_seconds_sum 0.003200");
	has_line(text, "kafka_consumergroup_members{consumergroup=\"readers\"} 1");
	has_line(text,
		 "kafka_consumergroup_current_offset{consumergroup=\"readers\",topic=\"syslog\","
		 "partition=\"1\"} 12");
	has_line(text,
		 "kafka_consumergroup_lag{consumergroup=\"readers\",topic=\"syslog\",partition="
		 "\"1\"} 18");
	has_line(text, "kafka_consumergroup_lag{consumergroup=\"readers\",topic=\"elsewhere\","
		       "partition=\"0\"} 5");
	cr_assert_null(strstr(text, "consumergroup=\"o"), "a name that is not the whole name");
	free(text);
}

/* Its last counts stay, but nobody is connected any more. */
Test(metrics, gateway_that_died)
{
	sample_gateway_end(gateway);
	char *text = text_of(true);

	has_line(text, "weir_gateway_up 0");
	has_line(text, "weir_gateway_connections 0");
	has_line(text, "weir_gateway_sent_bytes_total 5000");
	has_line(text, "kafka_consumergroup_members{consumergroup=\"readers\"} 0");
	free(text);
	gateway = sample_gateway(dir, "/other");
	text = text_of(true);
	has_line(text,
		 "kafka_consumergroup_lag{consumergroup=\"readers\",topic=\"syslog\",partition="
		 "\"1\"} 987");
	free(text);
}

Test(metrics, without_a_dataplane)
{
	char *text = text_of(false);

	has_line(text, "weir_up 0");
	cr_assert_null(strstr(text, "weir_packets_total"));
	free(text);
}

/* Each metric of the list appears, with HELP and TYPE once. */
Test(metrics, every_row_of_the_list_is_shown)
{
	char *text = text_of(true), line[128];
	static const char *const names[] = {
#define METRIC(id, name, type, labels, help) name " " #type,
#include "control/metrics.def"
#undef METRIC
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "# TYPE %s\n", names[i]);
		const char *at = strstr(text, line);
		cr_assert_not_null(at, "%s", names[i]);
		cr_assert_null(strstr(at + 1, line), "twice: %s", names[i]);
	}
	free(text);
}

static void promtool_takes(const char *text)
{
	char command[256], path[80], said[512] = "";

	if (system("command -v promtool >/dev/null") != 0)
		cr_skip_test("promtool is not installed");
	snprintf(path, sizeof(path), "/tmp/weir-test-metrics-%d.prom", (int)getpid());
	FILE *out = fopen(path, "w");
	fputs(text, out);
	fclose(out);
	snprintf(command, sizeof(command), "promtool check metrics <%s 2>&1", path);
	FILE *in = popen(command, "r");
	size_t n = fread(said, 1, sizeof(said) - 1, in);
	int status = pclose(in);
	unlink(path);
	cr_assert(status == 0 && n == 0, "promtool: %s", said);
}

Test(metrics, promtool_has_no_complaint)
{
	char *text = text_of(true);

	promtool_takes(text);
	free(text);
	text = text_of(false);
	promtool_takes(text);
	free(text);
}

Test(metrics, the_page_in_docs_is_the_generated_one)
{
	const char *root = getenv("WEIR_SOURCE_ROOT");
	char path[512], *want, *got;
	size_t size;

	cr_assert_not_null(root);
	FILE *out = open_memstream(&want, &size);
	metrics_markdown(out);
	fclose(out);
	snprintf(path, sizeof(path), "%s/docs/metrics.md", root);
	FILE *in = fopen(path, "r");
	cr_assert_not_null(in, "%s is missing", path);
	got = calloc(1, size + 2);
	size_t n = fread(got, 1, size + 1, in);
	fclose(in);
	cr_assert(n == size && strcmp(got, want) == 0,
		  "docs/metrics.md is out of date: weir-control --metrics-markdown > "
		  "docs/metrics.md");
	free(want);
	free(got);
}
