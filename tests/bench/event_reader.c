/*
 * Reads what event_sender sent with librdkafka's consumer, its settings at their defaults, and
 * tells how old each event was when the application got it.
 *
 *     event_reader BROKER TOPIC COUNT
 *
 * Says "ready" when it waits at the end of the topic. Ends when it has COUNT events, or none came
 * for a while; then prints percentiles as JSON. Exit 1: an event came twice or out of order.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "bench_tool.h"
#include "stamped_event.h"

enum { START_MS = 15000, SILENCE_MS = 3000 };

static rd_kafka_t *open_consumer(const char *broker, const char *topic)
{
	const char *const settings[][2] = {{"bootstrap.servers", broker},
					   {"group.id", "event_reader"},
					   {"enable.auto.commit", "false"},
					   {"enable.partition.eof", "true"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	char error[256] = "";

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error)))
			die("%s", error);
	rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	if (!consumer)
		die("%s", error);
	rd_kafka_poll_set_consumer(consumer);
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_END;
	if (rd_kafka_assign(consumer, list))
		die("cannot assign");
	rd_kafka_topic_partition_list_destroy(list);
	return consumer;
}

static void wait_for_end(rd_kafka_t *consumer)
{
	uint64_t until_ns = now_ns() + START_MS * UINT64_C(1000000);
	bool at_end = false;

	while (!at_end && now_ns() < until_ns) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);

		at_end = message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
		if (message)
			rd_kafka_message_destroy(message);
	}
	if (!at_end)
		die("did not reach the end of the topic");
	puts("ready");
	fflush(stdout);
}

/* How many came; their ages in ages_ns. */
static size_t read_events(rd_kafka_t *consumer, size_t count, uint64_t *ages_ns)
{
	uint64_t silent_since_ns = now_ns(), least = 0;
	size_t n = 0;

	/* The sender takes its time to start. */
	while (n < count &&
	       now_ns() - silent_since_ns < (n ? SILENCE_MS : START_MS) * UINT64_C(1000000)) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
		struct stamped_event event;

		if (message && !message->err && message->len == STAMPED_EVENT_BYTES) {
			silent_since_ns = now_ns();
			memcpy(&event, message->payload, sizeof(event));
			if (event.number < least)
				die("an event came twice, or out of order");
			least = event.number + 1;
			ages_ns[n++] = silent_since_ns - event.sent_ns;
		}
		if (message)
			rd_kafka_message_destroy(message);
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile_us(const uint64_t *sorted, size_t n, double share)
{
	size_t at = (size_t)(share * (double)n);

	return (double)sorted[at < n ? at : n - 1] / 1e3;
}

int main(int argc, char **argv)
{
	size_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t *ages_ns = calloc(count, sizeof(*ages_ns));

	if (!count || !ages_ns)
		die("usage: event_reader BROKER TOPIC COUNT");
	rd_kafka_t *consumer = open_consumer(argv[1], argv[2]);
	wait_for_end(consumer);
	size_t n = read_events(consumer, count, ages_ns);
	if (n == 0)
		die("no event came");
	qsort(ages_ns, n, sizeof(*ages_ns), compare);
	printf("{\"events\":%zu,\"missing\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"p99_9\":%.1f,"
	       "\"max\":%.1f}\n",
	       n, count - n, percentile_us(ages_ns, n, .5), percentile_us(ages_ns, n, .99),
	       percentile_us(ages_ns, n, .999), (double)ages_ns[n - 1] / 1e3);
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	free(ages_ns);
	return 0;
}
