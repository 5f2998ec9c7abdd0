#!/usr/bin/env python3
"""Reads a stream of Weir with kafka-python.

kafka_python_reader.py BROKER read TOPIC GROUP [COUNT]   goes on where the group stopped, until COUNT records or SIGTERM
kafka_python_reader.py BROKER times TOPIC TIMESTAMP      where the records since then (ms since 1970) begin
kafka_python_reader.py BROKER admin TOPIC GROUP          the topics, and how far the group is
"""
import signal
import sys

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener

stopping = False


def stop(*_):
    global stopping
    stopping = True


def print_record(record):
    key = "-" if record.key is None else record.key.hex()
    headers = ",".join(f"{name}={value.hex()}" for name, value in record.headers) or "-"
    print(record.partition, record.offset, record.timestamp, key, (record.value or b"").hex(), headers, sep="\t", flush=True)


class PrintAssigned(ConsumerRebalanceListener):
    def __init__(self, consumer):
        self.consumer = consumer

    def on_partitions_revoked(self, revoked):
        pass  # what was printed is committed already

    def on_partitions_assigned(self, assigned):
        print("assigned", sorted(one.partition for one in self.consumer.assignment()), file=sys.stderr, flush=True)


def read(broker, topic, group, count="0"):
    left = int(count) or sys.maxsize
    consumer = KafkaConsumer(
        bootstrap_servers=broker,
        group_id=group,
        auto_offset_reset="earliest",  # a new group begins with the oldest record
        session_timeout_ms=6000,
        heartbeat_interval_ms=2000,
        enable_auto_commit=False,  # only what was printed is committed
    )
    consumer.subscribe([topic], listener=PrintAssigned(consumer))
    while left > 0 and not stopping:
        batch = consumer.poll(timeout_ms=500, max_records=min(500, left))
        for records in batch.values():
            for record in records:
                print_record(record)
            left -= len(records)
        if batch:
            consumer.commit()
    consumer.close()


def times(broker, topic, timestamp):
    consumer = KafkaConsumer(bootstrap_servers=broker)
    wanted = {TopicPartition(topic, p): int(timestamp) for p in consumer.partitions_for_topic(topic)}
    for one, found in sorted(consumer.offsets_for_times(wanted).items()):
        print(one.partition, found.offset if found else -1, sep="\t")  # -1: no such record
    consumer.close()


def admin(broker, topic, group):
    client = KafkaAdminClient(bootstrap_servers=broker)
    for found in sorted(client.describe_topics(), key=lambda found: found["name"]):
        if not found["is_internal"]:
            print("topic", found["name"], len(found["partitions"]), sep="\t")
    print("group", group, client.describe_groups([group])[group]["group_state"], sep="\t")
    committed = client.list_group_offsets({group: None})[group]
    consumer = KafkaConsumer(bootstrap_servers=broker)
    ends = consumer.end_offsets([one for one in committed if one.topic == topic])
    for one in sorted(ends):
        print("committed", topic, one.partition, committed[one].offset, ends[one], sep="\t")
    consumer.close()
    client.close()


if len(sys.argv) < 5 or sys.argv[2] not in ("read", "times", "admin"):
    print("usage:", __doc__.partition("\n\n")[2].strip(), sep="\n", file=sys.stderr)
    sys.exit(2)
signal.signal(signal.SIGTERM, stop)
{"read": read, "times": times, "admin": admin}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
