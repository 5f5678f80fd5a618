"""The law that programs are held to: however rows are cut into epochs, the content is the batch result.

Apart from the bench, which only runs. After every epoch that allows it: what was told of a model adds up to its query
over what it reads, nothing is lost that was not there, and nothing is gained and lost at once; in the end, content too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from headwater.incremental.program import ChangeMode
from headwater.relations import DIFF_COLUMN
from headwater.spi.engine import Session
from headwater.testing.models import Model, batch_query
from headwater.testing.programs import Epoch, ProgramRun, Row, Source
from headwater.types import DataType, RelationName, Schema, quote_identifier, quote_text
from headwater.values import frozen

__all__ = ["TOLERANCE", "Broken", "Feed", "hold", "unequal", "values_query"]

TOLERANCE: Final = 1e-9
"""By how much floating numbers may differ, relative and absolute: a sum of them depends on the order
of its terms in its last bits, and so does what is computed from sums (means, deviations)."""

_epoch: Final = quote_identifier("kit.epoch")


class Broken(AssertionError):
    """The law does not hold."""


@frozen
class Feed:
    """What arrives in an epoch: rows by relation, of a replaced one with how many times they come or go behind them."""

    rows: Mapping[RelationName, Sequence[Row]]
    ended: Collection[RelationName] = ()


def hold(
    session: Session,
    sources: Sequence[Source],
    models: Sequence[Model],
    feeds: Sequence[Feed],
    *,
    look: Callable[[ProgramRun, Epoch], None] | None = None,
) -> int:
    """Run models over epochs and compare after each.

    Args:
        look: is shown each epoch besides.

    Returns:
        How many comparisons there were.

    Raises:
        Broken: a content, or what was told of it, is not what it has to be.
    """
    read = {name for model in models for name in model.analysis.reads}
    used = [source for source in sources if source.name in read]
    run = ProgramRun(session, used, [model.program for model in models])
    told: dict[RelationName, Counter[Any]] = {model.name: Counter() for model in models}
    fed = _fed(session, used, feeds)
    compared = 0
    try:
        for number, given in enumerate(feeds, 1):
            arrivals = {
                name: f"SELECT * EXCLUDE ({_epoch}) FROM {table} WHERE {_epoch} = {number}"
                for name, table in fed.items()
                if given.rows.get(name)
            }
            epoch = run.epoch(arrivals, ended=given.ended)
            for model in models:
                _add(model, epoch, told[model.name])
                if _comparable(model, _ended(epoch)):
                    _compare(session, run, model, epoch, told[model.name])
                    compared += 1
            if look is not None:
                look(run, epoch)
    finally:
        run.drop()
        for table in fed.values():
            session.execute(f"DROP TABLE {table}")
    return compared


def _fed(session: Session, sources: Sequence[Source], feeds: Sequence[Feed]) -> dict[RelationName, str]:
    """Tables of all rows that will arrive, with the number of their epoch: loaded at once, because that is quicker."""
    made: dict[RelationName, str] = {}
    for source in sources:
        rows = [(number, *row) for number, given in enumerate(feeds, 1) for row in given.rows.get(source.name, ())]
        if rows:
            columns = Schema((*Schema.of({"kit.epoch": "INTEGER"}), *source.schema))
            if source.changes is ChangeMode.REPLACE:
                columns = Schema((*columns, *Schema.of({DIFF_COLUMN: "BIGINT"})))
            made[source.name] = quote_identifier(f"kit.feed.{source.name}")
            session.execute(f"CREATE TABLE {made[source.name]} AS {values_query(columns, rows)}")
    return made


def _add(model: Model, epoch: Epoch, told: Counter[Any]) -> None:
    """Add up what was told."""
    seen: set[Any] = set()
    for row, times in epoch.changes[model.name]:
        key = _hashable(row)
        if model.program.mode is ChangeMode.REPLACE:
            if times == 0 or key in seen:
                raise Broken(f"epoch {epoch.number}: {model.name} tells {row} twice, or nothing of it")
            seen.add(key)
        told[key] += times
        if told[key] < 0:
            raise Broken(f"epoch {epoch.number}: {model.name} loses {row}, which is not there")


def _comparable(model: Model, ended: bool) -> bool:
    """Before the end, a program that waits for time is compared only where it says for which."""
    return ended or not _waits(model) or (model.program.mode is ChangeMode.APPEND and bool(_settled(model)))


def _ended(epoch: Epoch) -> bool:
    return all(mark == "infinity" for mark in epoch.watermarks.values())


def _waits(model: Model) -> bool:
    return any(read.role == "watermark" for read in model.program.inputs)


def _settled(model: Model) -> list[str]:
    return [name for name in model.program.settled if name in model.program.clocks]


def _compare(session: Session, run: ProgramRun, model: Model, epoch: Epoch, told: Counter[Any]) -> None:
    query = batch_query(run, model)
    if _waits(model) and not _ended(epoch):
        closed = " AND ".join(_closed(model, name, epoch.watermarks) for name in _settled(model))
        query = f"SELECT * FROM ({query}) WHERE {closed}"
    found = list(told.elements())
    differences = unequal(session.fetch(query), found)
    if differences:
        raise Broken(f"epoch {epoch.number}: {model.name} is not the batch result\n{differences}")
    if _ended(epoch) and model.program.content is not None:
        # Without content of its own, what it told is what the bench has of it.
        differences = unequal(run.content(model.name), found, tolerance=None)
        if differences:
            raise Broken(f"epoch {epoch.number}: what {model.name} told does not add up to its content\n{differences}")


def _closed(model: Model, column: str, watermarks: Mapping[RelationName, str]) -> str:
    """The condition that time has advanced over a row's value in a column."""
    clock = model.program.clocks[column]
    marks = [watermarks[name] for name in clock.relations]
    least = "-infinity" if "-infinity" in marks else min(marks, key=lambda mark: (mark == "infinity", mark))
    delay = clock.delay // timedelta(microseconds=1)
    operator = "<=" if clock.closes else "<"
    return f"{quote_identifier(column)} + INTERVAL '{delay}' MICROSECOND {operator} TIMESTAMP {quote_text(least)}"


def unequal(expected: Sequence[Row], found: Sequence[Row], *, tolerance: float | None = TOLERANCE) -> str:
    """How two bags of rows differ, as a text; empty when they are equal.

    >>> unequal([(1, 0.1 + 0.2)], [(1, 0.3)])
    ''
    >>> unequal([(1,), (1,)], [(1,)])
    '  - (1,)'
    """
    missing, surplus = Counter(map(_hashable, expected)), Counter(map(_hashable, found))
    both = missing & surplus
    missing, surplus = missing - both, surplus - both
    if tolerance is not None:
        for row in list(missing.elements()):
            near = next((each for each in surplus if _near(row, each, tolerance)), None)
            if near is not None:
                missing -= Counter([row])
                surplus -= Counter([near])
    lines = [f"  - {row}" for row in sorted(missing.elements(), key=repr)]
    lines += [f"  + {row}" for row in sorted(surplus.elements(), key=repr)]
    return "\n".join(lines)


def _near(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_near(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return bool(one == other)


def _hashable(value: Any) -> Any:
    match value:
        case tuple() | list():
            return tuple(_hashable(item) for item in value)
        case dict():
            return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
        case float() if math.isnan(value):
            return "NaN"
        case _:
            return value


def values_query(columns: Schema, rows: Sequence[Row]) -> str:
    """A query that yields rows of Python values; texts stand for what their column's type reads in them."""
    names = ", ".join(f"c{at}" for at in range(len(columns)))
    cells = ", ".join(f"({', '.join(_cell(value) for value in row)})" for row in rows)
    casts = ", ".join(_cast(f"c{at}", column.type, column.name) for at, column in enumerate(columns))
    return f'SELECT {casts} FROM (VALUES {cells}) AS "rows"({names})'


def _cast(cell: str, kind: DataType, name: str) -> str:
    return f"CAST({cell} AS {kind}) AS {quote_identifier(name)}"


def _cell(value: Any) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else quote_text(_text(value))


def _text(value: Any) -> str:
    match value:
        case list():
            return f"[{', '.join('NULL' if item is None else _text(item) for item in value)}]"
        case dict():
            members = (f"{key}: {'NULL' if item is None else _text(item)}" for key, item in value.items())
            return "{" + ", ".join(members) + "}"
        case _:
            return str(value)
