"""Running a program and watching it from outside: wall time, memory of the whole process tree, and when it said what.

Apart from :mod:`benchmarks.measure`, which compares, because stream engines are more than one process and report while
they run.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Watched", "watch"]

SAMPLE_SECONDS = 0.02
SAMPLE_SHARE = 0.01
"""How much of the time may go by in taking samples: what is measured stands still meanwhile, or has a core less."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A finished program: ``said`` are the lines of its standard error, with the seconds since it was started.

    ``cpu`` are the seconds of all its threads and of the descendants it waited for. ``peak_mb`` (MB of 10^6 bytes) is
    the largest sum of resident memory over the process and its descendants that a sample saw, pages they share counted
    once, or the process's own peak, whichever is more.
    """

    seconds: float
    cpu: float
    peak_mb: float
    exit_code: int
    output: str
    said: tuple[tuple[float, str], ...]

    def check(self) -> Watched:
        """Raises RuntimeError with what was said last when the program failed."""
        if self.exit_code:
            last = "\n".join(line for _, line in self.said[-40:])
            raise RuntimeError(f"ended with {self.exit_code}:\n{self.output[-2000:]}\n{last}")
        return self


def watch(
    command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 3600
) -> Watched:
    """Run a program to its end, or kill it after ``timeout`` seconds."""
    said: list[tuple[float, str]] = []
    output: list[str] = []
    started = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    readers = [
        threading.Thread(target=_listen, args=(process.stderr or (), said, started)),
        threading.Thread(target=lambda: output.append(process.stdout.read() if process.stdout else "")),
    ]
    for reader in readers:
        reader.start()
    own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with _sampled(process.pid) as samples, _killed_after(process, timeout):
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    for reader in readers:
        reader.join()
    # What the system counts of a child begins with what its parent held: exact where it is more, else of no use.
    if usage.ru_maxrss > own_peak:
        samples.append(usage.ru_maxrss * 1024 / 1e6)
    cpu = usage.ru_utime + usage.ru_stime
    return Watched(seconds, cpu, max(samples), process.returncode, "".join(output), tuple(said))


@contextlib.contextmanager
def _sampled(pid: int) -> Iterator[list[float]]:
    """Samples, taken while the block runs, of what a process held most and of what it and its descendants hold."""
    samples, ended = [0.0], threading.Event()

    def sample() -> None:
        took = 0.0
        while not ended.wait(max(SAMPLE_SECONDS, took / SAMPLE_SHARE)):
            began = time.thread_time()
            samples.extend((_peak_mb(pid), _tree_mb(pid)))
            took = time.thread_time() - began

    sampling = threading.Thread(target=sample, daemon=True)
    sampling.start()
    try:
        yield samples
    finally:
        ended.set()
        sampling.join()


@contextlib.contextmanager
def _killed_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _listen(stream: Iterable[str], said: list[tuple[float, str]], started: float) -> None:
    said.extend((time.perf_counter() - started, line.rstrip("\n")) for line in stream)


def _peak_mb(pid: int) -> float:
    """The most that a process held so far, as it counts itself."""
    return _counted_mb(pid, "status", "VmHWM:")


def _tree_mb(pid: int) -> float:
    """What a process and its descendants hold now, pages that they share counted once."""
    family, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        family.append(one)
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
    # A process alone counts its peak itself, and asking for shares takes the system a while.
    return sum(map(_share_mb, family)) if len(family) > 1 else 0.0


def _share_mb(pid: int) -> float:
    """A process's resident memory, of pages that others hold too its share."""
    return _counted_mb(pid, "smaps_rollup", "Pss:")


def _counted_mb(pid: int, file: str, field: str) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0
