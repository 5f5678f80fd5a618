"""``python -m benchmarks nexmark``: the parts of a sitting, what each compares, and the table they print.

A part is a shape of input with its contenders. Contenders are interleaved round by round, because machines drift;
figures are medians. In the first round every result is held against the batch query, row by row.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias, get_args

import duckdb
import yaml

from benchmarks import chart
from benchmarks.nexmark.contenders import CONTENDERS, Task, Trial
from benchmarks.nexmark.data import files
from benchmarks.nexmark.generator import Format, Stream
from benchmarks.nexmark.goals import STREAMED, Goal, Medians, goals, median
from benchmarks.nexmark.queries import QUERIES, chosen
from benchmarks.nexmark.reference import difference, run_batch
from benchmarks.peers import STREAM_ENGINES
from benchmarks.workspaces import HERE

__all__ = ["main"]

WORK = HERE / "data" / "work" / "nexmark"
Figures: TypeAlias = dict[str, dict[str, dict[str, dict[str, object]]]]
"""By part, query and contender."""
SLOW: Final[Mapping[str, int]] = {"bytewax": 250_000, "pathway": 250_000}
"""Events for contenders that get slower with more: few, which is to their advantage."""


@dataclass(frozen=True, slots=True)
class Part:
    """``contenders`` beside headwater."""

    title: str
    format: Format
    epoch: int
    contenders: tuple[str, ...]
    queries: tuple[str, ...] = STREAMED
    events: int = 5_000_000
    wide: bool = False


PARTS: Final[Mapping[str, Part]] = {
    "answers": Part("every query, once, against the batch query", "ndjson", 20_000, (), tuple(QUERIES), 200_000),
    "ndjson": Part("NDJSON in", "ndjson", 200_000, ("duckdb", *STREAM_ENGINES)),
    "columnar": Part("Arrow in, against rows that Flink makes itself", "arrow", 200_000, ("flink-datagen",)),
    "bound": Part("Arrow in, large epochs, against one batch query", "arrow", 1_000_000, ("duckdb",)),
    "latency": Part("small epochs", "ndjson", 50_000, ()),
    "latency-arrow": Part("small epochs, nothing to decode", "arrow", 50_000, ()),
    "wide": Part("a million live sessions", "parquet", 200_000, ("flink-datagen",), ("q11",), wide=True),
    "commits": Part("a thousand commits", "parquet", 1_000, (), ("q2",), 1_000_000),
}


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    claims: list[Goal] = []
    figures: Figures = {}
    wrong: list[str] = []
    for name in options.parts.split(","):
        part = _changed(PARTS[name], options)
        print(f"{name}: {part.title}; {part.events:,} events, {part.epoch:,} an epoch, {part.format}", file=sys.stderr)
        trials = measure(part, 1 if name == "answers" else options.rounds, options, wrong)
        found = {key: median(of) for key, of in trials.items() if of}
        claims += goals(name, found)
        for (query, contender), medians in found.items():
            figures.setdefault(name, {}).setdefault(query, {})[contender] = {
                **asdict(medians),
                "rate": medians.rate,
                "phases": trials[query, contender][-1].phases,
            }
        _show(name, found)
    for goal in claims:
        bars = f"{'>=' if goal.more else '<='} {goal.must:g} / {goal.aim:g}"
        print(f"{goal.part:<10}{goal.name:<44}{goal.value:>9.2f} {goal.unit:<4}{bars:<16}{goal.verdict}")
    for line in wrong:
        print(f"WRONG {line}")
    _write(figures, claims, wrong, options.rounds)
    return 1 if wrong or any(goal.verdict == "MISSED" for goal in claims) else 0


def measure(
    part: Part, rounds: int, options: argparse.Namespace, wrong: list[str]
) -> dict[tuple[str, str], list[Trial]]:
    """The trials of every query and contender; results that differ from the batch query's are told in ``wrong``."""
    stream = Stream.wide() if part.wide else Stream()
    queries = chosen(part.queries)
    trials: dict[tuple[str, str], list[Trial]] = {}
    for number in range(rounds):
        for query in queries:
            for contender in ("headwater", *part.contenders):
                if contender.startswith("flink") and not query.flink.exists():
                    continue
                if not number and contender == "flink" and not options.unchecked:
                    _run("flink-rows", part, stream, query.name, options, wrong, check=True)
                check = not number and not options.unchecked
                trial = _run(contender, part, stream, query.name, options, wrong, check=check)
                if trial is not None:
                    trials.setdefault((query.name, contender), []).append(trial)
                    rate = trial.events / trial.seconds / 1000
                    took = f"{trial.seconds:8.2f} s {rate:9,.0f} k/s {trial.peak_mb:7.0f} MB {trial.wall:8.2f} s wall"
                    print(f"  round {number + 1}: {query.name:<4}{contender:<14}{took}", file=sys.stderr)
    return trials


def _run(
    contender: str,
    part: Part,
    stream: Stream,
    query: str,
    options: argparse.Namespace,
    wrong: list[str],
    *,
    check: bool,
) -> Trial | None:
    events = min(part.events, SLOW.get(contender, part.events))
    data = files(stream, events=events, epoch=min(part.epoch, events), format=part.format)
    task = Task(QUERIES[query], data, part.format, events, WORK / query, options.environment, part.wide)
    task.work.mkdir(parents=True, exist_ok=True)
    _bring_to_memory(data)
    try:
        trial = CONTENDERS[contender](task)
    except (RuntimeError, OSError) as error:
        print(f"  {query} {contender} failed: {error}", file=sys.stderr)
        if contender == "headwater":
            wrong.append(f"{query}: {error}")
        return None
    if check and trial.rows is not None and contender != "duckdb":
        told = _compare(task, trial)
        if told:
            wrong.append(f"{query} {contender}: {told}")
        print(f"  {query} {contender}: {told or 'the rows of the batch query'}", file=sys.stderr)
    return trial


def _bring_to_memory(folder: Path) -> None:
    """Read files once: whoever comes first, or after one who took much memory, would else pay for the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass


def _compare(task: Task, trial: Trial) -> str | None:
    """None when a result is the batch query's."""
    expected = task.work / "expected.parquet"
    run_batch(task.query, task.format, task.data, expected)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = str(trial.rows)
        if rows.startswith("delta:"):
            from deltalake import DeltaTable

            connection.register("published", DeltaTable(rows.removeprefix("delta:")).to_pyarrow_dataset())
            rows = "published"
        right = f"'{expected}'"
        if trial.closed:
            right = f"(SELECT * FROM {right} SEMI JOIN {rows} AS r USING ({', '.join(task.query.columns)}))"
        return difference(task.query, rows, right, connection)


def _changed(part: Part, options: argparse.Namespace) -> Part:
    """A part with what the command line says instead."""
    wanted = {name: getattr(options, name) for name in ("format", "epoch", "events") if getattr(options, name)}
    if options.queries:
        wanted["queries"] = tuple(options.queries.split(","))
    if options.peers is not None:
        named = [name for name in options.peers.split(",") if name]
        wanted["contenders"] = tuple(
            name for name in part.contenders if name.split("-")[0] in named or name == "duckdb"
        )
    return replace(part, **wanted)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks nexmark", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--queries", help="instead of the part's, such as q5,q7")
    parser.add_argument("--events", type=int)
    parser.add_argument("--epoch", type=int, help="events in a file")
    parser.add_argument("--format", choices=get_args(Format))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", help=f"some of {','.join(STREAM_ENGINES)}, or an empty text for none")
    parser.add_argument("--unchecked", action="store_true", help="do not compare results")
    parser.add_argument(
        "--environment", type=yaml.safe_load, default={}, help="keys of headwater's environment, as YAML"
    )
    options = parser.parse_args(arguments)
    for name in options.parts.split(","):
        if name not in PARTS:
            parser.error(f"there is no part {name}")
    return options


def _show(name: str, found: Mapping[tuple[str, str], Medians]) -> None:
    print(
        f"\n{name:<10}{'query':<6}{'contender':<15}{'k events/s':>11}{'seconds':>9}{'wall':>8}{'cpu s':>8}{'MB':>7}",
        end="",
    )
    print(f"{'first s':>9}{'p50 ms':>8}{'p99 ms':>8}{'commit ms':>11}{'/ headwater':>13}")
    for (query, contender), one in found.items():
        ours = found.get((query, "headwater"))
        cells = [_cell(one.first, 9, 2), _cell(one.p50, 8, 0), _cell(one.p99, 8, 0), _cell(one.commit_ms, 11, 1)]
        cells.append(_cell(one.rate / ours.rate if ours else None, 13, 3))
        print(f"{'':<10}{query:<6}{contender:<15}{one.rate / 1000:>11,.0f}{one.seconds:>9.2f}{one.wall:>8.1f}", end="")
        print(f"{one.cpu:>8.1f}{one.peak_mb:>7.0f}{''.join(cells)}")
    print(flush=True)


def _cell(value: float | None, width: int, digits: int) -> str:
    return f"{'-' if value is None else f'{value:.{digits}f}':>{width}}"


def _write(
    figures: Figures,
    claims: Sequence[Goal],
    wrong: Sequence[str],
    rounds: int,
) -> None:
    """``results/nexmark.json`` and ``results/nexmark.svg``."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    libraries = {name: version(name) for name in ("duckdb", "pyarrow", "deltalake")}
    content = {
        "python": platform.python_version(),
        "libraries": libraries,
        "rounds": rounds,
        "figures": figures,
        "goals": [asdict(goal) | {"verdict": goal.verdict} for goal in claims],
        "wrong": list(wrong),
    }
    (results / "nexmark.json").write_text(json.dumps(content, indent=2))
    bars = [
        chart.Group(f"{part} {query}", list(_bars(of)))
        for part, queries in figures.items()
        for query, of in queries.items()
    ]
    (results / "nexmark.svg").write_text(chart.draw("Nexmark: thousand events a second", bars))


def _bars(contenders: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, float]]:
    for contender, figures in contenders.items():
        yield contender, float(str(figures["rate"])) / 1000
