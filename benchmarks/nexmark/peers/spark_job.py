"""One query in Spark Structured Streaming: run by the Python of its own environment, without this repository.

``spark_job.py QUERY FORMAT FOLDER OUT CHECKPOINT``: reads what there is, one file a micro-batch, and stops; windows
that the watermark has not passed stay open. q7 keeps the highest bid itself instead of joining bids with it, which is
the cheaper question. Prints ``{"seconds": .., "files": ..}`` of all micro-batches but the first.
"""

import json
import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

SCHEMA = """
event_type INT, date_time TIMESTAMP,
person STRUCT<id: BIGINT, name: STRING, email: STRING, credit_card: STRING, city: STRING, state: STRING, extra: STRING>,
auction STRUCT<id: BIGINT, item_name: STRING, description: STRING, initial_bid: BIGINT, reserve: BIGINT,
  expires: TIMESTAMP, seller: BIGINT, category: BIGINT, extra: STRING>,
bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, channel: STRING, url: STRING, extra: STRING>
"""


def q5(events: DataFrame) -> DataFrame:
    counted = (
        bids(events)
        .groupBy(f.window("date_time", "10 seconds", "2 seconds"), "auction")
        .agg(f.count("*").alias("bids"))
    )
    ranked = counted.groupBy("window").agg(
        f.max("bids").alias("bids"), f.collect_list(f.struct("auction", "bids")).alias("all")
    )
    best = ranked.select("window", "bids", f.expr("filter(all, x -> x.bids = bids)").alias("best"))
    return best.select(*edges(), f.explode("best.auction").alias("auction"), "bids")


def q7(events: DataFrame) -> DataFrame:
    row = f.struct("price", "auction", "bidder", "date_time", "extra")
    best = bids(events).groupBy(f.window("date_time", "10 seconds")).agg(f.max(row).alias("best"))
    return best.select("best.auction", "best.bidder", "best.price", "best.date_time", "best.extra")


def q8(events: DataFrame) -> DataFrame:
    people = (
        events.where("event_type = 0")
        .select("person.id", "person.name", "date_time")
        .groupBy(f.window("date_time", "10 seconds"), "id", "name")
        .agg(f.count("*").alias("n"))
    )
    sellers = (
        events.where("event_type = 1")
        .select(f.col("auction.seller").alias("seller"), "date_time")
        .groupBy(f.window("date_time", "10 seconds"), "seller")
        .agg(f.count("*").alias("m"))
        .withColumnRenamed("window", "during")
    )
    joined = people.join(sellers, (f.col("id") == f.col("seller")) & (f.col("window") == f.col("during")))
    return joined.select("id", "name", f.col("window.start").alias("window_start"))


def q11(events: DataFrame) -> DataFrame:
    sessions = (
        bids(events).groupBy(f.session_window("date_time", "10 seconds"), "bidder").agg(f.count("*").alias("bids"))
    )
    return sessions.withColumnRenamed("session_window", "window").select("bidder", "bids", *edges())


def bids(events: DataFrame) -> DataFrame:
    return events.where("event_type = 2").select("bid.*", "date_time")


def edges() -> list[object]:
    return [f.col("window.start").alias("window_start"), f.col("window.end").alias("window_end")]


QUERIES = {"q5": q5, "q7": q7, "q8": q8, "q11": q11}


def main() -> None:
    query, written_as, folder, out, checkpoint = sys.argv[1:6]
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "6g")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    reader = session.readStream.schema(SCHEMA).option("maxFilesPerTrigger", 1)
    events = reader.format("json" if written_as == "ndjson" else written_as).load(folder)
    events = events.withWatermark("date_time", "4 seconds")
    writer = QUERIES[query](events).writeStream.format("parquet").option("path", out)
    stream = writer.option("checkpointLocation", checkpoint).trigger(availableNow=True).outputMode("append").start()
    stream.awaitTermination()
    batches = [json.loads(batch.json) for batch in stream.recentProgress]
    seconds = sum(batch["durationMs"]["triggerExecution"] for batch in batches[1:]) / 1000
    print(json.dumps({"seconds": seconds, "files": sum(batch["numInputRows"] > 0 for batch in batches[1:])}))


if __name__ == "__main__":
    main()
