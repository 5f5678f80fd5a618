"""A run that is killed anywhere and started again publishes the same merges as one that was not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.merging import Format, Merging

from headwater.testing.crash import CrashBench

from .merged import BACKLOG, BEFORE, SPREAD

SCENARIO = Path(__file__).with_name("merged.py")
STRIDE = 9
"""Every how many events a run is killed; which ones differs from format to format."""


@pytest.fixture(scope="module")
def bench() -> Iterator[CrashBench]:
    with CrashBench(f"{SCENARIO}:run") as running:
        yield running


@pytest.mark.parametrize(("format", "first"), [("parquet", 1), ("delta", 2), ("iceberg", 3)])
@pytest.mark.parametrize(("backlog", "last"), [(BACKLOG, "merge"), (SPREAD, "replace")])
def test_a_killed_merge_is_finished_by_the_next_run(
    format: Format, first: int, backlog: list[list[tuple[int, int]]], last: str, bench: CrashBench, tmp_path: Path
) -> None:
    root, saved = tmp_path / "workspace", tmp_path / "saved"
    root.mkdir()
    plant = Merging(root, format)
    for rows in BEFORE:
        plant.feed(*rows)
        plant.run()
    for rows in backlog:
        plant.feed(*rows)
    shutil.copytree(root, saved, symlinks=True)
    argument = json.dumps({"root": str(root), "format": format})
    whole = bench.run(argument)
    assert isinstance(whole.answer, dict), whole.error
    assert last in whole.answer["last"]
    plant.holds()
    for number in range(first, len(whole.events) + 1, STRIDE):
        shutil.rmtree(root)
        shutil.copytree(saved, root, symlinks=True)
        assert bench.run(argument, kill_at=number).killed
        finished = bench.run(argument)
        assert finished.answer == whole.answer, (number, finished.error)
