#!/usr/bin/env python3
"""A Ray job over a stream of Weir: tasks read a partition each with confluent-kafka, batches of it are mapped.

map_batches.py BROKER TOPIC FOLDER

Writes the records to FOLDER/records.tsv, and to FOLDER/totals.tsv each partition's records, bytes and sum of CRC-32s.
"""
import os
import sys
import zlib

import pyarrow
import ray
from confluent_kafka.admin import AdminClient

if len(sys.argv) != 4:
    print("usage:", __doc__.split("\n")[2], file=sys.stderr)
    sys.exit(2)
broker, topic, folder = sys.argv[1:]


@ray.remote
def read_partition(partition):
    """All that is there now, as a table."""
    from confluent_kafka import Consumer, TopicPartition  # here, for Ray cannot carry its classes to a worker

    consumer = Consumer({"bootstrap.servers": broker, "group.id": "unused", "enable.auto.commit": False})
    start, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
    consumer.assign([TopicPartition(topic, partition, start)])
    rows = []
    while start < end:
        for message in consumer.consume(1000, timeout=1):
            if message.error():
                raise RuntimeError(message.error().str())
            start = message.offset() + 1
            rows.append({"partition": partition, "offset": message.offset(), "time": message.timestamp()[1],
                         "key": message.key(), "value": message.value()})
    consumer.close()
    return pyarrow.Table.from_pylist(rows)


def measure(batch):
    batch["size"] = [len(value) for value in batch["value"]]
    batch["checksum"] = [zlib.crc32(value) for value in batch["value"]]
    return batch


ray.init(num_cpus=2, _node_ip_address="127.0.0.1", include_dashboard=False, object_store_memory=256 << 20)
partitions = AdminClient({"bootstrap.servers": broker}).list_topics(topic, timeout=10).topics[topic].partitions
records = ray.data.from_arrow_refs([read_partition.remote(partition) for partition in sorted(partitions)])
table = records.map_batches(measure, batch_format="pandas", batch_size=500).to_pandas().sort_values(["partition", "offset"])

with open(os.path.join(folder, "records.tsv"), "w") as out:
    for row in table.itertuples():
        print(row.partition, row.offset, row.time, "-" if row.key is None else row.key.hex(), row.value.hex(), sep="\t", file=out)
totals = table.groupby("partition").agg(records=("offset", "count"), bytes=("size", "sum"), checksum=("checksum", "sum"))
totals.to_csv(os.path.join(folder, "totals.tsv"), sep="\t", header=False)
ray.shutdown()
