#!/usr/bin/env python3
"""Reads a stream of Weir with confluent-kafka.

confluent_reader.py BROKER read TOPIC GROUP [COUNT]   goes on where the group stopped, until COUNT records or SIGTERM
confluent_reader.py BROKER times TOPIC TIMESTAMP      where the records since then (ms since 1970) begin
confluent_reader.py BROKER admin TOPIC GROUP          the topics, and how far the group is

More settings of the consumer go behind COUNT (0: no end), as NAME=VALUE.
"""
import signal
import sys

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions as GroupOffsets
from confluent_kafka.admin import AdminClient, OffsetSpec

stopping = False


def stop(*_):
    global stopping
    stopping = True


def print_record(message):
    key = "-" if message.key() is None else message.key().hex()
    headers = ",".join(f"{name}={value.hex()}" for name, value in message.headers() or []) or "-"
    print(message.partition(), message.offset(), message.timestamp()[1], key, (message.value() or b"").hex(), headers,
          sep="\t", flush=True)


def print_assigned(_, partitions):
    print("assigned", sorted(one.partition for one in partitions), file=sys.stderr, flush=True)


def read(broker, topic, group, count="0", *settings):
    left = int(count) or sys.maxsize
    consumer = Consumer({
        "bootstrap.servers": broker,
        "group.id": group,
        "auto.offset.reset": "earliest",  # a new group begins with the oldest record
        "session.timeout.ms": 6000,
        "enable.auto.commit": False,  # only what was printed is committed
        "enable.auto.offset.store": False,
        **dict(one.split("=", 1) for one in settings),
    })
    consumer.subscribe([topic], on_assign=print_assigned)
    while left > 0 and not stopping:
        messages = consumer.consume(min(500, left), timeout=0.5)
        for message in messages:
            if message.error():
                sys.exit(str(message.error()))
            print_record(message)
            consumer.store_offsets(message)
        left -= len(messages)
        if messages:
            consumer.commit(asynchronous=False)
    consumer.close()  # leaves the group


def times(broker, topic, timestamp):
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "unused"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    for found in consumer.offsets_for_times([TopicPartition(topic, p, int(timestamp)) for p in sorted(partitions)], 10):
        print(found.partition, found.offset, sep="\t")  # -1: no such record
    consumer.close()


def admin(broker, topic, group):
    client = AdminClient({"bootstrap.servers": broker})
    topics = client.list_topics(timeout=10).topics
    for name in sorted(topics):
        print("topic", name, len(topics[name].partitions), sep="\t")
    described = client.describe_consumer_groups([group])[group].result()
    print("group", group, described.state.name.title(), sep="\t")
    partitions = [TopicPartition(topic, p) for p in sorted(topics[topic].partitions)]
    ends = client.list_offsets({one: OffsetSpec.latest() for one in partitions})
    committed = client.list_consumer_group_offsets([GroupOffsets(group, partitions)])[group].result()
    for one in committed.topic_partitions:
        print("committed", topic, one.partition, one.offset, ends[TopicPartition(topic, one.partition)].result().offset, sep="\t")


if len(sys.argv) < 5 or sys.argv[2] not in ("read", "times", "admin"):
    print("usage:", __doc__.partition("\n\n")[2].strip(), sep="\n", file=sys.stderr)
    sys.exit(2)
signal.signal(signal.SIGTERM, stop)
{"read": read, "times": times, "admin": admin}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
