#include "appliance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>

enum {
	ASK_TIMEOUT_MS = 5000,
	LOOK_MS = 50,
	QUIET_LOOKS = 6,    /* 300 ms: a port's own counters are refreshed every 100 ms */
	MISSING_LOOKS = 40, /* 2 s, as RFC 2544 has it, for frames that are still on their way */
	REST_S = 60,
	SILENT_S = 15, /* weir-control, or the dataplane, may be on its way to start again */
	ANSWER_MAX = 64 << 20,
};

struct appliance {
	CURL *curl;
	char url[1024];
	char why[CURL_ERROR_SIZE];
	char *answer;
	size_t len;
	bool answered; /* once at least */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* --- asking -------------------------------------------------------------------------------- */

static size_t take_answer(char *data, size_t size, size_t count, void *ctx)
{
	struct appliance *a = ctx;
	size_t len = size * count;
	char *answer = a->len + len < ANSWER_MAX ? realloc(a->answer, a->len + len + 1) : NULL;

	if (!answer)
		return 0;
	a->answer = answer;
	memcpy(a->answer + a->len, data, len);
	a->len += len;
	return len;
}

int appliance_open(struct appliance **out, const char *url, char *err, size_t err_size)
{
	struct appliance *a = calloc(1, sizeof(*a));
	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		len--;
	if (a)
		a->curl = curl_easy_init();
	if (!a || !a->curl) {
		free(a);
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	if (snprintf(a->url, sizeof(a->url), "%.*s/api/status", (int)len, url) >=
	    (int)sizeof(a->url)) {
		appliance_close(a);
		snprintf(err, err_size, "%s: too long", url);
		return -ENAMETOOLONG;
	}
	curl_easy_setopt(a->curl, CURLOPT_URL, a->url);
	curl_easy_setopt(a->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(a->curl, CURLOPT_TIMEOUT_MS, (long)ASK_TIMEOUT_MS);
	curl_easy_setopt(a->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(a->curl, CURLOPT_NOPROXY, "*"); /* no proxy lies on a test's way */
	curl_easy_setopt(a->curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(a->curl, CURLOPT_ERRORBUFFER, a->why);
	curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, a);
	*out = a;
	return 0;
}

void appliance_close(struct appliance *a)
{
	if (!a)
		return;
	curl_easy_cleanup(a->curl);
	free(a->answer);
	free(a);
}

/* --- reading the answer -------------------------------------------------------------------- */

static uint64_t number(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static double real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static void read_ledger(const json_t *ledger, struct appliance_look *look)
{
	json_t *packets = json_object_get(ledger, "packets"), *value;
	const json_t *causes = json_object_get(packets, "causes");
	const json_t *events = json_object_get(ledger, "events");
	const char *name;

	look->received = number(packets, "received");
	look->stored = number(packets, "stored");
	look->lost_in_crash = number(packets, "lost_in_crash");
	look->shed_no_slab = number(causes, "shed.no_slab");
	look->shed_storage = number(causes, "shed.storage");
	look->truncated = number(causes, "malformed.truncated");
	look->events_decoded = number(events, "decoded");
	look->events_shed = number(events, "shed");
	json_object_foreach(packets, name, value)
	{
		if (!json_is_integer(value) || strncmp(name, "received", 8) == 0 ||
		    look->terms_count == APPLIANCE_TERMS_MAX)
			continue;
		struct appliance_term *term = &look->terms[look->terms_count++];
		snprintf(term->name, sizeof(term->name), "%s", name);
		term->packets = (uint64_t)json_integer_value(value);
	}
}

static void read_ports(const json_t *ports, struct appliance_look *look)
{
	size_t i;
	json_t *port;

	json_array_foreach(ports, i, port)
	{
		look->missed += number(port, "missed");
		look->missed_unknown |= json_is_null(json_object_get(port, "missed"));
		look->no_mbuf += number(port, "rx_nombuf");
		look->port_errors += number(port, "errors");
	}
}

static void read_lanes(const json_t *lanes, struct appliance_look *look)
{
	size_t i;
	json_t *from;

	json_array_foreach(lanes, i, from)
	{
		look->slabs_queued += number(from, "slabs_queued");
		if (look->lanes_count == APPLIANCE_LANES_MAX)
			continue;
		struct appliance_lane *lane = &look->lanes[look->lanes_count++];
		lane->rx_busy = real(from, "busy_s");
		lane->log_busy = real(from, "log_busy_s");
	}
}

static void read_cores(const json_t *cores, struct appliance_look *look)
{
	size_t i, b;
	json_t *core, *count;

	json_array_foreach(cores, i, core)
	{
		look->cores_count++;
		look->writes += number(core, "writes");
		look->write_ns += number(core, "write_ns_total");
		look->syncs += number(core, "syncs");
		look->sync_ns += number(core, "sync_ns_total");
		json_array_foreach(json_object_get(core, "commit_histogram"), b,
				   count) if (b < APPLIANCE_COMMITS) look->commits[b] +=
			(uint64_t)json_integer_value(count);
	}
}

static int read_partitions(const json_t *partitions, struct appliance_look *look)
{
	size_t i, count = json_array_size(partitions);
	json_t *from;

	look->partitions = calloc(count + 1, sizeof(look->partitions[0]));
	if (!look->partitions)
		return -ENOMEM;
	json_array_foreach(partitions, i, from)
	{
		struct appliance_partition *p = &look->partitions[look->partitions_count++];
		const char *stream = json_string_value(json_object_get(from, "stream"));
		snprintf(p->stream, sizeof(p->stream), "%s", stream ? stream : "");
		p->partition = (uint32_t)number(from, "partition");
		p->log_end = number(from, "log_end");
		p->visible_end = number(from, "visible_end");
		p->failed = json_is_true(json_object_get(from, "storage_failed"));
	}
	return 0;
}

static int read_status(const json_t *status, struct appliance_look *look)
{
	const char *state = json_string_value(json_object_get(status, "run_state"));

	look->runs = state && strcmp(state, "running") == 0 &&
		     json_is_true(json_object_get(status, "alive"));
	look->balanced = json_is_true(json_object_get(status, "balanced"));
	look->starts = number(status, "starts");
	look->pid = number(status, "pid");
	read_ledger(json_object_get(status, "ledger"), look);
	read_ports(json_object_get(status, "ports"), look);
	read_lanes(json_object_get(status, "lanes"), look);
	read_cores(json_object_get(status, "cores"), look);
	return read_partitions(json_object_get(status, "partitions"), look);
}

void appliance_look_free(struct appliance_look *look)
{
	free(look->partitions);
	memset(look, 0, sizeof(*look));
}

int appliance_look(struct appliance *a, struct appliance_look *look, char *err, size_t err_size)
{
	json_error_t bad;

	appliance_look_free(look);
	a->len = 0;
	a->why[0] = '\0';
	CURLcode code = curl_easy_perform(a->curl);
	if (code != CURLE_OK) {
		snprintf(err, err_size, "%s: %s", a->url,
			 a->why[0] ? a->why : curl_easy_strerror(code));
		return -EIO;
	}
	json_t *status = json_loadb(a->answer ? a->answer : "", a->len, 0, &bad);
	if (!json_is_object(json_object_get(status, "ledger"))) {
		json_decref(status);
		snprintf(err, err_size, "%s: the answer is not the status of a Weir", a->url);
		return -EPROTO;
	}
	int rc = read_status(status, look);
	json_decref(status);
	look->at_ns = now_ns();
	if (rc < 0)
		snprintf(err, err_size, "out of memory");
	else if (!look->runs) {
		snprintf(err, err_size, "%s: Weir does not run", a->url);
		rc = -ESRCH;
	}
	a->answered |= rc == 0;
	return rc;
}

bool appliance_same_ledger(const struct appliance_look *before, const struct appliance_look *after)
{
	/* Another dataplane on the same ledger counts itself. */
	bool same = after->starts > before->starts ||
		    (after->starts == before->starts && after->pid == before->pid);

	same &= after->received >= before->received && after->stored >= before->stored &&
		after->events_decoded >= before->events_decoded;
	for (unsigned i = 0; i < before->terms_count && i < after->terms_count; i++)
		same &= after->terms[i].packets >= before->terms[i].packets;
	return same;
}

/* --- waiting ------------------------------------------------------------------------------- */

static bool all_visible(const struct appliance_look *look)
{
	for (size_t i = 0; i < look->partitions_count; i++)
		if (!look->partitions[i].failed &&
		    look->partitions[i].visible_end != look->partitions[i].log_end)
			return false;
	return true;
}

uint64_t appliance_arrived(const struct appliance_look *look)
{
	return look->received + look->missed + look->no_mbuf + look->port_errors;
}

/* Whoever has answered before is given time to come back. */
static bool may_come_back(const struct appliance *a, int rc, uint64_t heard_ns)
{
	return (rc == -EIO || rc == -ESRCH) && a->answered &&
	       now_ns() - heard_ns < SILENT_S * UINT64_C(1000000000);
}

int appliance_rest(struct appliance *a, uint64_t expected, struct appliance_look *look,
		   const atomic_bool *stop, char *err, size_t err_size)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	uint64_t heard = now_ns(), end = heard + REST_S * UINT64_C(1000000000);
	uint64_t received = UINT64_MAX;
	unsigned quiet = 0;

	for (;;) {
		int rc = appliance_look(a, look, err, err_size);
		if (rc < 0 && !may_come_back(a, rc, heard))
			return rc;
		heard = rc == 0 ? look->at_ns : heard;
		quiet = rc == 0 && look->received == received && all_visible(look) ? quiet + 1 : 0;
		if (quiet >= (appliance_arrived(look) >= expected ? QUIET_LOOKS : MISSING_LOOKS))
			return 0;
		if (atomic_load(stop)) {
			snprintf(err, err_size, "stopped");
			return -EINTR;
		}
		if (rc == 0 && look->at_ns > end)
			break;
		received = look->received;
		nanosleep(&pause, NULL);
	}
	snprintf(err, err_size, "%s: Weir does not come to rest within %d s: %s", a->url, REST_S,
		 all_visible(look) ? "others send to it too" : "its log is behind");
	return -ETIMEDOUT;
}
