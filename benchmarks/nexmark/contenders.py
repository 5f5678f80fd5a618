"""Who is measured, and how: each contender runs one query over one folder of events as a program of its own.

Apart from the parts of the sitting because a figure must mean the same wherever it stands: ``seconds`` is the time
in which events are worked on, without the start of processes and virtual machines; ``wall`` includes it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from benchmarks import peers
from benchmarks.nexmark.data import interleaved
from benchmarks.nexmark.generator import Format
from benchmarks.nexmark.queries import HERE, Query
from benchmarks.nexmark.workspace import write_workspace
from benchmarks.process import Watched, watch

__all__ = ["CONTENDERS", "Task", "Trial", "headwater"]

PEERS = HERE / "peers"
FLINK_TYPES = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP(3)", "HUGEINT": "DECIMAL(38, 0)"}


@dataclass(frozen=True, slots=True)
class Task:
    """A query over the files of ``data``; ``work`` is a folder for whatever a contender writes."""

    query: Query
    data: Path
    format: Format
    events: int
    work: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """What one run took. ``rows`` is SQL of the result, None where it is not kept; ``closed``: without open windows.

    ``first`` is the time from the start of the process to the first published rows; ``epochs`` are the seconds of each
    epoch, from its begin to the next one's and of the last to its own end, ``commits`` those of each commit of a table,
    ``phases`` those that led to the events of a kind: a commit beside an epoch counts as long as it is waited for.
    """

    events: int
    seconds: float
    wall: float
    cpu: float
    peak_mb: float
    rows: str | None = None
    closed: bool = False
    first: float | None = None
    epochs: tuple[float, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    commits: tuple[float, ...] = ()


def headwater(task: Task) -> Trial:
    """``headwater run``, tables in Delta, contracts judged, every epoch durable."""
    root = task.work / "headwater"
    write_workspace(root, task.data, task.format, [task.query], settings=task.settings)
    command = [str(Path(sys.executable).parent / "headwater"), "--verbose", "-C", str(root), "run"]
    watched = watch(command).check()
    lake = root / ".headwater" / "local" / "lake" / "nexmark" / task.query.name
    said = [(at, line.split(" ", 1)[0]) for at, line in watched.said]
    began = [at for at, event in said if event == "EpochStarted"]
    ended = next(at for at, event in reversed(said) if event == "ProductFinished")
    last = next(at for at, event in reversed(said) if event == "EpochFinished")
    phases: dict[str, float] = {}
    for (before, _), (after, event) in pairwise(said):
        if after > began[0]:
            phases[event] = phases.get(event, 0) + after - before
    published = [(at, line) for at, line in watched.said if line.startswith("SinkCommitted ")]
    return Trial(
        task.events,
        ended - began[0],
        watched.seconds,
        watched.cpu,
        watched.peak_mb,
        f"delta:{lake}",
        first=published[0][0] if published else None,
        phases=phases,
        epochs=tuple(after - before for before, after in zip(began, [*began[1:], last], strict=True)),
        commits=tuple(float(line.rpartition("seconds=")[2]) for _, line in published),
    )


def duckdb(task: Task) -> Trial:
    """The batch query that was written by hand, in one DuckDB process over all files at once."""
    out = task.work / "duckdb.parquet"
    command = [sys.executable, "-m", "benchmarks.nexmark.reference"]
    watched = watch([*command, task.query.name, task.format, str(task.data), str(out)]).check()
    return _trial(task.events, float(watched.output), watched, f"read_parquet('{out}')")


def flink(task: Task) -> Trial:
    """Flink SQL, local, parallelism 2, no checkpoints, results thrown away."""
    return _flink(task, str(interleaved(task.data)), "blackhole")


def flink_rows(task: Task) -> Trial:
    """As :func:`flink`, its results kept: to compare them, not to measure."""
    out = task.work / "flink"
    shutil.rmtree(out, ignore_errors=True)
    trial = _flink(task, str(interleaved(task.data)), str(out))
    return replace(trial, rows=_csv(task.query, f"{out}/*"))


def flink_datagen(task: Task) -> Trial:
    """As :func:`flink`, from rows that Flink makes itself: nothing is read or decoded."""
    return _flink(task, "datagen-wide" if task.wide else "datagen", "blackhole")


def _flink(task: Task, source: str, sink: str) -> Trial:
    columns = ", ".join(f"`{name}` {FLINK_TYPES.get(of, of)}" for name, of in task.query.columns.items())
    watched = _peer("flink", task, str(task.query.flink), source, sink, columns, str(task.events))
    return _trial(task.events, _last(watched)["seconds"], watched)


def spark(task: Task) -> Trial:
    """Spark Structured Streaming, local[2], one file a micro-batch; the first batch is not counted."""
    out, checkpoint = task.work / "spark", task.work / "spark-checkpoint"
    for folder in (out, checkpoint):
        shutil.rmtree(folder, ignore_errors=True)
    watched = _peer("spark", task, task.query.name, task.format, str(task.data), str(out), str(checkpoint))
    told = _last(watched)
    rows = f"read_parquet('{out}/*.parquet')"
    events = int(task.events * told["files"] / len(list(task.data.glob(f"*.{task.format}"))))
    return replace(_trial(events, told["seconds"], watched, rows), closed=True)


def bytewax(task: Task) -> Trial:
    """Bytewax, one worker, orjson; over few events, because it gets slower with more."""
    return _python_peer("bytewax", task)


def pathway(task: Task) -> Trial:
    """Pathway, two threads, static mode; over few events, because it gets slower with more."""
    return _python_peer("pathway", task)


def _python_peer(name: str, task: Task) -> Trial:
    out = task.work / f"{name}.csv"
    watched = _peer(name, task, task.query.name, str(task.data), str(out))
    told = _last(watched)
    return _trial(int(told["events"]), told["seconds"], watched, _csv(task.query, str(out)))


def _trial(events: int, seconds: float, watched: Watched, rows: str | None = None) -> Trial:
    return Trial(events, seconds, watched.seconds, watched.cpu, watched.peak_mb, rows)


def _csv(query: Query, path: str) -> str:
    """SQL of a result in CSV files without header, in which an empty text is not NULL."""
    declared = ", ".join(f"{name}: '{of}'" for name, of in query.columns.items())
    return f"read_csv('{path}', columns = {{{declared}}}, nullstr = 'null')"


def _peer(name: str, task: Task, *arguments: str) -> Watched:
    python = peers.python_of(name)
    if python is None:
        raise RuntimeError(f"{name} does not install here")
    task.work.mkdir(parents=True, exist_ok=True)
    return watch([str(python), str(PEERS / f"{name}_job.py"), *arguments]).check()


def _last(watched: Watched) -> dict[str, float]:
    told: dict[str, float] = json.loads(watched.output.strip().splitlines()[-1])
    return told


CONTENDERS: Mapping[str, Callable[[Task], Trial]] = {
    "headwater": headwater,
    "duckdb": duckdb,
    "flink": flink,
    "flink-datagen": flink_datagen,
    "flink-rows": flink_rows,
    "spark": spark,
    "bytewax": bytewax,
    "pathway": pathway,
}
