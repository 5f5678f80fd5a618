"""The first rows of each key, by row_number, rank or dense_rank up to a number, or of all, by LIMIT.

Of rows that only come, one that is not among the first now will never be: only the first rows of each key are
kept. New rows compete with those of their key; of rows that the order does not tell apart, those that were published
stay, so that nothing changes without need.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from headwater.incremental.algebra.nodes import Analytic, Item, Limit, Node, Rowwise
from headwater.incremental.algebra.render import listed, sql
from headwater.incremental.flows import Build, Flow, diff, matches
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.lowering.rows import column, conjuncts, filtered, pass_through, projected
from headwater.incremental.program import Block, BlockKind
from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = ["Leaders", "block", "leaders_of", "ranking"]

_NEW = "_hw_new"
"""1 for a row that comes in this epoch, 0 for one that is kept."""


@frozen
class Leaders:
    """Rows that are asked for only up to a rank.

    Attributes:
        ranked: what gives rows their ranks, all by one order.
        rank: the column with the rank that is limited.
        most: up to which.
        above: what treats rows alone between there and the operator that was asked about, from below.
    """

    ranked: Analytic
    rank: str
    most: int
    above: tuple[Rowwise, ...]


def leaders_of(node: Node) -> Leaders | None:
    """The ranking that an operator asks only the first rows of; None when it asks for more."""
    if isinstance(node, Limit):
        return _limited(node)
    if not isinstance(node, Rowwise) or not _limits(node):
        return None
    limits: dict[str, int] = {}
    above: list[Rowwise] = []
    below: Node = node
    while isinstance(below, Rowwise):
        limits = {below.passes[name]: most for name, most in limits.items() if name in below.passes}
        for name, most in _limits(below).items():
            limits[name] = min(most, limits.get(name, most))
        above.insert(0, below)
        below = below.input
    if not isinstance(below, Analytic) or not _ranks_by_one_order(below):
        return None
    ranks = {item.name: limits[item.name] for item in below.items if item.name in limits}
    if not ranks:
        return None
    name = min(ranks, key=lambda each: ranks[each])
    return Leaders(below, name, ranks[name], tuple(above))


def ranking(found: Leaders, flow: Flow, build: Build) -> Flow:
    """The first rows of each key, with their ranks, of rows that only come."""
    node, columns = found.ranked, listed(found.ranked.columns)
    name, given = node.name, listed(node.input.columns)
    now = [quote_identifier(item.name) for item in node.items]
    was = [quote_identifier(f"_hw_was_{item.name}") for item in node.items]
    first = f"{quote_identifier(found.rank)} <= {found.most}"
    shape = build.work(f"{name}.shape", f"SELECT {columns} FROM {build.render(node, [flow.rows])} WHERE false")
    state = build.keep(f"{name}.first", shape)
    touched = f'EXISTS (SELECT 1 FROM {flow.rows} AS "new" WHERE {matches(node.partition, "new", "kept")})'
    kept = ", ".join(f"{rank} AS {old}" for rank, old in zip(now, was, strict=True))
    none = ", ".join(f"NULL AS {old}" for old in was)
    competing = (
        f'SELECT {given}, {kept}, 0 AS {_NEW} FROM {state} AS "kept" WHERE {touched} '
        f"UNION ALL SELECT {given}, {none}, 1 AS {_NEW} FROM {flow.rows}"
    )
    ranks = ", ".join(
        f"{sql(_kept_first(item.expression))} AS {rank}" for item, rank in zip(node.items, now, strict=True)
    )
    ranked = f"SELECT {given}, {', '.join(was)}, {_NEW}, {ranks} FROM ({competing})"
    moved = " OR ".join(f"{old} <> {rank}" for rank, old in zip(now, was, strict=True))
    changes = build.work(f"{name}.ranked", f"SELECT * FROM ({ranked}) WHERE {first} OR {_NEW} = 0")
    delta = (
        f"SELECT {columns}, CAST(1 AS BIGINT) AS {diff} FROM {changes} WHERE {first} AND ({_NEW} = 1 OR {moved}) "
        f"UNION ALL SELECT {', '.join((given, *was))}, CAST(-1 AS BIGINT) FROM {changes} "
        f"WHERE {_NEW} = 0 AND (NOT {first} OR {moved})"
    )
    gained = build.work(f"{name}.delta", delta)
    here = f'EXISTS (SELECT 1 FROM {gained} AS "new" WHERE {matches(node.partition, "new", "kept")})'
    build.delete(state, here)
    build.insert(state, f'SELECT {columns} FROM {changes} AS "kept" WHERE {first} AND {here}')
    build.say(block(found))
    return Flow(rows=gained, columns=node.columns, changes=Changes.REPLACE, content=state)


def _limited(node: Limit) -> Leaders | None:
    """ORDER BY with LIMIT and OFFSET as a ranking of all rows."""
    if not isinstance(node.limit, exp.Literal) or not isinstance(node.offset, exp.Literal | None):
        return None
    if not node.limit.is_int or not (node.offset is None or node.offset.is_int):
        return None
    before = int(node.offset.name) if node.offset is not None else 0
    place = f"{node.name}.place"
    order = exp.Order(expressions=[term.copy() for term in node.order]) if node.order else None
    item = Item(place, exp.Window(this=exp.RowNumber(), order=order))
    ranked = Analytic(node.name, node.input, (), (item,), (*node.input.columns, place))
    behind = [exp.GT(this=column(place), expression=exp.Literal.number(before))] if before else []
    rows = filtered(f"{node.name}.behind", ranked, behind)
    listing = projected(node.name, rows, pass_through(node.columns))
    above = (rows, listing) if isinstance(rows, Rowwise) else (listing,)
    return Leaders(ranked, place, before + int(node.limit.name), above)


def _ranks_by_one_order(node: Analytic) -> bool:
    windows = [item.expression for item in node.items]
    return len({window.args.get("order") for window in windows}) == 1 and all(
        isinstance(window, exp.Window) and isinstance(window.this, exp.RowNumber | exp.Rank | exp.DenseRank)
        for window in windows
    )


def _kept_first(window: exp.Expr) -> exp.Expr:
    """A rank for which rows that are kept come before new ones that the order does not tell from them."""
    if not isinstance(window.this, exp.RowNumber):
        return window
    copy = window.copy()
    order = copy.args.get("order")
    terms = order.expressions if order is not None else []
    copy.set("order", exp.Order(expressions=[*terms, column(_NEW)]))
    return copy


def _limits(node: Rowwise) -> Mapping[str, int]:
    """Columns of its input, and the greatest whole number that its filter lets through."""
    where = node.select.args.get("where")
    found: dict[str, int] = {}
    for condition in conjuncts(where.this if where is not None else None):
        limit = _limit(condition)
        if limit is not None:
            found[limit[0]] = min(limit[1], found.get(limit[0], limit[1]))
    return found


def _limit(condition: exp.Expr) -> tuple[str, int] | None:
    """The column and the number of ``c <= n`` and the like, whichever side the number stands on."""
    if isinstance(condition, exp.Between):
        return _bound(condition.this, condition.args["high"], 0)
    if not isinstance(condition, exp.LTE | exp.LT | exp.EQ | exp.GTE | exp.GT):
        return None
    limited, most = condition.this, condition.expression
    if isinstance(condition, exp.GTE | exp.GT) or (isinstance(condition, exp.EQ) and isinstance(limited, exp.Literal)):
        limited, most = most, limited
    return _bound(limited, most, 1 if isinstance(condition, exp.LT | exp.GT) else 0)


def _bound(limited: exp.Expr, most: exp.Expr, less: int) -> tuple[str, int] | None:
    if isinstance(limited, exp.Column) and isinstance(most, exp.Literal) and most.is_int:
        return limited.name, int(most.name) - less
    return None


def block(found: Leaders) -> Block:
    """How the first rows are maintained."""
    keys = found.ranked.partition
    return Block(
        name=found.ranked.name,
        kind=BlockKind.KEYED,
        why=f"only the first rows ({found.most} at most) {'of each key' if keys else 'of all'} are asked for",
        state=f"the first rows {'of each key' if keys else 'of all'}",
        key=keys,
        bounded=not keys,
    )
