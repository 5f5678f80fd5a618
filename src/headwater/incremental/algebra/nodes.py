"""Queries as operators over rows: what the kinds maintain.

Apart from the query's text because a block such as ``SELECT ... FROM a JOIN b ...
GROUP BY ...`` is several things to maintain, each with its own key: a join, then a
grouping. The operators are those of the relational algebra on bags, as in DBSP
(Budiu et al., VLDB 2023), with windows of time beside them.

Every operator yields ``columns``, whose names are unique in it; a column of a
FROM item ``o`` is named ``o.amount``, so that both sides of a join differ.
Expressions are trees over these names, without tables. What rows are brought
together by (keys, partitions, sides of equalities, times) is always a column: a
computed key is projected first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

from sqlglot import exp

from headwater.types import RelationName
from headwater.values import frozen

__all__ = [
    "Aggregate",
    "Analytic",
    "AsOf",
    "Assign",
    "Constant",
    "Distinct",
    "Item",
    "Join",
    "JoinKind",
    "Limit",
    "Node",
    "Opaque",
    "Relation",
    "Rowwise",
    "Session",
    "SetKind",
    "SetOperation",
    "Union",
    "inputs_of",
]


@frozen
class Item:
    """A named expression."""

    name: str
    expression: exp.Expr


class JoinKind(StrEnum):
    INNER = "inner"
    LEFT = "left"
    FULL = "full"
    SEMI = "semi"
    ANTI = "anti"


class SetKind(StrEnum):
    INTERSECT = "intersect"
    EXCEPT = "except"


@frozen(eq=False)
class Relation:
    """A published relation; ``columns`` are those of its columns that the query uses."""

    name: str
    relation: RelationName
    columns: tuple[str, ...]


@frozen(eq=False)
class Constant:
    """Rows written in the query: ``query`` reads no relation."""

    name: str
    query: exp.Expr
    columns: tuple[str, ...]


@frozen(eq=False)
class Rowwise:
    """Each row becomes rows by itself: projection, filter, unnesting.

    ``select`` reads one table named ``rows``. ``passes`` says which output columns
    are columns of the input, unchanged.
    """

    name: str
    input: Node
    select: exp.Select
    columns: tuple[str, ...]
    passes: Mapping[str, str] = field(default_factory=dict)


@frozen(eq=False)
class Assign:
    """Each row in each of its windows: TUMBLE (``slide`` is ``size``), HOP, CUMULATE (``slide`` is the step).

    Adds ``window_start``, ``window_end`` and ``window_time`` behind ``prefix``. ``offset`` moves the
    alignment. ``size`` None: months, of which ``months`` tells how many (TUMBLE only).
    """

    name: str
    input: Node
    kind: str
    time: str
    slide: timedelta | None
    size: timedelta | None
    offset: timedelta
    months: int
    prefix: str
    columns: tuple[str, ...]


@frozen(eq=False)
class Session:
    """Each row in its session: rows of one key no more than ``gap`` apart. Adds the window columns."""

    name: str
    input: Node
    keys: tuple[str, ...]
    time: str
    gap: timedelta
    prefix: str
    columns: tuple[str, ...]


@frozen(eq=False)
class Union:
    """All rows of the inputs; columns by position, named as the first input's."""

    name: str
    inputs: tuple[Node, ...]
    columns: tuple[str, ...]


@frozen(eq=False)
class Join:
    """Pairs of rows. ``on`` are equalities (left, right), in those of ``alike`` NULL equals NULL.

    ``residual`` is the rest of the condition.
    There is no RIGHT: it is LEFT with the sides exchanged.

    ``columns`` are the left's and the right's, of SEMI and ANTI only the left's.
    """

    name: str
    kind: JoinKind
    left: Node
    right: Node
    on: tuple[tuple[str, str], ...]
    residual: exp.Expr | None
    columns: tuple[str, ...]
    alike: frozenset[tuple[str, str]] = frozenset()


@frozen(eq=False)
class AsOf:
    """To each left row the right row with equal ``on`` whose ``right_time`` is the nearest that ``operator`` allows.

    ``operator`` stands between left and right time: ``>=``, ``>``, ``<=`` or ``<``.
    """

    name: str
    left: Node
    right: Node
    on: tuple[tuple[str, str], ...]
    left_time: str
    operator: str
    right_time: str
    outer: bool
    columns: tuple[str, ...]


@frozen(eq=False)
class Aggregate:
    """One row for each combination of ``keys``, one in all without keys; ``columns`` are keys, then aggregates."""

    name: str
    input: Node
    keys: tuple[str, ...]
    aggregates: tuple[Item, ...]
    columns: tuple[str, ...]


@frozen(eq=False)
class Distinct:
    """Each row once."""

    name: str
    input: Node
    columns: tuple[str, ...]


@frozen(eq=False)
class Analytic:
    """Functions over the rows of a partition, added as columns. All ``items`` share ``partition``."""

    name: str
    input: Node
    partition: tuple[str, ...]
    items: tuple[Item, ...]
    columns: tuple[str, ...]


@frozen(eq=False)
class Limit:
    """The first rows of all, by ``order`` (``exp.Ordered`` over the input's columns)."""

    name: str
    input: Node
    order: tuple[exp.Expr, ...]
    limit: exp.Expr | None
    offset: exp.Expr | None
    columns: tuple[str, ...]


@frozen(eq=False)
class SetOperation:
    """INTERSECT or EXCEPT, of bags when ``all_``; columns by position, named as the left's."""

    name: str
    kind: SetKind
    all_: bool
    left: Node
    right: Node
    columns: tuple[str, ...]


@frozen(eq=False)
class Opaque:
    """A query that is only understood as a whole.

    ``query`` reads the inputs as tables ``input1``, ``input2`` ...; ``why`` says what was not
    understood, as the end of the sentence "this block is full because ...".
    """

    name: str
    inputs: tuple[Node, ...]
    query: exp.Expr
    why: str
    cheaper: str | None
    columns: tuple[str, ...]


Node: TypeAlias = (
    Relation
    | Constant
    | Rowwise
    | Assign
    | Session
    | Union
    | Join
    | AsOf
    | Aggregate
    | Distinct
    | Analytic
    | Limit
    | SetOperation
    | Opaque
)


def inputs_of(node: Node) -> tuple[Node, ...]:
    """What an operator reads."""
    match node:
        case Relation() | Constant():
            return ()
        case Union() | Opaque():
            return node.inputs
        case Join() | AsOf() | SetOperation():
            return (node.left, node.right)
        case _:
            return (node.input,)
