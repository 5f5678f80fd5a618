"""The first row of each key, by row_number: found by the first term of the order, the others asked only where it ties.

Apart from rankings of several rows because one row is the greatest, or least, of its key: narrow columns tell which
rows of an epoch can lead and which of them beat the row that leads so far. Whole rows are read of these alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.render import listed, sql
from headwater.incremental.flows import Build, Cost, Flow, diff, matches
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.ranking import Leaders, block
from headwater.types import quote_identifier

__all__ = ["leader", "leading_term"]

_BEST: Final = "_hw_best"
"""The first term of the order in the row that leads among those of an epoch."""
_EVEN: Final = "_hw_even"
"""Whether the row that led so far has the same first term."""
_NEW: Final = "_hw_new"
"""1 for a row that comes in this epoch, 0 for the one that is kept."""


@dataclass(frozen=True, slots=True)
class Term:
    """What rows are ordered by first, NULLs last: a column, the greatest or the least of which leads."""

    column: str
    greatest: bool
    alone: bool
    """There is no second term: any of the rows that it does not tell apart may lead, and the one that is kept stays."""


def leading_term(found: Leaders) -> Term | None:
    """The first term of the order; None where more than one row is asked for, or the term is no plain column."""
    if found.most != 1 or len(found.ranked.items) != 1:
        return None
    window = found.ranked.items[0].expression
    order = window.args.get("order")
    if not isinstance(window.this, exp.RowNumber) or order is None:
        return None
    first = order.expressions[0]
    if not isinstance(first, exp.Ordered) or not isinstance(first.this, exp.Column) or first.args.get("nulls_first"):
        return None
    return Term(first.this.name, bool(first.args.get("desc")), len(order.expressions) == 1)


def leader(found: Leaders, term: Term, flow: Flow, build: Build) -> Flow:
    """The first row of each key, of rows that only come."""
    node, keys = found.ranked, found.ranked.partition
    name, given = node.name, listed(node.input.columns)
    rows = flow.rows if flow.cost is Cost.INPUT else build.reading(f"{name}.rows", flow)
    state = build.keep(f"{name}.first", rows)
    best = build.work(f"{name}.best", _best(keys, term, rows, state))
    numbered = [f"key{at}" for at in range(1, len(keys) + 1)]
    first = _alike([(f'"best".{key}', f'"new".{_q(column)}') for key, column in zip(numbered, keys, strict=True)])
    candidates = build.work(
        f"{name}.candidates",
        f'SELECT {given}, {_EVEN} FROM {rows} AS "new" JOIN {best} AS "best" '
        f'ON {first} AND "best".{_BEST} IS NOT DISTINCT FROM "new".{_q(term.column)}',
    )
    tied = build.work(f"{name}.tied", _tied(keys, candidates))
    winners = build.work(f"{name}.winners", _winners(found, term, candidates, tied, state))
    untied = f'NOT EXISTS (SELECT 1 FROM {tied} AS "tied" WHERE {matches(keys, "tied", "new")})'
    gained = f'SELECT {given} FROM {candidates} AS "new" WHERE {untied} UNION ALL SELECT {given} FROM {winners}'
    beaten = f'EXISTS (SELECT 1 FROM ({gained}) AS "new" WHERE {matches(keys, "new", "kept")})'
    lost = build.work(f"{name}.lost", f'SELECT {given} FROM {state} AS "kept" WHERE {beaten}')
    build.delete(state, f'EXISTS (SELECT 1 FROM {lost} AS "lost" WHERE {matches(keys, "lost", "kept")})')
    build.insert(state, gained)
    build.say(block(found))
    rank = f"CAST(1 AS BIGINT) AS {_q(found.rank)}"
    changed = (
        f"(SELECT {given}, {rank}, CAST(1 AS BIGINT) AS {diff} FROM ({gained}) UNION ALL "
        f"SELECT {given}, {rank}, CAST(-1 AS BIGINT) FROM {lost})"
    )
    content = f"(SELECT {given}, {rank} FROM {state})"
    return Flow(rows=changed, columns=node.columns, changes=Changes.REPLACE, content=content)


def _best(keys: Sequence[str], term: Term, rows: str, state: str) -> str:
    """For each key the best first term that came, unless the row that is kept has a better one."""
    column, extreme = _q(term.column), "max" if term.greatest else "min"
    named = "".join(f"{_q(key)} AS key{at}, " for at, key in enumerate(keys, 1))
    grouped = f" GROUP BY {listed(keys)}" if keys else ""
    came = f"SELECT {named}{extreme}({column}) AS {_BEST} FROM {rows}{grouped}"
    was = f"SELECT {named}{column} AS _hw_was, 1 AS _hw_led FROM {state}"
    same = _alike([(f'"came".key{at}', f'"was".key{at}') for at in range(1, len(keys) + 1)])
    better = f"{_BEST} {'>' if term.greatest else '<'}{'' if term.alone else '='} _hw_was"
    nothing = f"_hw_was IS NULL AND {_BEST} IS NOT NULL" if term.alone else "_hw_was IS NULL"
    even = f"CASE WHEN _hw_led = 1 AND _hw_was IS NOT DISTINCT FROM {_BEST} THEN 1 ELSE 0 END AS {_EVEN}"
    return (
        f'SELECT "came".*, {even} FROM ({came}) AS "came" LEFT JOIN ({was}) AS "was" ON {same} '
        f"WHERE _hw_led IS NULL OR {better} OR ({nothing})"
    )


def _tied(keys: Sequence[str], candidates: str) -> str:
    """The keys whose leading row the first term of the order does not tell."""
    several = f"HAVING count(*) > 1 OR max({_EVEN}) = 1"
    if not keys:
        return f"SELECT count(*) AS rows FROM {candidates} {several}"
    return f"SELECT {listed(keys)} FROM {candidates} GROUP BY {listed(keys)} {several}"


def _winners(found: Leaders, term: Term, candidates: str, tied: str, state: str) -> str:
    """The rows that lead the tied keys and did not before."""
    node = found.ranked
    given, keys = listed(node.input.columns), node.partition

    def among(rows: str) -> str:
        return f'{rows} AS "new" WHERE EXISTS (SELECT 1 FROM {tied} AS "tied" WHERE {matches(keys, "tied", "new")})'

    competing = f"SELECT {given}, 1 AS {_NEW} FROM {among(candidates)}"
    if not term.alone:
        competing += f" UNION ALL SELECT {given}, 0 AS {_NEW} FROM {among(state)}"
    window = node.items[0].expression.copy()
    window.args["order"].append("expressions", exp.column(_NEW))
    place = f"SELECT {given}, {_NEW}, {sql(window)} AS _hw_place FROM ({competing})"
    return f"SELECT {given} FROM ({place}) WHERE _hw_place = 1 AND {_NEW} = 1"


def _alike(pairs: Sequence[tuple[str, str]]) -> str:
    return " AND ".join(f"{one} IS NOT DISTINCT FROM {other}" for one, other in pairs) or "true"


_q = quote_identifier
