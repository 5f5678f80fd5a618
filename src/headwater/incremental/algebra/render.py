"""Operators as SQL over given rows: what each means, in batch and in an epoch alike.

Apart from the kinds because all of them compute parts of a result by the
operator's own query, over fewer rows. This is the meaning of every operator, in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import singledispatch

from sqlglot import exp

from headwater.incremental.algebra.nodes import (
    Aggregate,
    Analytic,
    AsOf,
    Assign,
    Constant,
    Distinct,
    Item,
    Join,
    JoinKind,
    Limit,
    Node,
    Opaque,
    Relation,
    Rowwise,
    Session,
    SetOperation,
    Union,
)
from headwater.sql.parse import generate
from headwater.types import quote_identifier

__all__ = ["interval", "listed", "meets", "render", "sql", "window_columns"]

quote = quote_identifier


def render(node: Node, inputs: Sequence[str], *, carried: Sequence[str] = ()) -> str:
    """The operator's query over rows.

    Args:
        inputs: what stands in FROM for each input: a name, or a query in parentheses.
        carried: further columns of the input that each row takes along (operators that treat rows alone).
    """
    return _query(node, inputs, carried)


@singledispatch
def _query(node: Node, _: Sequence[str], __: Sequence[str]) -> str:
    raise AssertionError(f"no query for {type(node).__name__}")


def sql(tree: exp.Expr) -> str:
    """The text of an expression or query; the tree stays as it is."""
    return generate(tree, copy=True)


def listed(names: Iterable[str], table: str | None = None) -> str:
    """Column names as a list for SELECT."""
    prefix = f"{table}." if table else ""
    return ", ".join(f"{prefix}{quote(name)}" for name in names)


def interval(length: timedelta) -> str:
    """A length of time as a literal.

    >>> interval(timedelta(minutes=90))
    "INTERVAL '5400000000' MICROSECOND"
    """
    return f"INTERVAL '{length // timedelta(microseconds=1)}' MICROSECOND"


def window_columns(prefix: str) -> tuple[str, str, str]:
    """The names of the columns that windows add."""
    return f"{prefix}window_start", f"{prefix}window_end", f"{prefix}window_time"


def _items(items: Iterable[Item]) -> str:
    return ", ".join(f"{sql(item.expression)} AS {quote(item.name)}" for item in items)


def _renamed(names: Sequence[str], new: Sequence[str], carried: Sequence[str] = ()) -> str:
    parts = [
        quote(old) if old == name else f"{quote(old)} AS {quote(name)}" for old, name in zip(names, new, strict=True)
    ]
    return ", ".join([*parts, *(quote(name) for name in carried)])


@_query.register
def _relation(node: Relation, inputs: Sequence[str], carried: Sequence[str]) -> str:
    names = (*node.columns, *carried)
    return f"SELECT {listed(names) if names else '1'} FROM {inputs[0]}"


@_query.register
def _constant(node: Constant, _: Sequence[str], __: Sequence[str]) -> str:
    return f'SELECT {listed(node.columns)} FROM ({sql(node.query)}) AS "rows"'


@_query.register
def _union(node: Union, inputs: Sequence[str], carried: Sequence[str]) -> str:
    return " UNION ALL ".join(
        f"SELECT {_renamed(part.columns, node.columns, carried)} FROM {rows}"
        for part, rows in zip(node.inputs, inputs, strict=True)
    )


@_query.register
def _distinct(node: Distinct, inputs: Sequence[str], _: Sequence[str]) -> str:
    return f"SELECT DISTINCT {listed(node.columns)} FROM {inputs[0]}"


@_query.register
def _analytic(node: Analytic, inputs: Sequence[str], _: Sequence[str]) -> str:
    return f"SELECT {listed(node.input.columns)}, {_items(node.items)} FROM {inputs[0]}"


@_query.register
def _set_operation(node: SetOperation, inputs: Sequence[str], _: Sequence[str]) -> str:
    word = f"{node.kind.value.upper()}{' ALL' if node.all_ else ''}"
    left = _renamed(node.left.columns, node.columns)
    right = _renamed(node.right.columns, node.columns)
    return f"SELECT {left} FROM {inputs[0]} {word} SELECT {right} FROM {inputs[1]}"


@_query.register
def _rowwise(node: Rowwise, inputs: Sequence[str], carried: Sequence[str]) -> str:
    rows = inputs[0]
    select = node.select.copy()
    for name in carried:
        select.append("expressions", exp.column(exp.to_identifier(name, quoted=True), table="rows"))
    tables = [table for table in select.find_all(exp.Table) if table.name == "rows" and not table.db]
    if len(tables) == 1:
        tables[0].replace(exp.Alias(this=exp.Var(this=rows), alias=exp.to_identifier("rows", quoted=True)))
        return generate(select)
    for table in tables:
        table.set("alias", None)
    text = generate(select)
    return f'WITH "rows" AS NOT MATERIALIZED (SELECT * FROM {rows}) {text}'


@_query.register
def _assign(node: Assign, inputs: Sequence[str], carried: Sequence[str]) -> str:
    rows = inputs[0]
    start, end, last = (quote(name) for name in window_columns(node.prefix))
    time, columns = quote(node.time), listed(node.input.columns)
    origin = f"TIMESTAMP '1970-01-01 00:00:00' + {interval(node.offset)}"
    if node.size is None or node.slide is None:
        width = f"INTERVAL '{node.months}' MONTH"
        windows = f"time_bucket({width}, {time}, {origin}) AS {start}, {start} + {width} AS {end}"
        source, where = rows, f"{time} IS NOT NULL"
    elif node.kind == "TUMBLE":
        width = interval(node.size)
        windows = f"time_bucket({width}, {time}, {origin}) AS {start}, {start} + {width} AS {end}"
        source, where = rows, f"{time} IS NOT NULL"
    elif node.kind == "HOP":
        slide, count = interval(node.slide), -(-node.size // node.slide)
        windows = (
            f'time_bucket({slide}, {time}, {origin}) - {slide} * "_hw_hop" AS {start}, '
            f"{start} + {interval(node.size)} AS {end}"
        )
        source = f'{rows} CROSS JOIN UNNEST(generate_series(0, {count - 1})) AS "_hw_hops"("_hw_hop")'
        where = f"{time} IS NOT NULL" + ("" if node.size % node.slide == timedelta() else f" AND {end} > {time}")
    else:
        count = node.size // node.slide
        windows = (
            f"time_bucket({interval(node.size)}, {time}, {origin}) AS {start}, "
            f'{start} + {interval(node.slide)} * "_hw_step" AS {end}'
        )
        source = f'{rows} CROSS JOIN UNNEST(generate_series(1, {count})) AS "_hw_steps"("_hw_step")'
        where = f"{time} IS NOT NULL AND {end} > {time}"
    taken = "".join(f", {quote(name)}" for name in carried)
    return f"SELECT {columns}, {windows}, {end} - INTERVAL '1' MICROSECOND AS {last}{taken} FROM {source} WHERE {where}"


@_query.register
def _session(node: Session, inputs: Sequence[str], _: Sequence[str]) -> str:
    rows = inputs[0]
    start, end, last = (quote(name) for name in window_columns(node.prefix))
    time, gap = quote(node.time), interval(node.gap)
    keys = listed(node.keys)
    by_key = f"PARTITION BY {keys} ORDER BY {time}" if keys else f"ORDER BY {time}"
    by_session = f'PARTITION BY {keys}, "_hw_session"' if keys else 'PARTITION BY "_hw_session"'
    begins = f"CASE WHEN {time} <= lag({time}) OVER ({by_key}) + {gap} THEN 0 ELSE 1 END"
    marked = f'SELECT *, {begins} AS "_hw_begins" FROM {rows} WHERE {time} IS NOT NULL'
    numbered = f'SELECT *, sum("_hw_begins") OVER ({by_key}) AS "_hw_session" FROM ({marked})'
    return (
        f"SELECT {listed(node.input.columns)}, min({time}) OVER ({by_session}) AS {start}, "
        f"max({time}) OVER ({by_session}) + {gap} AS {end}, {end} - INTERVAL '1' MICROSECOND AS {last} "
        f"FROM ({numbered})"
    )


@_query.register
def _join(node: Join, inputs: Sequence[str], carried: Sequence[str]) -> str:
    left, right = inputs
    on, columns = meets(node), listed((*node.columns, *carried))
    if node.kind in (JoinKind.SEMI, JoinKind.ANTI):
        negation = "NOT " if node.kind is JoinKind.ANTI else ""
        return f'SELECT {columns} FROM {left} AS "l" WHERE {negation}EXISTS (SELECT 1 FROM {right} AS "r" WHERE {on})'
    word = node.kind.value.upper()
    return f'SELECT {columns} FROM {left} AS "l" {word} JOIN {right} AS "r" ON {on}'


def meets(node: Join) -> str:
    """The condition of a join."""
    conditions = [
        f"{quote(mine)} {'IS NOT DISTINCT FROM' if (mine, theirs) in node.alike else '='} {quote(theirs)}"
        for mine, theirs in node.on
    ]
    if node.residual is not None:
        conditions.append(f"({sql(node.residual)})")
    return " AND ".join(conditions) or "true"


@_query.register
def _as_of(node: AsOf, inputs: Sequence[str], _: Sequence[str]) -> str:
    left, right = inputs
    equal = [f"{quote(mine)} = {quote(theirs)}" for mine, theirs in node.on]
    conditions = [*equal, f"{quote(node.left_time)} {node.operator} {quote(node.right_time)}"]
    word = "ASOF LEFT" if node.outer else "ASOF"
    columns = listed(node.columns)
    return f'SELECT {columns} FROM {left} AS "l" {word} JOIN {right} AS "r" ON {" AND ".join(conditions)}'


@_query.register
def _aggregate(node: Aggregate, inputs: Sequence[str], _: Sequence[str]) -> str:
    rows = inputs[0]
    keys = listed(node.keys)
    selected = ", ".join(part for part in (keys, _items(node.aggregates)) if part)
    return f"SELECT {selected} FROM {rows}" + (f" GROUP BY {keys}" if keys else "")


@_query.register
def _limit(node: Limit, inputs: Sequence[str], _: Sequence[str]) -> str:
    rows = inputs[0]
    order = ", ".join(sql(item) for item in node.order)
    text = f"SELECT {listed(node.columns)} FROM {rows}" + (f" ORDER BY {order}" if order else "")
    if node.limit is not None:
        text += f" LIMIT {sql(node.limit)}"
    if node.offset is not None:
        text += f" OFFSET {sql(node.offset)}"
    return text


@_query.register
def _opaque(node: Opaque, inputs: Sequence[str], _: Sequence[str]) -> str:
    named = ", ".join(
        f'"input{number}" AS NOT MATERIALIZED (SELECT * FROM {rows})' for number, rows in enumerate(inputs, 1)
    )
    body = sql(node.query)
    return f"WITH {named} SELECT {listed(node.columns)} FROM ({body})" if named else body
