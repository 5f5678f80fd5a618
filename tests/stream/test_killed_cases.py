"""Cases that keep state, killed at random points of every run and started again, publish what the case expects.

Rows are compared as bags, so a row that a sink had twice would show.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.testing.cases import Case, conformance_cases
from headwater.testing.crash import CrashBench, Outcome
from headwater.testing.law import unequal
from headwater.testing.workspaces import CaseWorkspace

NAMES = {
    "hop-closes-one-by-one": "parquet",
    "session-closes-behind-its-gap": "delta",
    "group-of-groups": "delta",
    "changed-window-is-built-anew": "parquet",
    "changes-insert-update-delete": "delta",
    "deletions-are-remembered": "parquet",
}
CASES = [case for case in conformance_cases() if case.name in NAMES]


@pytest.fixture(scope="module")
def bench() -> Iterator[CrashBench]:
    with CrashBench(f"{Path(__file__).with_name('case_scenario.py')}:run") as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_killed_run_is_finished_by_the_next(case: Case, bench: CrashBench, tmp_path: Path) -> None:
    choose = random.Random(case.name)
    kind = NAMES[case.name]

    def run(number: int, kill_at: int | None = None) -> Outcome:
        asked = {"name": case.name, "root": str(tmp_path), "format": kind, "epoch": number}
        outcome = bench.run(json.dumps(asked), kill_at=kill_at)
        assert outcome.error is None, outcome.error
        return outcome

    killed = 0
    for number, epoch in enumerate(case.epochs, 1):
        killed += run(number, choose.randint(1, 9)).killed
        run(number)
        workspace = CaseWorkspace(case, tmp_path, table_format=kind)
        for name, rows in epoch.expect.items():
            assert unequal(workspace.typed(name, rows), workspace.rows(name)) == ""
    assert killed > 1
