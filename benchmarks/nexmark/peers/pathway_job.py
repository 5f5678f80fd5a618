"""One query in Pathway, static mode, two threads: run by the Python of its own environment, without this repository.

``pathway_job.py QUERY FOLDER OUT``: OUT gets the results as CSV. q7 keeps the highest bid itself instead of joining
bids with it, which is the cheaper question. Prints ``{"seconds": .., "events": ..}`` of the run, without imports.
"""

import csv
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ["PATHWAY_THREADS"] = "2"  # read when it is imported

import pathway as pw

TEN = timedelta(seconds=10)
WHEN = "%Y-%m-%dT%H:%M:%S.%f"


class Event(pw.Schema):
    event_type: int
    date_time: str
    person: pw.Json | None
    auction: pw.Json | None
    bid: pw.Json | None


def of_type(events: Any, number: int) -> Any:
    kind = ("person", "auction", "bid")[number]
    found = events.filter(pw.this.event_type == number).with_columns(at=pw.this.date_time.dt.strptime(WHEN))
    return found.with_columns(**{kind: pw.unwrap(found[kind])})


def bids(events: Any) -> Any:
    return of_type(events, 2).select(
        auction=pw.this.bid["auction"].as_int(),
        bidder=pw.this.bid["bidder"].as_int(),
        price=pw.this.bid["price"].as_int(),
        extra=pw.this.bid["extra"].as_str(),
        at=pw.this.at,
    )


def q5(events: Any) -> Any:
    found = bids(events)
    windows = pw.temporal.sliding(hop=timedelta(seconds=2), duration=TEN)
    counted = found.windowby(found.at, window=windows, instance=found.auction).reduce(
        auction=pw.this["_pw_instance"],
        start=pw.this["_pw_window_start"],
        end=pw.this["_pw_window_end"],
        bids=pw.reducers.count(),
    )
    most = counted.groupby(pw.this.start).reduce(pw.this.start, bids=pw.reducers.max(pw.this.bids))
    best = counted.join(most, counted.start == most.start, counted.bids == most.bids)
    return best.select(counted.start, counted.end, counted.auction, counted.bids)


def q7(events: Any) -> Any:
    found = bids(events)
    best = found.windowby(found.at, window=pw.temporal.tumbling(duration=TEN)).reduce(
        best=pw.reducers.argmax(pw.this.price)
    )
    rows = found.ix(best.best)
    return rows.select(rows.auction, rows.bidder, rows.price, rows.at, rows.extra)


def q8(events: Any) -> Any:
    people = of_type(events, 0).select(
        person=pw.this.person["id"].as_int(), name=pw.this.person["name"].as_str(), at=pw.this.at
    )
    sellers = of_type(events, 1).select(seller=pw.this.auction["seller"].as_int(), at=pw.this.at)
    window = pw.temporal.tumbling(duration=TEN)
    joined = people.window_join(sellers, people.at, sellers.at, window, people.person == sellers.seller).select(
        people.person, people.name, start=pw.this["_pw_window_start"]
    )
    columns = (pw.this.person, pw.this.name, pw.this.start)
    return joined.groupby(*columns).reduce(*columns)


def q11(events: Any) -> Any:
    found = bids(events)
    # A session goes on while gaps are smaller than max_gap; here a gap of ten seconds still belongs to it.
    window = pw.temporal.session(max_gap=TEN + timedelta(microseconds=1))
    return found.windowby(found.at, window=window, instance=found.bidder).reduce(
        bidder=pw.this["_pw_instance"],
        bids=pw.reducers.count(),
        start=pw.reducers.min(pw.this.at),
        end=pw.reducers.max(pw.this.at) + TEN,
    )


def main() -> None:
    query, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    count = sum(1 for path in folder.glob("*.ndjson") for _ in path.open("rb"))
    events = pw.io.jsonlines.read(str(folder), schema=Event, mode="static")
    result = {"q5": q5, "q7": q7, "q8": q8, "q11": q11}[query](events)
    rows: dict[Any, list[Any]] = {}

    def keep(key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:  # noqa: ARG001
        if is_addition:
            rows[key] = list(row.values())
        else:
            rows.pop(key, None)

    pw.io.subscribe(result, on_change=keep)
    started = time.perf_counter()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    seconds = time.perf_counter() - started
    with out.open("w", newline="") as file:
        csv.writer(file).writerows([_text(value) for value in row] for row in rows.values())
    print(json.dumps({"seconds": seconds, "events": count}))


def _text(value: Any) -> Any:
    if isinstance(value, pw.DateTimeNaive):
        return datetime.fromtimestamp(value.timestamp_us() / 1e6, UTC).replace(tzinfo=None).isoformat()
    return value


if __name__ == "__main__":
    main()
