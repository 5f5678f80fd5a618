"""Killing a process at a chosen event, to show that what it left behind can be continued.

Public, because whoever writes a sink or source needs the same proof. A bench
starts one warm process, which forks a child for every run: imports are paid
once, and no child inherits another one's threads, connections or half-written
memory. A child is ended by SIGKILL, so that no ``finally`` and no destructor runs.

    with CrashBench("tests/stream/scenario.py:run") as bench:
        whole = bench.run("/tmp/a")
        for n in range(1, len(whole.events) + 1):
            bench.run(f"/tmp/b{n}", kill_at=n)      # dies
            bench.run(f"/tmp/b{n}")                 # must finish the work
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, TypeAlias, cast

from headwater.events import Event, Listener
from headwater.values import frozen

__all__ = ["CrashBench", "Outcome", "Scenario"]

Scenario: TypeAlias = Callable[[str, Listener], object]
"""What is run: it gets the argument of :meth:`CrashBench.run` and a listener to pass on."""


@frozen
class Outcome:
    """How a run ended.

    ``killed`` is True when it died of the kill it was to die of; ``events`` are
    the names of all events told, the one it died at included; ``answer`` is what
    the scenario returned; ``error`` its traceback when it raised.
    """

    killed: bool
    events: tuple[str, ...]
    answer: object = None
    error: str | None = None


class CrashBench:
    """Runs a scenario in forked children of one warm process.

    Args:
        scenario: ``package.module:function`` or ``path/to/file.py:function``.
            What the function's first whole run imports, later children find imported.
    """

    def __init__(self, scenario: str) -> None:
        self._scenario = scenario

    def __enter__(self) -> CrashBench:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "headwater.testing.crash", self._scenario],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._requests = cast("IO[str]", self._process.stdin)
        self._answers = cast("IO[str]", self._process.stdout)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.close()
        self._process.wait()
        self._answers.close()

    def run(self, argument: str, *, kill_at: int | None = None, kill_after: float | None = None) -> Outcome:
        """Run the scenario once.

        Args:
            kill_at: SIGKILL at this event, counted from 1.
            kill_after: die after this many seconds, wherever the run is then.

        Raises:
            RuntimeError: the bench's own process has died.
        """
        request = {"argument": argument, "kill_at": kill_at, "kill_after": kill_after}
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"the process that runs {self._scenario} has died")
        read = json.loads(line)
        return Outcome(read["killed"], tuple(read["events"]), read["answer"], read["error"])


def serve(scenario: Scenario) -> None:
    """Fork a child for every request on stdin and answer on stdout how it ended."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _run_child(scenario, request, writing)
        os.close(writing)
        with os.fdopen(reading) as told:
            lines = [json.loads(text) for text in told if text.endswith("\n")]
        _, status = os.waitpid(child, 0)
        _import_like([str(value) for kind, value in lines if kind == "module"])
        answers.write(json.dumps(_outcome(lines, status)) + "\n")
        answers.flush()


def _run_child(scenario: Scenario, request: dict[str, object], writing: int) -> None:
    kill_at, kill_after = request["kill_at"], request["kill_after"]
    seen = 0

    def tell(kind: str, value: object) -> None:
        os.write(writing, (json.dumps([kind, value]) + "\n").encode())

    def listen(event: Event) -> None:
        nonlocal seen
        seen += 1
        tell("event", type(event).__name__)
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    code, known = 0, set(sys.modules)
    try:
        if isinstance(kill_after, float):
            signal.setitimer(signal.ITIMER_REAL, kill_after)
        answer = scenario(str(request["argument"]), listen)
        signal.setitimer(signal.ITIMER_REAL, 0)
        tell("answer", answer)
        for name in set(sys.modules) - known:
            tell("module", name)
    except BaseException:  # noqa: BLE001 - whatever it was, the parent hears of it
        tell("error", traceback.format_exc())
        code = 1
    finally:
        os._exit(code)


def _import_like(names: list[str]) -> None:
    """Import what a child had to import, so that the next ones need not."""
    for name in sorted(names):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _outcome(lines: list[list[object]], status: int) -> dict[str, object]:
    found: dict[str, object] = {"answer": None, "error": None}
    found.update({str(kind): value for kind, value in lines if kind != "event"})
    found.pop("module", None)
    found["events"] = [value for kind, value in lines if kind == "event"]
    found["killed"] = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGALRM)
    return found


def load_scenario(name: str) -> Scenario:
    """The function that ``module:function`` or ``file.py:function`` names."""
    place, _, function = name.rpartition(":")
    if place.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        if spec is None or spec.loader is None:
            raise ImportError(f"{place} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    found: Scenario = getattr(module, function)
    return found


if __name__ == "__main__":
    serve(load_scenario(sys.argv[1]))
