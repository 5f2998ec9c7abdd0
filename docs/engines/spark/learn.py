#!/usr/bin/env python3
"""Learns with MLlib what a stream of Weir looks like, then sorts the stream by it as it comes.

learn.py BROKER TOPIC FOLDER

KMeans over the records' length, digits and blanks. Writes the centres to FOLDER/centres.tsv, and to FOLDER/clusters.tsv how
many records of the stream went to each. SPARK_JARS: the connector and what it needs, with commas between.
"""
import os
import sys

from pyspark.ml import Pipeline
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

if len(sys.argv) != 4:
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
options = {"kafka.bootstrap.servers": broker, "subscribe": topic, "startingOffsets": "earliest"}


def features(records):
    bare = "length(value) - length(regexp_replace(CAST(value AS STRING), '{}', ''))"
    return records.selectExpr("CAST(length(value) AS DOUBLE) AS size", f"CAST({bare.format('[0-9]')} AS DOUBLE) AS digits",
                              f"CAST({bare.format(' ')} AS DOUBLE) AS blanks")


def write_rows(name, rows):
    with open(os.path.join(folder, name), "w") as out:
        for row in rows:
            print(*row, sep="\t", file=out)


pipeline = Pipeline(stages=[
    VectorAssembler(inputCols=["size", "digits", "blanks"], outputCol="features"),
    KMeans(k=4, seed=1, predictionCol="cluster"),
])
model = pipeline.fit(features(spark.read.format("kafka").options(**options).load()))
write_rows("centres.tsv", model.stages[1].clusterCenters())

stream = spark.readStream.format("kafka").options(**options, maxOffsetsPerTrigger=1000).load()
counts = model.transform(features(stream)).groupBy("cluster").count()
query = counts.writeStream.outputMode("complete").foreachBatch(
    lambda rows, batch: write_rows("clusters.tsv", sorted(rows.collect())))
query.option("checkpointLocation", os.path.join(folder, "checkpoint-learn")).trigger(availableNow=True).start().awaitTermination()
spark.stop()
