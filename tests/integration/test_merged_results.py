"""Keyed results are published by what they gained and lost: tables hold the batch query's rows, few files are new."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from headwater.errors import DataError
from headwater.events import Event, SinkCommitted, StateCommitted
from headwater.spec.contract import Property, QualityRule
from headwater.spi import PublishMode, TableSpec
from headwater.spi.table import CommitId, FileSwapper
from headwater.types import RelationName, Schema

from .merging import HOURS, Merging
from .plant import contract


@pytest.fixture(params=["parquet", "delta", "iceberg"])
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Merging:
    return Merging(tmp_path, request.param)


@pytest.fixture
def grown(plant: Merging) -> Merging:
    """Six hours, each published in a file of its own."""
    for hour in range(6):
        plant.feed((hour * 10, hour), (hour * 10 + 1, hour))
        plant.run()
    return plant


def test_few_changes_touch_few_files(grown: Merging) -> None:
    before = _files(grown)
    grown.feed((60, 5), (61, 5))
    grown.run()
    grown.holds()
    assert grown.operations(HOURS)[-1] == "merge"
    assert "append" in grown.operations(HOURS)
    assert len(before & _files(grown)) == len(before) - 1
    grown.feed((62, 0), (63, 1), (64, 2), (65, 3))  # most files are touched
    grown.run()
    grown.holds()
    assert grown.operations(HOURS)[-1] == "replace"


def test_what_changed_last_lies_apart(plant: Merging) -> None:
    """Of a table that was written at once, the hours that change again and again leave the others alone."""
    plant.models["plant.bag"] = "SELECT hour(at) < 19 AS early, count(*) AS n FROM readings GROUP BY hour(at)"
    plant.feed(*((number, number % 20) for number in range(100)))
    plant.run()
    for number in (100, 101, 102):
        plant.feed((number, 19))
        plant.run()
        plant.holds()
        hours = Counter(hour for _, hour in plant.read)
        assert plant.contents("plant.bag") == Counter((hour < 19, n) for hour, n in hours.items())
    assert plant.operations(HOURS) == ["replace", "replace", "replace", "merge"]


def test_epochs_of_one_run_are_published_together(grown: Merging) -> None:
    for number, hour in ((60, 5), (61, 5), (62, 9), (63, 5)):
        grown.feed((number, hour))
    grown.run(epoch_bytes=1)
    grown.holds()
    assert grown.operations(HOURS)[-1] == "merge"
    grown.feed((70, 9))
    grown.run()
    grown.holds()


def test_what_was_set_aside_outlives_the_process(grown: Merging) -> None:
    class Stopped(Exception):
        """The process ends."""

    def stop(event: Event) -> None:
        if isinstance(event, StateCommitted):
            raise Stopped

    for number in (60, 61, 62):
        grown.feed((number, 5))
    for _ in range(2):
        with pytest.raises(Stopped):
            grown.run(epoch_bytes=1, listener=stop)
    grown.run(epoch_bytes=1)
    grown.holds()
    assert grown.operations(HOURS)[-1] == "merge"


def test_changes_all_over_a_table_are_not_set_aside(grown: Merging) -> None:
    class Stopped(Exception):
        """The process ends."""

    def stop(event: Event) -> None:
        if isinstance(event, StateCommitted):
            raise Stopped

    for number in (60, 70, 80):
        grown.feed(*((number + hour, hour) for hour in range(6)))
    with pytest.raises(Stopped):
        grown.run(epoch_bytes=1, listener=stop)
    assert HOURS in _kept(grown, "#whole")
    assert HOURS not in _kept(grown, "#unpublished")
    grown.run(epoch_bytes=1)
    grown.holds()
    assert grown.operations(HOURS)[-1] == "replace"
    assert _kept(grown, "#whole") == _kept(grown, "#unpublished") == []
    grown.feed((90, 5))
    grown.run()
    grown.holds()


@pytest.mark.parametrize("moment", [StateCommitted, SinkCommitted])
def test_another_writer_between_state_and_table_is_replaced(grown: Merging, moment: type[Event]) -> None:
    class Stopped(Exception):
        """The process ends."""

    def stop(event: Event) -> None:
        if isinstance(event, moment):
            raise Stopped

    grown.feed((60, 5), (61, 5))
    with pytest.raises(Stopped):
        grown.run(listener=stop)
    _write_as_another(grown)
    grown.run()
    if moment is SinkCommitted:  # the table was committed before the other writer came: nobody looks at it now
        grown.feed((62, 5))
        grown.run()
    grown.holds()
    assert grown.operations(HOURS)[-1] == "replace"
    grown.feed((70, 5))
    grown.run()
    grown.holds()


def test_a_run_without_any_difference_publishes_nothing(grown: Merging) -> None:
    grown.models["plant.evens"] = "SELECT DISTINCT hour(at) AS h FROM readings"
    grown.run()
    grown.feed((59, 5))
    grown.run()
    version = grown.table("plant.evens").version()
    grown.feed((58, 5))
    grown.run()
    grown.holds()
    assert grown.table("plant.evens").version() == version


def test_contracts_are_judged_by_what_came(plant: Merging) -> None:
    """Rows, keys and whole contents; once something is refused, the whole is judged and replaced."""
    few = QualityRule("library", metric="rowCount", operator="mustBeLessThan", threshold=8)
    large = Property("top", options={"maximum": 99})
    plant.promise = dataclasses.replace(
        contract(HOURS, None), properties=(Property("h", primary_key_position=1), Property("n"), large), rules=(few,)
    )
    for hour in range(6):
        plant.feed((hour * 10, hour), (hour * 10 + 1, hour))
        plant.run()
    plant.feed((60, 5), (61, 5))
    plant.run()
    plant.holds()
    assert plant.operations(HOURS)[-1] == "merge"
    assert plant.counts(plant.run_with((62, 7)), HOURS) == (7, 7, 0, 0)
    assert plant.operations(HOURS)[-1] == "append"
    plant.feed((63, 8))
    with pytest.raises(DataError):
        plant.run()
    plant.read.pop()
    plant.holds()


def test_refused_rows_leave_the_table_with_the_next_replacement(plant: Merging) -> None:
    plant.promise = dataclasses.replace(
        contract(HOURS, None), properties=(Property("h"), Property("n"), Property("top", options={"maximum": 99}))
    )
    for hour in range(6):
        plant.run_with((hour * 10, hour), (hour * 10 + 1, hour))
    assert plant.counts(plant.run_with((100, 5)), HOURS) == (6, 5, 0, 1)
    assert plant.operations(HOURS)[-1] == "replace"
    assert plant.counts(plant.run_with((55, 4)), HOURS) == (6, 5, 0, 1)
    assert {row[2] for row in plant.rows(HOURS)} == {1, 11, 21, 31, 55}


def _files(plant: Merging) -> set[str]:
    model = TableSpec(Schema.of({"h": "bigint", "n": "bigint", "top": "bigint"}))
    table = plant.table(HOURS)
    assert isinstance(table, FileSwapper)
    footing = table.footing(model)
    assert footing is not None
    return {file.name for file in footing.files.files}


def _kept(plant: Merging, what: str) -> list[str]:
    """The models of which the state keeps a table of some name."""
    with duckdb.connect(str(plant.layout.state("plant")), read_only=True) as state:
        found = state.execute("SELECT table_name FROM duckdb_tables() WHERE ends_with(table_name, ?)", [f"/{what}"])
        return sorted(name.removeprefix("state.").partition("/")[0] for (name,) in found.fetchall())


def _write_as_another(plant: Merging) -> None:
    """Somebody else puts a table's rows into other files, and adds one."""
    import pyarrow as pa

    table = plant.table(HOURS)
    rows = pa.table({"h": [77], "n": [1], "top": [7]}).to_reader()
    identity = CommitId(RelationName.parse(HOURS), "somebody", 1)
    spec = TableSpec(Schema.of({"h": "bigint", "n": "bigint", "top": "bigint"}))
    table.commit(table.stage(rows, spec, identity, PublishMode.REPLACE))
