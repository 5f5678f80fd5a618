"""Temporal joins: ``JOIN t FOR SYSTEM_TIME AS OF a.time`` (SQL:2011; the spelling is Flink's).

Apart from FROM because such a join is spelled anew: a relation that appends its versions, each at its event time,
is joined with ``ASOF JOIN ... AND a.time >= t.<event time>``, which means the same. From there on it is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from headwater.sql.expressions import Resolution, derive, spelled
from headwater.sql.scope import IDENTITY, Output, References, Scope, Source
from headwater.values import frozen

__all__ = ["Moment", "is_temporal", "spell_temporal", "take_moment"]

_written = "JOIN t FOR SYSTEM_TIME AS OF a.time ON a.key = t.key"


def is_temporal(table: exp.Table) -> bool:
    """Whether a table is read as of a time that the rows beside it tell."""
    clause = table.args.get("version")
    if not isinstance(table.parent, exp.Join) or not isinstance(clause, exp.Version):
        return False
    at_time = clause.name.upper() == "TIMESTAMP" and str(clause.args.get("kind")).upper() == "AS OF"
    return at_time and clause.expression.find(exp.Column) is not None


@frozen
class Moment:
    """The time that a temporal join asks for, and what it derives from."""

    time: exp.Expr
    references: References


def take_moment(join: exp.Join, scope: Scope, resolution: Resolution) -> Moment | None:
    """The time of a temporal join, resolved over the items before it and taken off its table; None of other joins."""
    table = join.this
    if not isinstance(table, exp.Table) or not is_temporal(table):
        return None
    whole = exp.Paren(this=table.args["version"].expression)
    table.set("version", None)
    found = derive(whole, scope, resolution)
    return Moment(whole.this if isinstance(whole.this, exp.Column) else whole, found.references)


def spell_temporal(join: exp.Join, moment: Moment, joined: Source, resolution: Resolution) -> References:
    """Write a temporal join, whose condition is resolved, as a join with the version before.

    Returns:
        What its times derive from.
    """
    if _refused(join, joined, resolution):
        return moment.references
    times = [output for output in joined.block.columns if _is_event_time(output, resolution)]
    if len(times) != 1:
        asof = "write ASOF JOIN with its time: ASOF JOIN t ON a.key = t.key AND a.time >= t.time"
        resolution.problems.add(
            f"the versions of '{joined.alias}' have no event time"
            if not times
            else f"'{joined.alias}' has several event times: {', '.join(each.name for each in times)}",
            join.this,
            detail="FOR SYSTEM_TIME AS OF asks for the row that held at a time; only a relation that appends "
            "its versions, each at its event time, knows what held before now",
            hint=f"declare the event time in its contract, or {asof}" if not times else asof,
        )
        return moment.references
    time = exp.Column(this=spelled(times[0].name), table=spelled(joined.qualifier or joined.alias))
    join.set("on", exp.And(this=join.args["on"], expression=exp.GTE(this=moment.time, expression=time)))
    join.set("method", "ASOF")
    return moment.references | times[0].derivation.references


def _is_event_time(output: Output, resolution: Resolution) -> bool:
    """Whether a column is, unchanged, the event time of a relation."""
    derivation = output.derivation
    if derivation.kind != IDENTITY or len(derivation.direct) != 1:
        return False
    (reference,) = derivation.direct
    return resolution.event_times.get(reference.relation) == reference.column


def _refused(join: exp.Join, joined: Source, resolution: Resolution) -> bool:
    """Whether the join is of another form than temporal joins have, which is noted as a problem."""
    words = " ".join(str(join.args.get(key) or "") for key in ("method", "side", "kind")).upper().split()
    on = join.args.get("on")
    message = hint = None
    if set(words) - {"LEFT", "INNER", "OUTER"}:
        message = f"{' '.join(words)} JOIN does not ask for versions"
    elif on is None:
        message = "a temporal join needs the key of its table in ON"
    elif (other := next(_others(on, joined), None)) is not None:
        message = "the condition of a temporal join is equalities with the key of its table"
        hint, on = "put other conditions into WHERE", other
    if message is None:
        return False
    resolution.problems.add(message, on or join.this, hint=hint or f"write {_written}")
    return True


def _others(on: exp.Expr, joined: Source) -> Iterator[exp.Expr]:
    """The parts of a condition that are no equality of one of the table's columns with something beside it."""
    waiting = [on]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, exp.And):
            waiting = [node.this, node.expression, *waiting]
        elif isinstance(node, exp.Paren):
            waiting.insert(0, node.this)
        elif not isinstance(node, exp.EQ) or not _meets(node, joined):
            yield node


def _meets(node: exp.EQ, joined: Source) -> bool:
    sides = [{each.table for each in side.find_all(exp.Column)} for side in (node.this, node.expression)]
    alone = [isinstance(side, exp.Column) and side.table == joined.qualifier for side in (node.this, node.expression)]
    return any(
        mine and bool(others) and joined.qualifier not in others
        for mine, others in zip(alone, reversed(sides), strict=True)
    )
