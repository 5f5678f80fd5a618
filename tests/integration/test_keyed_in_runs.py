"""Keyed results over several runs: first computed by the query over all rows, then kept up to date from changes."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from headwater.events import Event, SinkCommitted, StateCommitted
from headwater.runtime.state import StateStore
from headwater.spec.contract import EventTime
from headwater.spi import discovery

from .plant import READINGS, Plant

MODELS = {
    "plant.by_hour": "SELECT hour(at) AS h, count(*) AS n, max(id) AS top FROM readings GROUP BY hour(at)",
    "plant.kept_by_hour": "SELECT hour(at) AS h, count(*) AS n, max(id) AS top FROM kept GROUP BY hour(at)",
    "plant.by_count": "SELECT n, count(*) AS hours FROM by_hour GROUP BY n",
    "plant.beside": "SELECT r.id, h.n FROM readings AS r LEFT JOIN by_hour AS h ON h.n = r.id",
    "plant.ranked": "SELECT id, row_number() OVER (ORDER BY id) AS place FROM readings",
    "report.total": "SELECT sum(n) AS n, count(*) AS hours FROM plant.by_hour",
}

FILES = {
    "1.csv": ("1 10:00", "2 10:59"),
    "2.csv": ("3 11:09", "4 10:50"),
    "3.csv": ("5 11:10", "6 12:58", "7 10:59"),
    "4.csv": ("8 10:59",),
    "5.csv": ("9 13:30", "10 13:31", "11 14:00"),
}


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    made = Plant(tmp_path)
    made.times = {}
    made.models |= MODELS
    return made


def expected(files: list[str]) -> dict[str, list[tuple[object, ...]]]:
    """What the models hold of some files, worked out without SQL."""
    rows = [(int(number), int(moment[:2])) for file in files for number, moment in map(str.split, FILES[file])]
    hours = Counter(hour for _, hour in rows)
    tops = {hour: max(number for number, at in rows if at == hour) for hour in hours}
    counts = Counter(hours.values())
    order = sorted(number for number, _ in rows)
    return {
        "plant.by_hour": [(hour, n, tops[hour]) for hour, n in hours.items()],
        "plant.kept_by_hour": [(hour, n, tops[hour]) for hour, n in hours.items()],
        "plant.by_count": list(counts.items()),
        "plant.beside": [
            (number, n) for number in order for n in ([number] * counts[number] if number in counts else [None])
        ],
        "plant.ranked": [(number, place) for place, number in enumerate(order, 1)],
        "report.total": [(sum(hours.values()), len(hours))],
    }


def holds(plant: Plant, files: list[str]) -> None:
    for model, rows in expected(files).items():
        assert plant.rows(model) == sorted(rows, key=str), model


def kept(plant: Plant, product: str = "plant") -> set[str]:
    with discovery.engine("duckdb").open(str(plant.layout.state(product)), {}) as session:
        return {str(name) for name in StateStore(session).snapshot().kept}


@pytest.mark.parametrize("cuts", [(1, 2, 3, 4), (2, 4), (1, 4), (3,), ()])
@pytest.mark.parametrize("epoch_bytes", [1, 1_000_000])
def test_every_run_leaves_the_result_over_all_rows(plant: Plant, cuts: tuple[int, ...], epoch_bytes: int) -> None:
    names = list(FILES)
    for begin, end in zip((0, *cuts), (*cuts, len(names)), strict=True):
        for name in names[begin:end]:
            plant.write(name, *FILES[name])
        plant.run(epoch_bytes=epoch_bytes)
        holds(plant, names[:end])


def test_state_is_kept_from_the_first_change_on(plant: Plant) -> None:
    plant.write("1.csv", *FILES["1.csv"])
    plant.run()
    assert kept(plant) == set()
    plant.write("2.csv", *FILES["2.csv"])
    plant.run()
    assert kept(plant) == {name for name in MODELS if name.startswith("plant.")}
    plant.write("3.csv", *FILES["3.csv"])
    plant.run()
    holds(plant, ["1.csv", "2.csv", "3.csv"])


def test_a_changed_query_forgets_what_was_kept(plant: Plant) -> None:
    for name in list(FILES)[:3]:
        plant.write(name, *FILES[name])
        plant.run()
    plant.models["plant.by_hour"] = MODELS["plant.by_hour"].replace("max(id)", "max(id) + 0")
    plant.write("4.csv", *FILES["4.csv"])
    plant.run()
    holds(plant, list(FILES)[:4])
    plant.write("5.csv", *FILES["5.csv"])
    plant.run()
    holds(plant, list(FILES))


def test_a_table_that_was_deleted_is_computed_anew(plant: Plant) -> None:
    for name in list(FILES)[:3]:
        plant.write(name, *FILES[name])
        plant.run()
    shutil.rmtree(Path(plant.layout.lake) / "plant" / "by_hour")
    plant.write("4.csv", *FILES["4.csv"])
    plant.run()
    holds(plant, list(FILES)[:4])
    plant.write("5.csv", *FILES["5.csv"])
    plant.run()
    holds(plant, list(FILES))


@pytest.mark.parametrize("stop", range(1, 12))
def test_a_run_that_is_stopped_anywhere_goes_on(plant: Plant, stop: int) -> None:
    names = list(FILES)
    for name in names[:2]:
        plant.write(name, *FILES[name])
        plant.run()
    seen = 0

    def die(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, StateCommitted | SinkCommitted)
        if seen == stop:
            raise KeyboardInterrupt

    for name in names[2:]:
        plant.write(name, *FILES[name])
    try:
        plant.run(listener=die)
    except KeyboardInterrupt:
        plant.run()
    holds(plant, names)


def test_windows_below_keyed_results_wait_for_the_watermark(plant: Plant) -> None:
    plant.times = {READINGS: EventTime("at", timedelta(minutes=10))}
    plant.models = {
        "plant.kept": "SELECT id, at FROM readings",
        "plant.busiest": (
            "SELECT max(n) AS n FROM (SELECT count(*) AS n FROM TUMBLE(readings, at, INTERVAL 1 HOUR) "
            "GROUP BY window_start, window_end) AS hourly"
        ),
    }
    plant.write("1.csv", "1 10:00", "2 10:30", "3 11:05")
    plant.run()
    assert plant.rows("plant.busiest") == [(None,)]
    plant.write("2.csv", "4 11:20")
    plant.run()
    assert plant.rows("plant.busiest") == [(2,)]
    plant.write("3.csv", *(f"{number} 11:3{number}" for number in range(5, 9)), "9 12:30")
    plant.run()
    assert plant.rows("plant.busiest") == [(6,)]
