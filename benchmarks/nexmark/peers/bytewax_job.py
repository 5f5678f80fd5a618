"""One query in Bytewax, one worker: run by the Python of its own environment, without this repository.

``bytewax_job.py QUERY FOLDER OUT``: OUT gets the results as CSV. q7 keeps the highest bid itself instead of joining
bids with it, which is the cheaper question. Prints ``{"seconds": .., "events": ..}`` of the run, without imports.
"""

import csv
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators.windowing import EventClock, SessionWindower, SlidingWindower, TumblingWindower
from bytewax.testing import TestingSink, run_main

START = datetime(1970, 1, 1, tzinfo=UTC)
TEN = timedelta(seconds=10)
BATCH = 1000


class Lines(StatefulSourcePartition[bytes, None]):
    """The lines of all files, in order."""

    def __init__(self, folder: Path) -> None:
        self._lines = self._read(folder)
        self.count = 0

    def _read(self, folder: Path) -> Iterator[bytes]:
        for path in sorted(folder.glob("*.ndjson")):
            with path.open("rb") as lines:
                yield from lines

    def next_batch(self) -> list[bytes]:
        batch = [line for _, line in zip(range(BATCH), self._lines, strict=False)]
        if not batch:
            raise StopIteration
        self.count += len(batch)
        return batch

    def snapshot(self) -> None:
        return None


class Files(FixedPartitionedSource[bytes, None]):
    def __init__(self, folder: Path) -> None:
        self.lines = Lines(folder)

    def list_parts(self) -> list[str]:
        return ["all"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> Lines:  # noqa: ARG002
        return self.lines


def clock(place: int) -> Any:
    return EventClock(ts_getter=lambda event: event[place], wait_for_system_duration=timedelta(seconds=4))


def bids(flow: Any) -> Any:
    """Auction, bidder, price, time and extra."""

    def of(line: bytes) -> Any:
        event = orjson.loads(line)
        bid = event["bid"]
        return bid and (bid["auction"], bid["bidder"], bid["price"], at(event), bid["extra"])

    return op.filter_map("bids", flow, of)


def at(event: Any) -> datetime:
    return datetime.fromisoformat(event["date_time"]).replace(tzinfo=UTC)


def q5(lines: Any) -> Any:
    keyed = op.key_on("key", bids(lines), lambda bid: str(bid[0]))
    windower = SlidingWindower(length=TEN, offset=timedelta(seconds=2), align_to=START)
    counted = win.collect_window(
        "count", op.map_value("slim", keyed, lambda bid: (0, 0, 0, bid[3])), clock(3), windower
    )
    by_window = op.map("window", counted.down, lambda item: (str(item[1][0]), [(item[0], len(item[1][1]))]))

    def most(left: Any, right: Any) -> Any:
        if left[0][1] != right[0][1]:
            return max(left, right, key=lambda found: found[0][1])
        return left + right

    best = op.reduce_final("most", by_window, most)

    def rows(item: Any) -> Any:
        start = START + timedelta(seconds=2) * int(item[0])
        return [(start, start + TEN, int(auction), count) for auction, count in item[1]]

    return op.flat_map("rows", best, rows)


def q7(lines: Any) -> Any:
    keyed = op.key_on("key", bids(lines), lambda _: "all")
    windower = TumblingWindower(length=TEN, align_to=START)
    best = win.reduce_window(
        "best", keyed, clock(3), windower, lambda left, right: max(left, right, key=lambda b: b[2])
    )
    return op.map("rows", best.down, lambda item: item[1][1])


def q8(lines: Any) -> Any:
    def of(line: bytes) -> Any:
        event = orjson.loads(line)
        if event["event_type"] == 0:
            return str(event["person"]["id"]), ("person", event["person"]["name"], at(event))
        return (str(event["auction"]["seller"]), ("auction", "", at(event))) if event["event_type"] == 1 else None

    windower = TumblingWindower(length=TEN, align_to=START)
    gathered = win.collect_window("gather", op.filter_map("parse", lines, of), clock(2), windower)

    def rows(item: Any) -> Any:
        key, (window, found) = item
        names = {name for kind, name, _ in found if kind == "person"}
        sells = any(kind == "auction" for kind, _, _ in found)
        return [(int(key), name, START + TEN * window) for name in names] if sells else []

    return op.flat_map("rows", gathered.down, rows)


def q11(lines: Any) -> Any:
    keyed = op.key_on("key", bids(lines), lambda bid: str(bid[1]))
    spans = op.map_value("slim", keyed, lambda bid: (1, bid[3], bid[3]))

    def grow(left: Any, right: Any) -> Any:
        return left[0] + right[0], min(left[1], right[1]), max(left[2], right[2])

    sessions = win.reduce_window("count", spans, clock(1), SessionWindower(gap=TEN), grow)
    return op.map("rows", sessions.down, lambda item: (int(item[0]), item[1][1][0], item[1][1][1], item[1][1][2] + TEN))


def main() -> None:
    query, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    source = Files(folder)
    found: list[Any] = []
    flow = Dataflow("nexmark")
    lines = op.input("lines", flow, source)
    op.output("out", {"q5": q5, "q7": q7, "q8": q8, "q11": q11}[query](lines), TestingSink(found))
    started = time.perf_counter()
    run_main(flow)
    seconds = time.perf_counter() - started
    with out.open("w", newline="") as file:
        csv.writer(file).writerows(
            [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in row] for row in found
        )
    print(json.dumps({"seconds": seconds, "events": source.lines.count}))


if __name__ == "__main__":
    main()
