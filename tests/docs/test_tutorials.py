"""Tutorials are run as written: their files are made, their commands executed, their outputs compared.

A block that begins with a language and a path is a file; a ``console`` block
holds commands after ``$`` and what they print. ``--update-golden`` writes what
was printed into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TUTORIALS = [
    DOCS.parent / "README.md",
    *sorted((DOCS / "tutorials").glob("*.md")),
    DOCS / "how-to" / "read-changes.md",
]
BLOCK = re.compile(r"^```(?P<language>[a-z]+)(?: (?P<path>\S+))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def stable(text: str) -> str:
    """Output as the page shows it: run ids, times and durations are those of one chosen moment."""
    text = re.sub(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b", "20240401T090000-1a2b3c", text)
    return re.sub(r"\b\d+\.\d s\b", "0.5 s", text)


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return stable(done.stdout.replace(str(folder), "/home/you"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_runs_as_written(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    def played(block: re.Match[str]) -> str:
        if block["path"]:
            target = tmp_path / block["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block["body"], encoding="utf-8")
        elif block["language"] == "console":
            commands = [line for line in block["body"].splitlines() if line.startswith("$ ")]
            printed = "".join(f"{command}\n{run(command[2:], tmp_path)}" for command in commands)
            return f"```console\n{printed}```"
        return block[0]

    written = page.read_text(encoding="utf-8")
    found = BLOCK.sub(played, written)
    if request.config.getoption("--update-golden"):
        page.write_text(found, encoding="utf-8")
        return
    assert found == written
