"""A run that is killed anywhere and started again knows the same watermarks, late rows and windows as one that was not.

Apart from the other kill tests because what is compared here is time: what closed, what was
late, what had ended, and that the rebuild behind an end that was taken back is not forgotten.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.testing.crash import CrashBench, Outcome

from .timed import workspace

SCENARIO = Path(__file__).with_name("timed.py")
STRIDE = 3
"""Every how many events a run is killed; which ones differs from test to test."""


@pytest.fixture(scope="module")
def bench() -> Iterator[CrashBench]:
    with CrashBench(f"{SCENARIO}:run") as running:
        yield running


class Place:
    """A workspace that can be put back as it was."""

    def __init__(self, folder: Path, bench: CrashBench) -> None:
        self.root, self._saved, self._bench = folder / "workspace", folder / "saved", bench
        self.root.mkdir()
        self.plant = workspace(self.root)

    def save(self) -> None:
        shutil.copytree(self.root, self._saved, symlinks=True)

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self._saved, self.root, symlinks=True)

    def run(self, *, kill_at: int | None = None, prepare: bool = False) -> Outcome:
        return self._bench.run(json.dumps({"root": str(self.root), "prepare": prepare}), kill_at=kill_at)

    def finish(self) -> Outcome:
        outcome = self.run()
        assert outcome.error is None, outcome.error
        assert not outcome.killed
        return outcome

    def kill_everywhere(self, first: int) -> dict[str, list[str]]:
        """Kill at events of a run from what was saved; every time it must end alike. Returns how."""
        whole = self.finish()
        assert isinstance(whole.answer, dict)
        for number in range(first, len(whole.events) + 1, STRIDE):
            self.restore()
            assert self.run(kill_at=number).killed
            assert self.finish().answer == whole.answer, f"killed at event {number}, {whole.events[number - 1]}"
        return whole.answer


@pytest.fixture
def place(tmp_path: Path, bench: CrashBench) -> Place:
    made = Place(tmp_path, bench)
    made.plant.write("1.csv", "1 10:00", "2 10:40")
    made.plant.write("2.csv", "3 10:29", "4 10:34", "5 11:30")
    assert made.run(prepare=True).error is None
    return made


def test_a_first_run_killed(place: Place) -> None:
    place.save()
    found = place.kill_everywhere(1)
    assert found["plant.hourly"] == ["('10', 3)", "('11', 1)"]
    assert found["report.hourly"] == ["('10', 2)", "('11', 1)"], "row 4 is late for the model, not for the source"


def test_a_run_behind_an_end_killed(place: Place) -> None:
    place.finish()
    place.plant.write("3.csv", "6 11:45", "7 11:19")
    place.plant.write("4.csv", "8 12:10", "9 11:36")
    place.save()
    found = place.kill_everywhere(2)
    assert found["plant.hourly"] == ["('10', 3)", "('11', 3)", "('12', 1)"]
    assert found["report.hourly"] == ["('10', 2)", "('11', 2)", "('12', 1)"]
