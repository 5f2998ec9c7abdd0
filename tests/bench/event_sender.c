/*
 * Sends events at an even rate, each with the time at which it was handed over: as UDP packets, or
 * to a Kafka broker by librdkafka's producer with acks=1.
 *
 *     event_sender udp HOST PORT RATE COUNT
 *     event_sender kafka BROKER TOPIC RATE COUNT LINGER_MS
 *
 * An event whose time has passed goes at once. Exit 0: all were handed over, and the broker has
 * acknowledged all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <librdkafka/rdkafka.h>

#include "bench_tool.h"
#include "stamped_event.h"

enum { FLUSH_MS = 10000 };

static struct {
	int fd;
	struct sockaddr_in to;
	rd_kafka_t *producer;
	rd_kafka_topic_t *topic;
	uint64_t failed;
} g;

static void open_udp(const char *host, const char *port)
{
	g.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	g.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (g.fd < 0 || inet_pton(AF_INET, host, &g.to.sin_addr) != 1)
		die("no address to send to");
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
	(void)producer, (void)opaque;
	g.failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void open_kafka(const char *broker, const char *topic, const char *linger_ms)
{
	const char *const settings[][2] = {
		{"bootstrap.servers", broker}, {"linger.ms", linger_ms}, {"acks", "1"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256] = "";

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error)))
			die("%s", error);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	g.producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	if (!g.producer)
		die("%s", error);
	g.topic = rd_kafka_topic_new(g.producer, topic, NULL);
	/* Connected before the first event. */
	const struct rd_kafka_metadata *metadata;
	if (!g.topic || rd_kafka_metadata(g.producer, 0, g.topic, &metadata, FLUSH_MS))
		die("the broker does not answer");
	rd_kafka_metadata_destroy(metadata);
}

static void hand_over(uint64_t number)
{
	uint8_t bytes[STAMPED_EVENT_BYTES] = {0};
	struct stamped_event event = {.number = number, .sent_ns = now_ns()};

	memcpy(bytes, &event, sizeof(event));
	if (!g.producer) {
		/* Not connected: the receiver's kernel says that nobody listens there. */
		g.failed += sendto(g.fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&g.to,
				   sizeof(g.to)) != (ssize_t)sizeof(bytes);
		return;
	}
	if (rd_kafka_produce(g.topic, 0, RD_KAFKA_MSG_F_COPY, bytes, sizeof(bytes), NULL, 0, NULL))
		g.failed++;
	rd_kafka_poll(g.producer, 0);
}

static void send_all(double rate, uint64_t count)
{
	uint64_t start_ns = now_ns();

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at_ns = start_ns + (uint64_t)((double)i * 1e9 / rate);
		struct timespec at = {.tv_sec = (time_t)(at_ns / UINT64_C(1000000000)),
				      .tv_nsec = (long)(at_ns % UINT64_C(1000000000))};

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			;
		hand_over(i);
	}
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "udp") == 0)
		open_udp(argv[2], argv[3]);
	else if (argc == 7 && strcmp(argv[1], "kafka") == 0)
		open_kafka(argv[2], argv[3], argv[6]);
	else
		die("usage: udp HOST PORT RATE COUNT | kafka BROKER TOPIC RATE COUNT LINGER_MS");
	send_all(atof(argv[4]), strtoull(argv[5], NULL, 10));
	if (g.producer && rd_kafka_flush(g.producer, FLUSH_MS))
		die("not all events were acknowledged");
	if (g.failed)
		die("some events could not be handed over");
	return 0;
}
