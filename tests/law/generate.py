"""Generated cases: relations, chained queries over them, and rows cut into epochs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.law.choices import Choices
from tests.law.expressions import Col, Rows
from tests.law.queries import model

from headwater.incremental.program import ChangeMode
from headwater.testing.cases import Case, CaseEpoch
from headwater.testing.programs import EventTime, Source
from headwater.types import RelationName, Schema

PRODUCT = "case"
DELAYS = (0, 10, 60)
_begin = datetime.fromisoformat("2024-01-01")
_keys = ("INTEGER", "VARCHAR", "DATE", "DECIMAL(9,2)", "BOOLEAN", "BIGINT")
_values = ("INTEGER", "DOUBLE", "DECIMAL(9,2)", "BIGINT", "FLOAT", "SMALLINT")

Arrivals = dict[str, list[tuple[Any, ...]]]
"""The rows that arrive of each relation; of one that is replaced with their difference behind."""


def name(text: str) -> RelationName:
    return RelationName(PRODUCT, text)


def relations(choose: Choices) -> tuple[Source, ...]:
    """Two streams of events, a stream of versions, rows without time, and rows that come and go."""
    key, value = choose.one_of(_keys), choose.one_of(_values)
    delay = EventTime("ts", timedelta(minutes=choose.one_of(DELAYS)))
    other = EventTime("ts", timedelta(minutes=choose.one_of(DELAYS)))
    a = {"k": key, "n": "INTEGER", "v": value, "s": "VARCHAR", "ts": "TIMESTAMP"}
    return (
        Source(name("a"), Schema.of(a), event_time=delay),
        Source(name("b"), Schema.of({"k": key, "w": "VARCHAR", "ts": "TIMESTAMP", "l": "INTEGER[]"}), event_time=other),
        Source(name("r"), Schema.of({"k": key, "ts": "TIMESTAMP", "n": "INTEGER"}), event_time=delay),
        Source(name("e"), Schema.of({"k": key, "n": "INTEGER", "b": "BOOLEAN"})),
        Source(name("c"), Schema.of({"k": key, "v": value, "s": "VARCHAR"}), ChangeMode.REPLACE),
    )


def queries(choose: Choices, sources: Sequence[Source]) -> dict[str, str]:
    """A chain of models, each over the sources and the models before it."""
    tables = [
        Rows(source.name.name, tuple(Col(column.name, str(column.type)) for column in source.schema))
        for source in sources
    ]
    tables[2] = Rows(tables[2].text, tables[2].cols, unique=("k", "ts"))
    found = {}
    for at in range(choose.weighted({1: 6, 2: 3, 3: 1})):
        query = model(choose, tables, choose.weighted({1: 4, 2: 4, 3: 2, 4: 1}))
        found[f"m{at + 1}"] = query.text
        # What was made last is read more often.
        tables = [Rows(f"m{at + 1}", query.cols), Rows(f"m{at + 1}", query.cols), *tables]
    return found


def case(title: str, sources: tuple[Source, ...], models: dict[str, str], epochs: Sequence[Arrivals]) -> Case:
    """A case that ends all sources with its last epoch."""
    *before, last = epochs
    every = tuple(source.name.name for source in sources)
    return Case(title, sources, models, (*(CaseEpoch(rows) for rows in before), CaseEpoch(last, every)))


def arrivals(choose: Choices, sources: Sequence[Source]) -> list[Arrivals]:
    """Rows cut into epochs: in an order that the delay admits, or, now and then, in any."""
    epochs: list[Arrivals] = [{} for _ in range(choose.weighted({1: 2, 2: 4, 3: 4, 4: 2, 6: 1}))]
    scale = choose.one_of((1, 60))
    for source in sources:
        if source.changes is ChangeMode.REPLACE:
            _come_and_go(choose, source, epochs)
            continue
        rows = [_row(choose, source, scale) for _ in range(choose.weighted({5: 3, 10: 4, 20: 2, 1: 1, 0: 1}))]
        if source.name.name == "r":
            rows = list({(row[0], row[1]): row for row in rows}.values())
        if source.event_time is not None:
            rows = _ordered(choose, source.event_time, source.schema.names.index("ts"), rows)
        cuts = sorted(choose.between(0, len(rows)) for _ in epochs[1:])
        for epoch, start, end in zip(epochs, [0, *cuts], [*cuts, len(rows)], strict=True):
            epoch[source.name.name] = rows[start:end]
    return epochs


def _ordered(choose: Choices, time: EventTime, at: int, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """An order in which no row is late; one in ten times any order, and rows without time."""
    if choose.chance(10):
        return [(*row[:at], None, *row[at + 1 :]) if choose.chance(10) else row for row in rows]
    minutes = time.delay // timedelta(minutes=1)
    # Rows as late as they may be are what lies exactly at the watermark.
    keyed = [(row[at] + timedelta(minutes=_under_way(choose, minutes)), number, row) for number, row in enumerate(rows)]
    return [row for _, _, row in sorted(keyed)]


def _under_way(choose: Choices, minutes: int) -> int:
    return choose.one_of((0, minutes)) if choose.chance(50) else choose.between(0, minutes)


def _come_and_go(choose: Choices, source: Source, epochs: list[Arrivals]) -> None:
    """Rows inserted, updated and deleted; some of them twice."""
    there: Counter[tuple[Any, ...]] = Counter()
    for epoch in epochs:
        changes = []
        for _ in range(choose.weighted({3: 4, 6: 3, 0: 2, 1: 2})):
            known = sorted(there.elements(), key=repr)
            if known and choose.chance(45):
                gone = choose.one_of(known)
                there[gone] -= 1
                changes.append((*gone, -1))
                if choose.chance(50):
                    continue
            row = _row(choose, source, 1)
            there[row] += 1
            changes.append((*row, 1))
        epoch[source.name.name] = changes


def _row(choose: Choices, source: Source, scale: int) -> tuple[Any, ...]:
    return tuple(_value(choose, str(column.type), column.name, scale) for column in source.schema)


def _value(choose: Choices, kind: str, column: str, scale: int) -> Any:
    if column == "ts":
        return _begin + timedelta(minutes=choose.below(300 // scale) * scale)
    if choose.chance(15):
        return None
    match kind:
        case "VARCHAR":
            return choose.one_of(["x", "y", "xy", ""])
        case "DATE":
            return choose.one_of(["2024-01-01", "2024-02-29", "1969-12-31"])
        case "BOOLEAN":
            return choose.chance(50)
        case "INTEGER[]":
            return choose.one_of([[], [1], [1, 2], [2, 2], [None, 3]])
        case "DECIMAL(9,2)":
            return choose.one_of(["1.00", "2.50", "0.10", "-3.33"])
        case "DOUBLE" | "FLOAT":
            return choose.one_of([1.0, 2.5, -0.25, 8.0])
        case _:
            return choose.below(4)
