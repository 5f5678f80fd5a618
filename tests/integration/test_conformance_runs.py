"""Whole runs give the answers that the conformance cases state."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.testing.cases import Case, conformance_cases
from headwater.testing.workspaces import run_in_workspace


@pytest.mark.parametrize("case", [case for case in conformance_cases() if case.runs], ids=lambda case: case.name)
def test_the_case_holds(case: Case, tmp_path: Path) -> None:
    assert run_in_workspace(case, tmp_path) > 0
