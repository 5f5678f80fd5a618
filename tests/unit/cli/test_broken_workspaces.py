"""Every broken workspace, through the program: exit code 2, the message on stderr, nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import call

CASES = sorted(folder.parent for folder in (Path(__file__).parents[2] / "golden" / "broken").glob("*/*/expected.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_broken_workspace_is_refused_before_anything_is_done(case: Path, command: str, tmp_path: Path) -> None:
    root = tmp_path / case.name
    shutil.copytree(case, root, symlinks=True)
    before = {path.relative_to(root) for path in root.rglob("*")}
    called = call("-C", root, command)
    written = {path.relative_to(root) for path in root.rglob("*")} - before
    assert called.code == 2, called.err
    assert called.out == ""
    assert "Traceback" not in called.err
    assert written == set()
