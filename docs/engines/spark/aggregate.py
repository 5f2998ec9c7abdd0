#!/usr/bin/env python3
"""Counts a stream of Weir by sender and second, in SQL, as it comes; the checkpoint makes the result exact over restarts.

aggregate.py BROKER TOPIC FOLDER [--available]

The result stands in FOLDER/result.tsv, the checkpoint in FOLDER/checkpoint. --available: ends when it has read what is there.
SPARK_JARS: the connector and what it needs, with commas between.
"""
import os
import sys

from pyspark.sql import SparkSession

if len(sys.argv) < 4:
    print("usage:", __doc__.split("\n")[2], file=sys.stderr)
    sys.exit(2)
broker, topic, folder = sys.argv[1:4]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", os.environ["SPARK_JARS"])
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .getOrCreate()
)


def write_result(rows, batch):
    part = os.path.join(folder, "result.tsv.part")
    with open(part, "w") as out:
        for row in sorted(rows.collect()):
            print(*row, sep="\t", file=out)
    os.rename(part, os.path.join(folder, "result.tsv"))
    print("batch", batch, flush=True)


(
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", broker)
    .option("subscribe", topic)
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", 300)
    .load()
    .createOrReplaceTempView("records")
)
counts = spark.sql("""
    SELECT coalesce(CAST(key AS STRING), '-') AS sender, unix_seconds(timestamp) AS second,
           count(*) AS records, sum(length(value)) AS bytes, sum(crc32(value)) AS checksum
    FROM records
    GROUP BY sender, second
""")
query = counts.writeStream.outputMode("complete").foreachBatch(write_result)
query = query.option("checkpointLocation", os.path.join(folder, "checkpoint"))
query.trigger(**({"availableNow": True} if "--available" in sys.argv else {"processingTime": "0 seconds"})).start().awaitTermination()
spark.stop()
