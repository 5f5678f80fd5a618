"""Many models that no earlier plan knows are understood by two processes, and planned as by one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

PLAN = """
import sys
import headwater.api.building as building
building.few_models = int(sys.argv.pop(1))
from headwater.cli import main
sys.exit(main())
"""

COUNTED = """
import os
import headwater.api.forking as forking
fork = forking.os.fork
def counted():
    print("forked", file=sys.stderr)
    return fork()
forking.os.fork = counted
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two products in chains, the second of which reads the first; one model is wrong, and what reads it."""
    (tmp_path / "headwater.yaml").write_text("name: shop\nenvironments:\n  dev: {}\ndefault_environment: dev\n")
    for product in ("first", "second"):
        folder = tmp_path / product
        folder.mkdir()
        (folder / "sources.yaml").write_text(
            "sources:\n  raw:\n    kind: files\n    path: raw.csv\n    columns: {id: integer, amount: integer}\n"
        )
        for number in range(12):
            below = f"m{number - 1}" if number % 4 else "raw"
            (folder / f"m{number}.sql").write_text(f"SELECT id, amount + {number} AS amount FROM {below}")
    (tmp_path / "raw.csv").write_text("id,amount\n1,2\n")
    (tmp_path / "second" / "m4.sql").write_text("SELECT id, amount FROM first.m11")
    return tmp_path


def planned(workspace: Path, many: int) -> tuple[int, str]:
    """The plan as JSON, worked out from nothing, where so many models are worth a second process."""
    shutil.rmtree(workspace / ".headwater", ignore_errors=True)
    arguments = [str(many), "-C", str(workspace), "plan", "--output", "json"]
    done = subprocess.run([sys.executable, "-c", PLAN, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def cached(workspace: Path) -> set[str]:
    return set(json.loads((workspace / ".headwater" / "cache" / "plan.json").read_text())["entries"])


def test_two_processes_plan_what_one_does(workspace: Path) -> None:
    alone = planned(workspace, 1000)
    known = cached(workspace)
    assert alone[0] == 0
    assert planned(workspace, 10) == alone
    assert cached(workspace) == known


def test_two_processes_find_the_errors_that_one_does(workspace: Path) -> None:
    (workspace / "first" / "m5.sql").write_text("SELECT nothing FROM m4")
    (workspace / "second" / "m1.sql").write_text("SELECT FROM WHERE")
    alone = planned(workspace, 1000)
    assert alone[0] == 2
    assert planned(workspace, 10) == alone


def test_sources_described_before_leave_planning_free_to_fork(workspace: Path) -> None:
    for product in ("first", "second"):
        (workspace / product / "sources.yaml").write_text("sources:\n  raw:\n    kind: files\n    path: raw.csv\n")
    program = PLAN.replace("from headwater.cli", f"{COUNTED}from headwater.cli")
    arguments = ["10", "-C", str(workspace), "plan"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "forked\n")
