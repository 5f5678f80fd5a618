"""A workspace that ran once, and a way to call the program in this process."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.cli import main


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


def call(*arguments: str | Path) -> Called:
    """One command line; what it printed, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Called(code, out.getvalue(), err.getvalue())


def stable(text: str, root: Path) -> str:
    """The text without what differs from run to run; placeholders are as wide as what they stand for."""
    text = text.replace(str(root), "ROOT")
    text = re.sub(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b", "RUN-------------------", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "f" * 32, text)
    text = re.sub(r"\b20[23]\d-\d\d-\d\d([T ])\d\d:\d\d:\d\d\.\d{6}", r"2024-01-01\g<1>00:00:00.000000", text)
    text = re.sub(r"\b202[4-9]-\d\d-\d\d([T ])\d\d:\d\d:\d\d([+-]\d\d:\d\d)", r"2024-01-01\g<1>00:00:00+00:00", text)
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": 0.0', text)
    text = re.sub(r"\b202[4-9]-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2024-01-01 00:00:00 UTC", text)
    text, ages = re.subn(r"\bjust now\b|\b\d+ (?:s|min|h) ago\b", "just now", text)
    if ages or "took" in text:  # ages and durations are as wide as the machine is slow
        text = re.sub("─+", "─", re.sub(" {3,}", "   ", text))
    return re.sub(r"\b\d+\.\d s\b", "0.0 s", text)


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flights template, run once; tests only read it."""
    root = tmp_path_factory.mktemp("workspaces") / "flights"
    assert call("init", "--template", "flights", root).code == 0
    assert call("-C", root, "run").code == 0
    return root


@pytest.fixture
def golden_call(golden: Callable[[str, str], None]) -> Callable[..., Called]:
    """Call the program and compare everything it said, and its exit code, with a golden file."""

    def compare(name: str, root: Path, *arguments: str | Path) -> Called:
        called = call(*arguments)
        parts = [f"exit code {called.code}", called.out]
        if called.err:
            parts += ["stderr", called.err]
        golden(f"cli/{name}", stable("\n".join(parts), root))
        return called

    return compare
