"""Sources that bring changes: whatever arrives when, models hold what they yield over the newest changes.

The expected rows are worked out from all changes at once, without headwater; files arrive in any order, several in
a run, and a run takes them in one epoch or in several.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from headwater.spec.declarations import Deletion, SourceChanges
from headwater.testing.cases import Case, CaseEpoch
from headwater.testing.law import unequal
from headwater.testing.programs import Source
from headwater.testing.workspaces import CaseWorkspace
from headwater.types import RelationName, Schema

Row = tuple[Any, ...]

PEOPLE: Final = {"id": "INTEGER", "name": "VARCHAR", "v": "INTEGER", "seen": "INTEGER", "op": "VARCHAR"}
SHOPS: Final = {"city": "VARCHAR", "street": "INTEGER", "v": "INTEGER", "gone": "BOOLEAN"}
ORDERS: Final = {"id": "INTEGER", "person": "INTEGER", "amount": "INTEGER"}
KEYED: Final = {
    "people": SourceChanges(key=("id",), order=("seen",), delete=Deletion("op", ("d", "x"))),
    "shops": SourceChanges(key=("city", "street"), delete=Deletion("gone")),
}
MODELS: Final = {
    "mapped": "SELECT id, upper(name) AS name, v + 1 AS v FROM people WHERE v > 1",
    "grouped": "SELECT name, count(*) AS n, sum(v) AS v, max(v) AS most FROM people GROUP BY name",
    "whole": "SELECT count(*) AS n, sum(v) AS v FROM shops",
    "names": "SELECT DISTINCT name FROM people",
    "bought": "SELECT o.id, o.amount, p.name FROM orders AS o LEFT JOIN people AS p ON p.id = o.person",
    "beside": "SELECT p.id, s.street, s.v FROM people AS p FULL JOIN shops AS s ON s.v = p.v",
    "first": "SELECT id, name FROM people QUALIFY row_number() OVER (PARTITION BY name ORDER BY v, id) = 1",
    "together": "SELECT v FROM people UNION ALL SELECT v FROM shops UNION ALL SELECT amount FROM orders",
    "missing": "SELECT id FROM orders WHERE person NOT IN (SELECT id FROM people)",
    "chained": "SELECT n, count(*) AS names FROM grouped GROUP BY n",
    "met": "SELECT g.name, p.id FROM grouped AS g JOIN people AS p ON p.name = g.name AND p.v = g.most",
}


@dataclass(frozen=True)
class Delivery:
    """What arrives: files of each source by their number, and in which runs; a run takes an epoch or several."""

    files: Mapping[str, Mapping[int, Sequence[Row]]]
    runs: Sequence[Sequence[int]]
    least: int | None
    epoch_bytes: int
    models: Sequence[str]


def delivery(seed: int) -> Delivery:
    choose = random.Random(seed)
    count = choose.randint(2, 5)
    arrivals = list(range(1, count + 1))
    choose.shuffle(arrivals)
    cuts = sorted(choose.sample(range(1, count), choose.randint(0, count - 1)))
    makers = {"people": person, "shops": shop, "orders": order}
    return Delivery(
        files={
            name: {number: [make(choose) for _ in range(choose.randint(0, 12))] for number in arrivals}
            for name, make in makers.items()
        },
        runs=[arrivals[begin:end] for begin, end in zip([0, *cuts], [*cuts, count], strict=True)],
        least=choose.choice([None, 1]),
        epoch_bytes=choose.choice([1, 1 << 20]),
        models=["grouped", *choose.sample(sorted(MODELS.keys() - {"grouped"}), 3)],
    )


def person(choose: random.Random) -> Row:
    key = choose.choice([1, 2, 3, 4, 5, 6, None])
    gone = choose.random() < 0.25
    name = choose.choice(["ann", "bob", None])
    return (key, name, choose.randint(0, 4), choose.choice([*range(8), None]), "x" if gone else "c")


def shop(choose: random.Random) -> Row:
    gone = choose.choice([False, False, None, True])
    return (choose.choice(["Oslo", "Rome"]), choose.randint(1, 3), choose.randint(0, 4), gone)


def order(choose: random.Random) -> Row:
    return (choose.randint(1, 9), choose.choice([1, 2, 3, 9]), choose.randint(0, 4))


def newest(given: Delivery, numbers: Sequence[int]) -> dict[str, list[Row]]:
    """The rows of every relation, of the files that have arrived."""

    def read(name: str) -> Iterator[Row]:
        return (row for number in sorted(numbers) for row in given.files[name][number])

    people: dict[Any, Row] = {}
    for row in read("people"):
        key, _, v, seen, op = row
        refused = key is None or seen is None or (given.least is not None and op == "c" and v < given.least)
        if not refused and (key not in people or seen >= people[key][3]):
            people[key] = row
    shops = {row[:2]: row for row in read("shops")}
    return {
        "people": [row for row in people.values() if row[4] == "c"],
        "shops": [row for row in shops.values() if not row[3]],
        "orders": list(read("orders")),
    }


def expected(given: Delivery, numbers: Sequence[int]) -> dict[str, list[Row]]:
    """The batch answers of the models."""
    connection = duckdb.connect()
    for name, rows in newest(given, numbers).items():
        columns = {"people": PEOPLE, "shops": SHOPS, "orders": ORDERS}[name]
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'{each} {kind}' for each, kind in columns.items())})")
        for row in rows:
            connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
    found = {}
    for model in ("grouped", *given.models[1:]):
        connection.execute(f"CREATE TABLE {model} AS {MODELS[model]}")
        found[model] = connection.execute(f"SELECT * FROM {model}").fetchall()
    connection.close()
    return found


def case_of(given: Delivery) -> Case:
    columns = {"people": PEOPLE, "shops": SHOPS, "orders": ORDERS}
    return Case(
        "keyed",
        sources=tuple(Source(RelationName("case", name), Schema.of(of)) for name, of in columns.items()),
        models={name: MODELS[name] for name in given.models},
        epochs=(),
        contracts={"people": {"minimum": {"v": given.least}}} if given.least is not None else {},
        runs=True,
        keyed=KEYED,
    )


def arrived(given: Delivery, number: int) -> CaseEpoch:
    return CaseEpoch(rows={name: files[number] for name, files in given.files.items()})


@pytest.mark.parametrize("seed", range(24))
def test_models_hold_what_the_newest_changes_yield(seed: int, tmp_path: Path) -> None:
    given = delivery(seed)
    workspace = CaseWorkspace(case_of(given), tmp_path, epoch_bytes=given.epoch_bytes)
    there: list[int] = []
    for numbers in given.runs:
        for number in numbers[:-1]:
            workspace.declare(number, arrived(given, number))
        report = workspace.run(numbers[-1], arrived(given, numbers[-1]))
        assert report is not None and report.balanced
        there += numbers
        for name, rows in expected(given, there).items():
            assert unequal(workspace.typed(name, rows), workspace.rows(name)) == "", (name, there)
