"""One query in Flink SQL, local: run by the Python of Flink's own environment, without anything of this repository.

``flink_job.py QUERY.sql SOURCE SINK COLUMNS EVENTS``: SOURCE is a folder of NDJSON files, ``datagen`` or
``datagen-wide``; SINK a folder for CSV files or ``blackhole``; COLUMNS its columns as SQL. Prints
``{"seconds": ..}``, the net run time of the job.
"""

import json
import sys
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

WATERMARK = "WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND"

FILES = """
CREATE TABLE events (
  event_type INT,
  date_time TIMESTAMP(3),
  person ROW<id BIGINT, name STRING, email STRING, credit_card STRING, city STRING, state STRING, extra STRING>,
  auction ROW<id BIGINT, item_name STRING, description STRING, initial_bid BIGINT, reserve BIGINT,
    expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, extra STRING>,
  {watermark}
) WITH (
  'connector' = 'filesystem', 'path' = 'file://{folder}', 'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
)
"""

VIEWS = """
CREATE VIEW persons AS SELECT person.id AS id, person.name AS name, person.city AS city, person.state AS state,
  date_time FROM events WHERE event_type = 0;
CREATE VIEW auctions AS SELECT auction.id AS id, auction.item_name AS item_name, auction.initial_bid AS initial_bid,
  auction.reserve AS reserve, auction.expires AS expires, auction.seller AS seller, auction.category AS category,
  date_time FROM events WHERE event_type = 1;
CREATE VIEW bids AS SELECT bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel,
  bid.url AS url, date_time, bid.extra AS extra FROM events WHERE event_type = 2
"""

GENERATED = """
CREATE TABLE made (
  number BIGINT, late INT, delay INT, hot_auction INT, near_auction INT,
  hot_bidder INT, near_bidder INT, wide_bidder INT, digits DOUBLE, category INT, extra STRING,
  last_person AS number / 50,
  last_auction AS 3 * (number / 50) + 2,
  place AS MOD(number, 50),
  date_time AS CAST(TO_TIMESTAMP_LTZ(
    1767225600000 + number * 1000 / {rate} - CASE WHEN late = 0 THEN delay ELSE 0 END, 3) AS TIMESTAMP(3)),
  {watermark}
) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000000000',
  'fields.number.kind' = 'sequence', 'fields.number.start' = '0', 'fields.number.end' = '{last}',
  'fields.late.min' = '0', 'fields.late.max' = '9', 'fields.delay.min' = '0', 'fields.delay.max' = '2999',
  'fields.hot_auction.min' = '0', 'fields.hot_auction.max' = '1',
  'fields.near_auction.min' = '0', 'fields.near_auction.max' = '110',
  'fields.hot_bidder.min' = '0', 'fields.hot_bidder.max' = '3',
  'fields.near_bidder.min' = '0', 'fields.near_bidder.max' = '1009',
  'fields.wide_bidder.min' = '0', 'fields.wide_bidder.max' = '1999999',
  'fields.digits.min' = '0', 'fields.digits.max' = '6',
  'fields.category.min' = '10', 'fields.category.max' = '14', 'fields.extra.length' = '10'
);
CREATE VIEW persons AS SELECT 1000 + last_person AS id, extra AS name, extra AS city, extra AS state, date_time
  FROM made WHERE place = 0;
CREATE VIEW auctions AS SELECT 1000 + 3 * last_person + place - 1 AS id,
  1000 + CASE WHEN hot_bidder > 0 THEN last_person / 100 * 100
    ELSE GREATEST(last_person - 999, 0) + near_bidder END AS seller,
  CAST(category AS BIGINT) AS category, date_time FROM made WHERE place BETWEEN 1 AND 3;
CREATE VIEW bids AS SELECT
  1000 + CASE WHEN hot_auction > 0 THEN last_auction / 100 * 100
    ELSE GREATEST(last_auction - 100, 0) + near_auction END AS auction,
  {bidder} AS bidder, CAST(POWER(10, digits) * 100 AS BIGINT) AS price, extra AS channel, extra AS url, date_time, extra
  FROM made WHERE place > 3
"""
NEAR = (
    "1000 + CASE WHEN hot_bidder > 0 THEN last_person / 100 * 100 + 1 "
    "ELSE GREATEST(last_person - 999, 0) + near_bidder END"
)
WIDE = "1000 + CAST(wide_bidder AS BIGINT)"


def main() -> None:
    file, source, sink, columns, events = sys.argv[1:6]
    query = Path(file).read_text()
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    settings = tables.get_config()
    settings.set("parallelism.default", "2")
    settings.set("table.local-time-zone", "UTC")
    if source in ("datagen", "datagen-wide"):
        wide = source == "datagen-wide"
        ddl = GENERATED.format(
            watermark=WATERMARK, last=int(events) - 1, rate=100_000 if wide else 10_000, bidder=WIDE if wide else NEAR
        )
    else:
        ddl = FILES.format(watermark=WATERMARK, folder=source) + ";" + VIEWS
    for statement in ddl.split(";"):
        tables.execute_sql(statement)
    target = (
        "'connector' = 'blackhole'"
        if sink == "blackhole"
        else f"'connector' = 'filesystem', 'path' = 'file://{sink}', 'format' = 'csv'"
    )
    tables.execute_sql(f"CREATE TABLE sink ({columns}) WITH ({target})")
    job = tables.execute_sql(f"INSERT INTO sink {query}").get_job_client()
    net = job.get_job_execution_result().result().get_net_runtime()
    print(json.dumps({"seconds": net / 1000}))


if __name__ == "__main__":
    main()
