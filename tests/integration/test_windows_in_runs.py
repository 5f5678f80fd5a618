"""Windows over several runs: when they close, what comes behind their end, and what a replay makes of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from headwater.events import Event, SinkCommitted
from headwater.runtime.tables import Tables
from headwater.spec.contract import EventTime
from headwater.types import RelationName

from .plant import READINGS, Plant, at

HOURLY = (
    "SELECT strftime(window_start, '%H') AS hour, count(*) AS n "
    "FROM TUMBLE({}, at, INTERVAL 1 HOUR) GROUP BY window_start, window_end"
)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    made = Plant(tmp_path)
    made.models["plant.hourly"] = HOURLY.format("readings")
    return made


def hours(plant: Plant, model: str = "plant.hourly") -> dict[object, object]:
    rows = plant.rows(model)
    found = {row[0]: row[1] for row in rows}
    assert len(rows) == len(found), "a window was published twice"
    return found


def operations(plant: Plant) -> list[str]:
    """How the table of windows came to be, oldest first."""
    versions = Tables(plant.layout).open(RelationName("plant", "hourly"), "parquet").versions()
    return [version.operation for version in sorted(versions, key=lambda version: version.number)]


def test_a_window_closes_in_the_run_whose_rows_pass_its_end(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00", "2 10:59")
    plant.run()
    assert hours(plant) == {}
    plant.write("2.csv", "3 11:09", "4 10:50")
    plant.run()
    assert hours(plant) == {}
    plant.write("3.csv", "5 11:10", "6 10:58", "7 10:59")
    plant.write("4.csv", "8 10:59")
    assert plant.counts(plant.run()) == (4, 2, 2, 0)
    assert hours(plant) == {"10": 4}
    plant.write("5.csv", "9 13:30")
    plant.run()
    assert hours(plant) == {"10": 4, "11": 2}


def test_a_bounded_source_closes_all_and_a_later_file_loses_nothing(plant: Plant) -> None:
    plant.bounded = {READINGS}
    plant.write("1.csv", "1 10:00", "2 11:30")
    plant.run()
    assert hours(plant) == {"10": 1, "11": 1}
    plant.write("2.csv", "3 11:45", "4 12:00")
    plant.write("3.csv", "5 12:15")
    report = plant.run()
    assert plant.counts(report) == (3, 3, 0, 0)
    assert hours(plant) == {"10": 1, "11": 2, "12": 2}


def test_a_run_that_dies_behind_an_end_still_computes_anew(plant: Plant) -> None:
    plant.bounded = {READINGS}
    plant.write("1.csv", "1 10:00", "2 11:30")
    plant.run()
    plant.write("2.csv", "3 11:45", "4 12:00")
    plant.write("3.csv", "5 12:15")

    def die(event: Event) -> None:
        if isinstance(event, SinkCommitted) and event.relation == RelationName("plant", "kept"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plant.run(listener=die)
    assert not plant.watermarks()[READINGS].ended
    plant.run()
    assert hours(plant) == {"10": 1, "11": 2, "12": 2}


def test_a_replayed_late_row_comes_into_its_closed_window(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00", "2 11:30")
    plant.write("2.csv", "3 10:15", "4 12:30")
    plant.run()
    assert hours(plant) == {"10": 1, "11": 1}
    plant.run(replay=READINGS)
    assert hours(plant) == {"10": 2, "11": 1}
    plant.write("3.csv", "5 14:00")
    plant.run()
    assert hours(plant) == {"10": 2, "11": 1, "12": 1}


def test_a_replayed_row_of_a_window_that_is_open_waits_with_it(plant: Plant) -> None:
    plant.times[READINGS] = EventTime("at", timedelta(minutes=10), future=timedelta(0))
    plant.write("1.csv", "1 10:00", "2 11:30", "3 12:30")
    plant.run()
    assert hours(plant) == {"10": 1}
    before = operations(plant)
    plant.now = at("13:00")
    plant.run(replay=READINGS)
    assert hours(plant) == {"10": 1, "11": 1}
    assert operations(plant) == [*before, "append"], "it moved the watermark behind a window, and rebuilt nothing"
    plant.write("2.csv", "4 13:00", "5 12:45")
    plant.now = at("14:00")
    plant.write("3.csv", "6 13:30")
    plant.run()
    assert hours(plant) == {"10": 1, "11": 1, "12": 2}


def test_an_idle_source_holds_no_window_open(plant: Plant) -> None:
    plant.sources = [READINGS, "plant.slow"]
    plant.times = dict.fromkeys(plant.sources, EventTime("at", timedelta(0), idle=timedelta(minutes=30)))
    plant.models = {
        "plant.both": "SELECT id, at FROM readings UNION ALL SELECT id, at FROM slow",
        "plant.hourly": HOURLY.format("both"),
    }
    plant.write("1.csv", "1 10:00")
    plant.write("1.csv", "2 10:30", source="slow")
    plant.run()
    plant.now = at("12:10")
    plant.write("2.csv", "3 11:30")
    plant.run()
    assert hours(plant) == {}
    plant.now = at("12:39")
    plant.run()
    assert hours(plant) == {"10": 2}


def test_a_product_downstream_closes_its_windows_by_the_port(plant: Plant) -> None:
    plant.times = {"plant.kept": EventTime("at", timedelta(minutes=10))}
    del plant.models["plant.hourly"]
    plant.models["report.hourly"] = HOURLY.format("plant.kept")
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 11:30")
    plant.write("3.csv", "3 10:30")
    plant.run()
    assert hours(plant, "report.hourly") == {"10": 1}
    plant.run(replay="plant.kept")
    plant.run()
    assert hours(plant, "report.hourly") == {"10": 2}, "the other product admitted a row of a closed window"
    plant.bounded = {READINGS}
    plant.run(products=["plant"])
    plant.run(products=["report"])
    assert hours(plant, "report.hourly") == {"10": 2, "11": 1}
    plant.write("4.csv", "4 11:40")
    plant.run()
    assert hours(plant, "report.hourly") == {"10": 2, "11": 2}
