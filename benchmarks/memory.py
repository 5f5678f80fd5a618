"""Memory of windows over many events: ``python -m benchmarks.memory --events 50000000``.

Events are generated inside the engine, a million an epoch, and go through a tumbling, a hopping and a session
model whose state lies on disk. Printed is the resident memory after every epoch; it has to stay flat.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from headwater.spi import discovery
from headwater.testing.models import compile_models
from headwater.testing.programs import EventTime, ProgramRun, Source
from headwater.types import RelationName, Schema

EVENTS = RelationName("memory", "events")
MODELS = {
    "tumbled": "SELECT window_end, kind, count(*) AS n, sum(value) AS total, max(value) AS most "
    "FROM TUMBLE(events, at, INTERVAL 10 SECOND) GROUP BY window_end, kind",
    "hopped": "SELECT window_end, user, count(*) AS n FROM HOP(events, at, INTERVAL 2 SECOND, INTERVAL 10 SECOND) "
    "GROUP BY window_end, user",
    "visits": "SELECT user, window_start, window_end, count(*) AS n "
    "FROM SESSION(events PARTITION BY user, at, INTERVAL 5 SECOND) GROUP BY user, window_start, window_end",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--epoch", type=int, default=1_000_000, help="events an epoch (default %(default)s)")
    parser.add_argument("--limit", default="256MB", help="the engine's memory limit (default %(default)s)")
    parser.add_argument("--models", default=",".join(MODELS))
    given = parser.parse_args()
    engine = discovery.engine("duckdb")
    schema = Schema.of({"user": "INTEGER", "kind": "INTEGER", "value": "INTEGER", "at": "TIMESTAMP"})
    source = Source(EVENTS, schema, event_time=EventTime("at", timedelta(seconds=2)))
    queries = {RelationName("memory", name): MODELS[name] for name in given.models.split(",")}
    programs = [model.program for model in compile_models([source], queries, engine.bind)]
    settings = {"memory_limit": given.limit, "threads": 2}
    with tempfile.TemporaryDirectory() as folder, engine.open(f"{folder}/state.duckdb", settings) as session:
        run = ProgramRun(session, [source], programs, keep=False, collect=False)
        seen = []
        for start in range(0, given.events, given.epoch):
            begun = time.perf_counter()
            last = start + given.epoch >= given.events
            told = run.epoch({EVENTS: _events(start, given.epoch)}, ended=[EVENTS] if last else [])
            seen.append(_resident())
            took = time.perf_counter() - begun
            published = sum(told.rows.values())
            kept = sum(path.stat().st_size for path in Path(folder).iterdir() if path.is_file()) // 1_000_000
            print(
                f"{start + given.epoch:>12,} events  {took:6.2f} s  {published:>9,} rows  "
                f"{seen[-1]:5} MB  {kept:5} MB on disk"
            )
    half = len(seen) // 2 or 1
    print(
        json.dumps(
            {"events": given.events, "limit": given.limit, "most_mb": max(seen), "most_first_half_mb": max(seen[:half])}
        )
    )


def _events(start: int, number: int) -> str:
    """A thousand events in ten milliseconds of event time, up to two seconds out of order; half a million users."""
    at = "TIMESTAMP '2024-01-01' + to_microseconds(i * 10 - (i * 7919) % 2000000)"
    return (
        "SELECT CAST((i * 2654435761) % 500000 AS INTEGER) AS user, CAST(i % 10 AS INTEGER) AS kind, "
        f"CAST(i % 1000 AS INTEGER) AS value, {at} AS at FROM range({start}, {start + number}) AS r(i)"
    )


def _resident() -> int:
    """Megabytes that this process has in memory now."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    main()
