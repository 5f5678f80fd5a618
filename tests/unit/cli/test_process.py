"""The program as a process: pipes that close, interrupts, colours, and ``python -m headwater``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEADWATER = [sys.executable, "-m", "headwater"]


def test_the_module_and_the_script_are_the_same_program(flights: Path) -> None:
    script = Path(sys.executable).parent / "headwater"
    for program in (HEADWATER, [str(script)]):
        done = subprocess.run([*program, "-C", flights, "check"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (
            0,
            "flights: 2 products, 1 source, 3 models, 1 contract; no errors\n",
            "",
        )


def test_a_reader_that_stops_reading_is_no_failure(flights: Path) -> None:
    query = "SELECT * FROM range(200000)"
    with subprocess.Popen(
        [*HEADWATER, "-C", flights, "query", query, "--output", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("form", [["--output", "json"], ["--limit", "0"]])
def test_rows_are_shown_while_they_are_computed(flights: Path, form: list[str]) -> None:
    """All rows of this query are more than any machine holds."""
    with subprocess.Popen(
        [*HEADWATER, "-C", flights, "query", "SELECT * FROM range(1000000000000)", *form], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2000)]
        process.stdout.close()
        assert process.wait(timeout=60) == 0
    assert lines[1999] == (b'  {"range": 1998},\n' if "json" in form else b" 1997\n")


def test_an_interrupt_says_that_nothing_is_lost(flights: Path) -> None:
    with subprocess.Popen(
        [*HEADWATER, "-C", flights, "query", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdin is not None
        process.stdin.write("x" * 1_000_000)  # more than a pipe holds: it is being read when this returns
        process.stdin.flush()
        time.sleep(1)  # until it waits for the rest
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == (
            "\nerror: interrupted\n  What was published stays; the next run recovers what was under way.\n"
        )


@pytest.mark.parametrize("choice", [{"NO_COLOR": "1"}, {}])
def test_colours_need_a_terminal_that_wants_them(flights: Path, choice: dict[str, str]) -> None:
    def shown(*arguments: str, variables: dict[str, str]) -> str:
        pty = pytest.importorskip("pty")
        leader, follower = pty.openpty()
        environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
        process = subprocess.Popen(
            [*HEADWATER, "-C", flights, "lineage", "delays.delay_by_carrier", *arguments],
            stdout=follower,
            stderr=follower,
            stdin=subprocess.DEVNULL,
            env={**environment, "TERM": "xterm-256color", **variables},
        )
        assert process.wait(timeout=60) == 0
        os.close(follower)
        text = os.read(leader, 65536).decode()
        os.close(leader)
        return text

    colored = "\x1b[" in shown(variables=choice)
    assert colored is ("NO_COLOR" not in choice)
    assert "\x1b[" not in shown("--no-color", variables=choice)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["quarantine", "show", "operations.flights", "--limit", "1"], b"  codes             "),
        (["status"], b"quarantined"),
    ],
)
def test_a_narrow_terminal_hides_nothing(flights: Path, arguments: list[str], expected: bytes) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*HEADWATER, "-C", flights, *arguments],
        stdout=follower,
        stderr=follower,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "70"},
    )
    assert process.wait(timeout=60) == 0
    os.close(follower)
    shown = os.read(leader, 65536)
    os.close(leader)
    assert expected in shown
    assert b"..." not in shown


def test_a_shell_gets_its_completions_without_loading_an_engine(flights: Path) -> None:
    asked = {"COMP_WORDS": "headwater explain delays.dep", "COMP_CWORD": "2", "_HEADWATER_COMPLETE": "bash_complete"}
    script = Path(sys.executable).parent / "headwater"
    done = subprocess.run(
        [str(script)], cwd=flights, env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("plain,delays.departures\n", "")
