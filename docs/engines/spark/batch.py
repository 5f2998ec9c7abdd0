#!/usr/bin/env python3
"""Reads parts of a stream of Weir as Spark tables: all of it, between two offsets, between two times.

batch.py BROKER TOPIC FOLDER FROM TO SINCE UNTIL

FROM to TO: offsets, of each partition; SINCE to UNTIL: ms since 1970; the ends are exclusive. Writes all.tsv, offsets.tsv and
times.tsv into FOLDER. SPARK_JARS: the connector and what it needs, with commas between.
"""
import json
import os
import sys

from pyspark.sql import SparkSession

if len(sys.argv) != 8:
    print("usage:", __doc__.split("\n")[2], file=sys.stderr)
    sys.exit(2)
broker, topic, folder, first, end, since, until = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", os.environ["SPARK_JARS"])
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)


def read(name, **options):
    source = spark.read.format("kafka").option("kafka.bootstrap.servers", broker).option("includeHeaders", "true")
    records = source.options(subscribe=topic, **options).load()
    lines = records.orderBy("partition", "offset").selectExpr(
        "partition", "offset", "unix_millis(timestamp)", "coalesce(lower(hex(key)), '-')", "lower(hex(value))",
        "coalesce(array_join(transform(headers, h -> h.key || '=' || lower(hex(h.value))), ','), '-')")
    with open(os.path.join(folder, name), "w") as out:
        for line in lines.collect():
            print(*line, sep="\t", file=out)
    return [row.partition for row in records.select("partition").distinct().collect()]


def everywhere(value):
    return json.dumps({topic: {str(partition): int(value) for partition in partitions}})


partitions = read("all.tsv")
read("offsets.tsv", startingOffsets=everywhere(first), endingOffsets=everywhere(end))
read("times.tsv", startingOffsetsByTimestamp=everywhere(since), endingOffsetsByTimestamp=everywhere(until))
spark.stop()
