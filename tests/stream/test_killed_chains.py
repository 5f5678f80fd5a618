"""Generated chains of models, killed at random points of every run and started again, publish the batch result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.testing.crash import CrashBench

from .chains import SCENARIO, killed_chain

PARTS, SIZE = 8, 3


@pytest.fixture(scope="module")
def bench() -> Iterator[CrashBench]:
    with CrashBench(SCENARIO) as running:
        yield running


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_runs_are_finished_by_the_next(part: int, bench: CrashBench, tmp_path: Path) -> None:
    found = [killed_chain(seed, tmp_path / str(seed), bench) for seed in range(part * SIZE, (part + 1) * SIZE)]
    assert [each.failure for each in found if each.failure] == []
    assert all(each.killed for each in found)
