"""What was promised of a sitting, and whether it is so: figures against a bar to be met and one to aim at.

Apart from the measuring so that the bars stand in one place.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.nexmark.contenders import Trial

__all__ = ["Goal", "Medians", "goals", "median"]

STREAMED = ("q5", "q7", "q8", "q11")
"""The queries whose speed is promised: hop, tumble, window join, session."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that must be at least (``more``) or at most ``must``, and aims at ``aim``."""

    part: str
    name: str
    value: float
    unit: str
    must: float
    aim: float
    more: bool

    @property
    def verdict(self) -> str:
        def reached(bar: float) -> bool:
            return self.value >= bar if self.more else self.value <= bar

        return "aim" if reached(self.aim) else "must" if reached(self.must) else "MISSED"


@dataclass(frozen=True, slots=True)
class Medians:
    """Medians of a contender's trials; ``p50`` and ``p99`` are of all epochs of all trials, in milliseconds."""

    events: int
    seconds: float
    wall: float
    cpu: float
    peak_mb: float
    first: float | None
    p50: float | None
    p99: float | None
    flat: float | None
    commit_ms: float | None

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def median(trials: Sequence[Trial]) -> Medians:
    """``flat`` is what the last tenth of the commits takes against the first tenth."""
    epochs = sorted(epoch for trial in trials for epoch in trial.epochs)
    firsts = [trial.first for trial in trials if trial.first is not None]
    tenth = len(trials[0].commits) // 10
    flat = [statistics.median(t.commits[-tenth:]) / statistics.median(t.commits[:tenth]) for t in trials if tenth >= 5]
    commits = [commit for trial in trials for commit in trial.commits]
    return Medians(
        trials[0].events,
        statistics.median(trial.seconds for trial in trials),
        statistics.median(trial.wall for trial in trials),
        statistics.median(trial.cpu for trial in trials),
        statistics.median(trial.peak_mb for trial in trials),
        statistics.median(firsts) if firsts else None,
        epochs[len(epochs) // 2] * 1000 if epochs else None,
        epochs[-(-len(epochs) * 99 // 100) - 1] * 1000 if epochs else None,
        statistics.median(flat) if flat else None,
        statistics.median(commits) * 1000 if commits else None,
    )


def goals(part: str, found: Mapping[tuple[str, str], Medians]) -> Iterator[Goal]:
    """The goals that a part's figures, by query and contender, speak to."""
    for (query, contender), ours in found.items():
        if contender != "headwater":
            continue
        for other, theirs in ((name, medians) for (of, name), medians in found.items() if of == query):
            yield from _against(part, query, ours, other, theirs)
        yield from _alone(part, query, ours)


def _against(part: str, query: str, ours: Medians, other: str, theirs: Medians) -> Iterator[Goal]:
    ratio = ours.rate / theirs.rate
    slower = 1 / ratio
    match part, other:
        case "ndjson", "flink" if query in STREAMED:
            yield Goal(part, f"{query}: speed / Flink, same files", ratio, "x", 5, 8, more=True)
        case "ndjson", "duckdb":
            yield Goal(part, f"{query}: time / one-shot DuckDB", slower, "x", 1.8, 1.25, more=False)
        case "ndjson", "spark" if query in STREAMED:
            yield Goal(part, f"{query}: speed / Spark", ratio, "x", 5, 10, more=True)
        case "ndjson", "bytewax" | "pathway" if query in ("q5", "q11"):
            yield Goal(part, f"{query}: speed / {other.capitalize()}", ratio, "x", 10, 50, more=True)
        case "columnar", "flink-datagen" if query in STREAMED:
            yield Goal(part, f"{query}: speed / Flink's own generator", ratio, "x", 8, 12, more=True)
        case "bound", "duckdb":
            yield Goal(part, f"{query}: time / one-shot DuckDB", slower, "x", 2.5, 1.5, more=False)
        case "wide", "flink-datagen":
            yield Goal(part, f"{query}: speed / Flink", ratio, "x", 6, 10, more=True)
            yield Goal(part, f"{query}: memory / Flink", ours.peak_mb / theirs.peak_mb, "x", 0.2, 0.2, more=False)


def _alone(part: str, query: str, ours: Medians) -> Iterator[Goal]:
    if part == "ndjson":
        yield Goal(part, f"{query}: memory", ours.peak_mb, "MB", 400, 250, more=False)
    if part == "columnar" and query in STREAMED:
        yield Goal(part, f"{query}: events", ours.rate / 1e6, "M/s", 3, 6, more=True)
    if part.startswith("latency") and ours.p99 is not None:
        yield Goal(part, f"{query}: 99 of 100 epochs of 50 k", ours.p99, "ms", 60, 25, more=False)
        if ours.first is not None:
            yield Goal(part, f"{query}: process start to first rows", ours.first, "s", 1.5, 0.7, more=False)
    if part == "commits" and ours.flat is not None:
        yield Goal(part, f"{query}: last / first tenth of the commits", ours.flat, "x", 1.5, 1.2, more=False)
