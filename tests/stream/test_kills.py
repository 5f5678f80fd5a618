"""A run that is killed anywhere and started again ends as one that was never disturbed.

Every protocol step tells an event; the runs here die by SIGKILL at each of
them, and at moments in between. Compared are all published rows, the exact
quarantine, the ledger, positions, what is recorded for the next plan, and that
no staged file is left behind.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.testing.crash import CrashBench, Outcome

SCENARIO = Path(__file__).with_name("shop.py")
STRIDE = {"parquet": 4, "delta": 1, "iceberg": 1}
"""Every how many events a run is killed: over two hundred kills in all, most where a log is written."""

FIRST = "id,city,amount\n1,Oslo,10\n2,Rome,x\n3,,5\n1,Oslo,11\n4,Bonn,7\n"
SECOND = "id,city,amount\n5,Oslo,20\n4,Bonn,1\n6,Rome,9\nseven,Rome,1\n"
THIRD = "id,city,amount\n8,Rome,3\n5,Oslo,2\n9,Bonn,30\n"
FOURTH = "id,city,amount\n10,Oslo,4\n11,,1\n8,Rome,3\n"


class Place:
    """A workspace that can be put back as it was: always in the same folder, for tables keep absolute paths."""

    def __init__(self, folder: Path, bench: CrashBench, kind: str) -> None:
        self.root = folder / "workspace"
        self._saved = folder / "saved"
        self._bench = bench
        self.kind = kind
        self.query = "SELECT id, city, amount * 2 AS cents FROM orders"
        self.root.mkdir()

    def write(self, name: str, text: str) -> None:
        path = self.root / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (1_000_000_000, 1_000_000_000))

    def save(self) -> None:
        shutil.rmtree(self._saved, ignore_errors=True)
        shutil.copytree(self.root, self._saved, symlinks=True)

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self._saved, self.root, symlinks=True)

    def run(self, *, kill_at: int | None = None, kill_after: float | None = None) -> Outcome:
        options = {"root": str(self.root), "format": self.kind, "query": self.query, "prepare": False}
        return self._bench.run(json.dumps(options), kill_at=kill_at, kill_after=kill_after)

    def prepare(self) -> None:
        """Create the metadata store beforehand: that is not what is tested here, and takes a while."""
        options = {"root": str(self.root), "format": self.kind, "prepare": True}
        assert self._bench.run(json.dumps(options)).error is None

    def undisturbed(self) -> Outcome:
        """Run to the end from what was saved."""
        self.restore()
        return self.finish()

    def finish(self) -> Outcome:
        """Run to the end from where things are."""
        outcome = self.run()
        assert outcome.error is None, outcome.error
        assert not outcome.killed
        return outcome


@pytest.fixture(scope="module")
def bench() -> Iterator[CrashBench]:
    with CrashBench(f"{SCENARIO}:run") as running:
        yield running


@pytest.fixture(params=sorted(STRIDE))
def place(request: pytest.FixtureRequest, tmp_path: Path, bench: CrashBench) -> Place:
    made = Place(tmp_path, bench, request.param)
    made.write("a.csv", FIRST)
    made.write("b.csv", SECOND)
    made.prepare()
    return made


def kill_everywhere(place: Place) -> None:
    """Kill at each event of a run from what was saved, and compare how things end."""
    whole = place.undisturbed()
    for number, event in enumerate(whole.events, start=1):
        if number % STRIDE[place.kind]:
            continue
        place.restore()
        died = place.run(kill_at=number)
        assert died.killed
        assert died.events == whole.events[:number]
        assert place.finish().answer == whole.answer, f"killed at event {number}, {event}"


def test_first_run_killed_at_every_event(place: Place) -> None:
    place.save()
    kill_everywhere(place)


def test_tables_committed_beside_the_next_epoch_killed_at_every_event(place: Place) -> None:
    place.write("c.csv", THIRD)
    place.write("d.csv", FOURTH)
    place.save()
    whole = place.undisturbed()
    begun = [number for number, event in enumerate(whole.events) if event == "EpochStarted"][1:4]
    ended = [number for number, event in enumerate(whole.events) if event == "EpochFinished"][:4]
    assert ended[0] < begun[0], "the first epoch is published before anything else is done"
    assert begun[1] < ended[1], "the second one while the third is computed"
    assert begun[2] < ended[2], "the third one while the fourth is computed"
    kill_everywhere(place)


def test_rebuild_with_new_rows_killed_at_every_event(place: Place) -> None:
    place.finish()
    place.write("c.csv", THIRD)
    place.query = "SELECT id, city, amount * 3 AS cents FROM orders"
    place.save()
    kill_everywhere(place)


def test_recovery_killed_again(place: Place) -> None:
    place.save()
    whole = place.undisturbed()
    dangerous = [n for n, event in enumerate(whole.events, start=1) if event in ("StateCommitted", "SinkCommitted")]
    for first in (dangerous[0], dangerous[3], dangerous[-2]):
        for second in (2, 3, 5):
            place.restore()
            assert place.run(kill_at=first).killed
            place.run(kill_at=second)
            assert place.finish().answer == whole.answer, f"killed at event {first}, then at {second}"


def test_killed_between_events(place: Place) -> None:
    place.save()
    whole = place.undisturbed()
    for number in range(1, 7):
        place.restore()
        place.run(kill_after=0.05 * number)
        assert place.finish().answer == whole.answer, f"killed after {50 * number} ms"


def test_nothing_new_is_nothing_done(place: Place) -> None:
    first = place.finish()
    again = place.finish()
    assert again.answer == first.answer
    assert again.events == ("RunStarted", *("ProductStarted", "ProductFinished") * 2, "RunFinished")
