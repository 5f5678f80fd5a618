"""Running commands and taking wall time and peak memory: one place, so that all figures mean the same.

Contenders are interleaved round by round, because machines drift; a claim is the
ratio of medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Claim", "Contender", "Measurement", "compare", "run_command"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Wall seconds and peak resident memory (MB) of one process."""

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
    started = time.perf_counter()
    with subprocess.Popen(list(command), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        output = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output.decode(errors='replace')}")
    return Measurement(seconds, usage.ru_maxrss / 1024)


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
