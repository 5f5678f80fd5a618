"""The events of Nexmark, made by one SQL query over event numbers: the same number, seed and rate give the same event.

Apart from the suite because the data stands for itself: peers read the very files that headwater reads.
Proportions, hot keys, prices and lengths follow the generator of the Nexmark project (github.com/nexmark/nexmark,
``generator/model``, after Tucker, Tufte, Papadimos, Maier: NEXMark, 2002); as in the one of Apache Beam, a tenth of the
events arrives up to three seconds late.

``python -m benchmarks.nexmark.generator FOLDER --events 5000000 --epoch 200000 --format ndjson``
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import duckdb

__all__ = ["COLUMNS", "Format", "Stream", "event_query", "generate"]

Format = Literal["ndjson", "arrow", "parquet"]

PERSON: Final = (
    "STRUCT(id BIGINT, name VARCHAR, email VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, extra VARCHAR)"
)
AUCTION: Final = (
    "STRUCT(id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, expires TIMESTAMP, "
    "seller BIGINT, category BIGINT, extra VARCHAR)"
)
BID: Final = "STRUCT(auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, extra VARCHAR)"
COLUMNS: Final = {
    "event_type": "INTEGER",
    "date_time": "TIMESTAMP",
    "person": PERSON,
    "auction": AUCTION,
    "bid": BID,
}
"""Every event has a type (0 person, 1 auction, 2 bid), a time, and one of the three structures."""

FIRST_ID: Final = 1000
CYCLE: Final = 50
"""One person, three auctions, 46 bids, in this order, over and over."""
HOT: Final = 100
"""Of so many neighbouring ids one is hot."""
ACTIVE_PEOPLE: Final = 1000
IN_FLIGHT: Final = 100
LEAD: Final = 10
"""So many ids may be named before their person or auction appears."""
START: Final = "TIMESTAMP '2026-01-01 00:00:00'"
MAX_DELAY_MS: Final = 3000


@dataclass(frozen=True, slots=True)
class Stream:
    """``rate`` events a second of event time; ``bidders`` draws bidders from so many people, none of them hot."""

    rate: int = 10_000
    bidders: int | None = None
    seed: int = 1

    @staticmethod
    def wide(seed: int = 1) -> Stream:
        """About a million live sessions of ten seconds: two million bidders, 100 k events a second."""
        return Stream(rate=100_000, bidders=2_000_000, seed=seed)


@dataclass(frozen=True, slots=True)
class _Draws:
    """SQL of what chance decides about the event number ``i``; a ``salt`` tells one decision from another."""

    seed: int

    def below(self, salt: int, of: str) -> str:
        """A whole number from 0, less than ``of``."""
        return f"(hash(i, {salt}, {self.seed}) % ({of}))::BIGINT"

    def person(self, salt: int) -> str:
        """Somebody active, or soon to appear."""
        active = f"least(last_person + 1, {ACTIVE_PEOPLE})"
        return f"last_person + 1 - {active} + {self.below(salt, f'{active} + {LEAD}')}"

    def price(self, salt: int) -> str:
        """Six decades, evenly on the logarithm."""
        return f"round(pow(10, hash(i, {salt}, {self.seed}) / 18446744073709551616.0 * 6) * 100)::BIGINT"

    def text(self, salt: int, length: str) -> str:
        return f"left(repeat(md5(concat(i, ' ', {salt}, ' ', {self.seed})), 20), ({length})::BIGINT)"

    def one_of(self, salt: int, values: str) -> str:
        words = values.split(",")
        return f"{words!r}[1 + {self.below(salt, str(len(words)))}]"


def event_query(stream: Stream, first: int, count: int) -> str:
    """SQL of ``count`` events from number ``first`` on, in the order of their arrival, with :data:`COLUMNS`."""
    draws = _Draws(stream.seed)
    draw = draws.below
    return f"""
WITH numbered AS (
  SELECT range AS i, range // {CYCLE} AS cycle, range % {CYCLE} AS place FROM range({first}, {first + count})
), timed AS (
  SELECT
    i, least(place, 4) AS place, cycle AS last_person, 3 * cycle + least(place, 3) - 1 AS last_auction,
    {START} + to_milliseconds(
      i * 1000 // {stream.rate} - CASE WHEN {draw(7, "10")} = 0 THEN {draw(8, str(MAX_DELAY_MS))} ELSE 0 END
    ) AS date_time,
    CASE WHEN {draw(9, "2")} = 0 THEN 4 + {draw(10, "10000")} ELSE {draw(10, "4")} END AS channel
  FROM numbered
), addressed AS (
  SELECT
    *,
    CASE WHEN channel < 4 THEN ['Google', 'Facebook', 'Baidu', 'Apple'][1 + channel]
      ELSE concat('channel-', channel - 4) END AS channel_name,
    concat(
      'https://www.nexmark.com/',
      left(md5(channel::VARCHAR), 5), '/', md5(channel::VARCHAR)[6:10], '/', md5(channel::VARCHAR)[11:15],
      '/item.htm?query=1', CASE WHEN channel >= 4 AND channel % 10 > 0 THEN concat('&channel_id=', channel * 214733) END
    ) AS url
  FROM timed
)
SELECT
  CASE place WHEN 0 THEN 0 WHEN 4 THEN 2 ELSE 1 END::INTEGER AS event_type,
  date_time::TIMESTAMP AS date_time,
  CASE WHEN place = 0 THEN {_person(draws)} END AS person,
  CASE WHEN place BETWEEN 1 AND 3 THEN {_auction(draws, stream)} END AS auction,
  CASE WHEN place = 4 THEN {_bid(draws, stream)} END AS bid
FROM addressed
"""


def _person(draws: _Draws) -> str:
    digits = ", ".join(draws.below(salt, "10000") for salt in (24, 25, 26, 27))
    first = draws.one_of(20, "Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter")
    last = draws.one_of(21, "Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris")
    cities = "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne"
    return f"""{{
    'id': {FIRST_ID} + last_person,
    'name': concat({first}, ' ', {last}),
    'email': concat({draws.text(22, "7")}, '@', {draws.text(23, "5")}, '.com'),
    'credit_card': format('{{:04d}} {{:04d}} {{:04d}} {{:04d}}', {digits}),
    'city': {draws.one_of(28, cities)},
    'state': {draws.one_of(29, "AZ,CA,ID,OR,WA,WY")},
    'extra': {draws.text(30, "80 + " + draws.below(31, "80"))}
  }}"""


def _auction(draws: _Draws, stream: Stream) -> str:
    horizon = IN_FLIGHT * CYCLE // 3 * 1000 // stream.rate
    seller = f"CASE WHEN {draws.below(5, '4')} > 0 THEN last_person // {HOT} * {HOT} ELSE {draws.person(6)} END"
    return f"""{{
    'id': {FIRST_ID} + last_auction,
    'item_name': {draws.text(40, "3 + " + draws.below(41, "18"))},
    'description': {draws.text(42, "3 + " + draws.below(43, "98"))},
    'initial_bid': {draws.price(44)},
    'reserve': {draws.price(44)} + {draws.price(45)},
    'expires': date_time + to_milliseconds(1 + {draws.below(46, str(max(2 * horizon, 1)))}),
    'seller': {FIRST_ID} + {seller},
    'category': 10 + {draws.below(47, "5")},
    'extra': {draws.text(48, "300 + " + draws.below(49, "160"))}
  }}"""


def _bid(draws: _Draws, stream: Stream) -> str:
    oldest = f"greatest(last_auction - {IN_FLIGHT}, 0)"
    near = f"{oldest} + {draws.below(2, f'last_auction - {oldest} + 1 + {LEAD}')}"
    hot = f"last_person // {HOT} * {HOT} + 1"
    bidder = (
        draws.below(3, str(stream.bidders))
        if stream.bidders
        else f"CASE WHEN {draws.below(3, '4')} > 0 THEN {hot} ELSE {draws.person(4)} END"
    )
    length = "greatest(88 + " + draws.below(52, "40") + " - length(url) - length(channel_name) - 24, 0)"
    return f"""{{
    'auction': {FIRST_ID} + CASE WHEN {draws.below(1, "2")} > 0 THEN last_auction // {HOT} * {HOT} ELSE {near} END,
    'bidder': {FIRST_ID} + {bidder},
    'price': {draws.price(50)},
    'channel': channel_name,
    'url': url,
    'extra': {draws.text(51, length)}
  }}"""


def generate(
    folder: Path, stream: Stream, *, events: int, epoch: int, format: Format, threads: int = 2
) -> Iterator[Path]:
    """Write a stream as files of ``epoch`` events, one at a time; yields each when it is whole.

    Memory is that of one batch of rows, whatever the number of events.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": threads}) as connection:
        for number, first in enumerate(range(0, events, epoch)):
            query = event_query(stream, first, min(epoch, events - first))
            path = folder / f"{number:06}.{format}"
            partial = path.with_name(f".{path.name}.{os.getpid()}")
            _write(connection, query, partial, format)
            partial.replace(path)
            yield path


def _write(connection: duckdb.DuckDBPyConnection, query: str, path: Path, format: Format) -> None:
    match format:
        case "ndjson":
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT json, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%g')")
        case "parquet":
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        case "arrow":
            import pyarrow

            rows = connection.sql(query).to_arrow_reader(100_000)
            with pyarrow.ipc.new_file(str(path), rows.schema) as writer:
                for batch in rows:
                    writer.write_batch(batch)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nexmark.generator", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--epoch", type=int, default=200_000, help="events in a file")
    parser.add_argument("--format", choices=get_args(Format), default="ndjson")
    parser.add_argument("--wide", action="store_true", help="2 M bidders at 100 k events a second")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    stream = Stream.wide(arguments.seed) if arguments.wide else Stream(seed=arguments.seed)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    started = time.perf_counter()
    size = 0
    for path in generate(
        arguments.folder, stream, events=arguments.events, epoch=arguments.epoch, format=arguments.format
    ):
        size += path.stat().st_size
    seconds = time.perf_counter() - started
    print(
        f"{arguments.events:,} events, {size / 1e6:,.0f} MB, {size / arguments.events:.0f} bytes each, {seconds:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
