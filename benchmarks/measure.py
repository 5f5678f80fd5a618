"""Running commands and taking wall time and peak memory: one place, so that all figures mean the same.

Contenders are interleaved round by round, because machines drift; a claim is the
ratio of medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Claim", "Contender", "Measurement", "compare", "run_command"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Wall seconds, and the peak resident memory (MB) of a process and all it started, together."""

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
        with _together(process.pid) as peak:
            output = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output.decode(errors='replace')}")
    return Measurement(seconds, max(usage.ru_maxrss / 1024, *peak))


@contextmanager
def _together(parent: int) -> Iterator[list[float]]:
    """Samples of what a process and its children hold at the same time (MB), pages they share counted twice.

    A process alone is known exactly when it ends, so only moments with children count.
    """
    samples, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            held = _resident(parent)
            if len(held) > 1:
                samples.append(sum(held))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield samples
    finally:
        ended.set()
        watching.join()


def _resident(process: int) -> list[float]:
    """The resident memory (MB) of a process and of everything below it, where the system tells."""
    try:
        folder = Path("/proc", str(process))
        pages = int((folder / "statm").read_text().split()[1])
        children = [
            int(child) for task in (folder / "task").iterdir() for child in (task / "children").read_text().split()
        ]
    except (OSError, IndexError):
        return []
    return [pages * os.sysconf("SC_PAGE_SIZE") / 2**20, *(held for child in children for held in _resident(child))]


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
