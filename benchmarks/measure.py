"""Running commands and taking wall time and peak memory: one place, so that all figures mean the same.

Contenders are interleaved round by round, because machines drift; a claim is the
ratio of medians.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import watch

__all__ = ["Claim", "Contender", "Measurement", "compare", "run_command"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Wall seconds, and the peak resident memory (MB of 10^6 bytes) of a process and all it started, together."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to measure: ``prepare`` runs before every round, untimed."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] | None = None
    cwd: Path | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure against its bar: ``value`` is held when it is at most ``bar``."""

    benchmark: str
    name: str
    value: float
    bar: float
    unit: str

    @property
    def held(self) -> bool:
        return self.value <= self.bar


def run_command(command: Sequence[str], cwd: Path | None = None) -> Measurement:
    """Run to the end; raises RuntimeError with the output when the command fails."""
    watched = watch(command, cwd=cwd).check()
    return Measurement(watched.seconds, watched.peak_mb)


def compare(contenders: Sequence[Contender], rounds: int) -> dict[str, Measurement]:
    """Medians of ``rounds`` interleaved rounds, by contender name."""
    found: dict[str, list[Measurement]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            if contender.prepare:
                contender.prepare()
            measured = run_command(contender.command, contender.cwd)
            found[contender.name].append(measured)
            print(
                f"  round {number + 1}: {contender.name:<28} {measured.seconds:8.2f} s {measured.peak_mb:8.0f} MB",
                file=sys.stderr,
            )
    return {
        name: Measurement(
            statistics.median(m.seconds for m in measured), statistics.median(m.peak_mb for m in measured)
        )
        for name, measured in found.items()
    }
