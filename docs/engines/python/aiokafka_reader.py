#!/usr/bin/env python3
"""Reads a stream of Weir with aiokafka.

aiokafka_reader.py BROKER read TOPIC GROUP [COUNT]   goes on where the group stopped, until COUNT records or SIGTERM
aiokafka_reader.py BROKER times TOPIC TIMESTAMP      where the records since then (ms since 1970) begin
aiokafka_reader.py BROKER admin TOPIC GROUP          the topics, and how far the group is
"""
import asyncio
import signal
import sys

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient


def print_record(record):
    key = "-" if record.key is None else record.key.hex()
    headers = ",".join(f"{name}={value.hex()}" for name, value in record.headers) or "-"
    print(record.partition, record.offset, record.timestamp, key, (record.value or b"").hex(), headers, sep="\t", flush=True)


class PrintAssigned(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        pass  # what was printed is committed already

    def on_partitions_assigned(self, assigned):
        print("assigned", sorted(one.partition for one in assigned), file=sys.stderr, flush=True)


async def read(broker, topic, group, count="0"):
    left = int(count) or sys.maxsize
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        group_id=group,
        auto_offset_reset="earliest",  # a new group begins with the oldest record
        session_timeout_ms=6000,
        heartbeat_interval_ms=2000,
        enable_auto_commit=False,  # only what was printed is committed
    )
    consumer.subscribe([topic], listener=PrintAssigned())
    async with consumer:
        while left > 0 and not stopping.is_set():
            batch = await consumer.getmany(timeout_ms=500, max_records=min(500, left))
            for records in batch.values():
                for record in records:
                    print_record(record)
                left -= len(records)
            if batch:
                await consumer.commit()


async def times(broker, topic, timestamp):
    async with AIOKafkaConsumer(topic, bootstrap_servers=broker) as consumer:
        wanted = {TopicPartition(topic, p): int(timestamp) for p in consumer.partitions_for_topic(topic)}
        for one, found in sorted((await consumer.offsets_for_times(wanted)).items()):
            print(one.partition, found.offset if found else -1, sep="\t")  # -1: no such record


async def admin(broker, topic, group):
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    for found in sorted(await client.describe_topics(), key=lambda found: found["topic"]):
        if not found["is_internal"]:
            print("topic", found["topic"], len(found["partitions"]), sep="\t")
    described = (await client.describe_consumer_groups([group]))[0].to_object()["groups"][0]
    print("group", group, described["state"], sep="\t")
    committed = await client.list_consumer_group_offsets(group)
    async with AIOKafkaConsumer(bootstrap_servers=broker) as consumer:
        ends = await consumer.end_offsets([one for one in committed if one.topic == topic])
    for one in sorted(ends):
        print("committed", topic, one.partition, committed[one].offset, ends[one], sep="\t")
    await client.close()


if len(sys.argv) < 5 or sys.argv[2] not in ("read", "times", "admin"):
    print("usage:", __doc__.partition("\n\n")[2].strip(), sep="\n", file=sys.stderr)
    sys.exit(2)
asyncio.run({"read": read, "times": times, "admin": admin}[sys.argv[2]](sys.argv[1], *sys.argv[3:]))
