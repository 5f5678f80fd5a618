"""The first row of each key, by row_number: found by the first term of the order, the others asked only where it ties.

Apart from rankings of several rows because one row is the greatest, or least, of its key: narrow columns tell which
rows of an epoch can lead and which of them beat the row that leads so far. Whole rows are read of these alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.render import listed, sql
from headwater.incremental.flows import Build, Cost, Flow, diff, matches
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.ranking import Leaders, block
from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = ["leader", "leading_term"]

_BEST: Final = "_hw_best"
"""The first term of the order in the row that leads among those of an epoch."""
_WAS: Final = "_hw_was"
"""The first term of the order in the row that led so far."""
_NEW: Final = "_hw_new"
"""1 for a row that comes in this epoch, 0 for the one that is kept."""


@frozen
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
    best = build.work(f"{name}.best", _best(keys, term, rows))
    kept = build.work(f"{name}.kept", _kept(keys, term, state, best))
    candidates = build.work(
        f"{name}.candidates", _candidates(node.input.columns, keys, term, rows=rows, best=best, kept=kept)
    )
    tied = build.work(f"{name}.tied", _tied(keys, term, candidates, best=best, kept=kept))
    winners = build.work(f"{name}.winners", _winners(found, term, candidates, tied, state))
    untied = f'NOT EXISTS (SELECT 1 FROM {tied} AS "tied" WHERE {matches(keys, "tied", "new")})'
    gained = f'SELECT {given} FROM {candidates} AS "new" WHERE {untied} UNION ALL SELECT {given} FROM {winners}'
    beaten = f'EXISTS (SELECT 1 FROM ({gained}) AS "new" WHERE {matches(keys, "new", "kept")})'
    lost = build.take(f"{name}.lost", state, beaten)
    build.insert(state, gained)
    build.say(block(found))
    rank = f"CAST(1 AS BIGINT) AS {_q(found.rank)}"
    changed = (
        f"(SELECT {given}, {rank}, CAST(1 AS BIGINT) AS {diff} FROM ({gained}) UNION ALL "
        f"SELECT {given}, {rank}, CAST(-1 AS BIGINT) FROM {lost})"
    )
    content = f"(SELECT {given}, {rank} FROM {state})"
    apart = frozenset(node.input.columns)
    return Flow(rows=changed, columns=node.columns, changes=Changes.REPLACE, content=content, apart=apart)


def _best(keys: Sequence[str], term: Term, rows: str) -> str:
    """For each key the best first term that came."""
    named = "".join(f"{_q(key)}, " for key in keys)
    grouped = f" GROUP BY {listed(keys)}" if keys else ""
    return f"SELECT {named}{'max' if term.greatest else 'min'}({_q(term.column)}) AS {_BEST} FROM {rows}{grouped}"


def _kept(keys: Sequence[str], term: Term, state: str, best: str) -> str:
    """For each key that came and has a leader: the first term of that one, and the best that came."""
    named = "".join(f'"kept".{_q(key)}, ' for key in keys)
    selected = f'SELECT {named}"kept".{_q(term.column)} AS {_WAS}, "best".{_BEST} FROM {state} AS "kept"'
    alike = matches(keys, "best", "kept")
    if not keys:
        return f'{selected} JOIN {best} AS "best" ON {alike}'
    # Joined by equality, an engine skips what it keeps of keys beyond those that came; keys with a NULL go apart.
    equal = " AND ".join(f'"best".{_q(key)} = "kept".{_q(key)}' for key in keys)
    some = " OR ".join(f"{_q(key)} IS NULL" for key in keys)
    without = f'(SELECT * FROM {best} WHERE {some}) AS "best"'
    return f'{selected} JOIN {best} AS "best" ON {equal} UNION ALL {selected} JOIN {without} ON {alike}'


def _unbeaten(term: Term) -> str:
    """Of kept rows: the leader of before leads by the first term what came."""
    came, was = f'"kept".{_BEST}', f'"kept".{_WAS}'
    worse = f"{came} {'<' if term.greatest else '>'}{'=' if term.alone else ''} {was}"
    return f"({worse} OR ({came} IS NULL{'' if term.alone else f' AND {was} IS NOT NULL'}))"


def _candidates(given: Sequence[str], keys: Sequence[str], term: Term, *, rows: str, best: str, kept: str) -> str:
    """The rows that lead their key by the first term, those apart that the row of before leads by it."""
    beaten = f'SELECT 1 FROM {kept} AS "kept" WHERE {matches(keys, "kept", "best")} AND {_unbeaten(term)}'
    leading = f'(SELECT * FROM {best} AS "best" WHERE NOT EXISTS ({beaten}))'
    named = ", ".join(f'"new".{_q(column)}' for column in given)
    return (
        f'SELECT {named} FROM {rows} AS "new" JOIN {leading} AS "best" ON {matches(keys, "best", "new")} '
        f'AND "best".{_BEST} IS NOT DISTINCT FROM "new".{_q(term.column)}'
    )


def _tied(keys: Sequence[str], term: Term, candidates: str, *, best: str, kept: str) -> str:
    """The keys of whose rows the first term of the order does not tell which one leads."""
    selected, grouped = listed(keys) or "1 AS several", f" GROUP BY {listed(keys)}" if keys else ""
    # Each key that leads has one candidate at least, and the state one row a key: where there are more candidates than
    # keys that lead, some tie. To count them takes a third of grouping them.
    leaders = f'(SELECT count(*) FROM {best}) - (SELECT count(*) FROM {kept} AS "kept" WHERE {_unbeaten(term)})'
    doubtful = f"(SELECT * FROM {candidates} WHERE (SELECT count(*) FROM {candidates}) > {leaders})"
    several = f"SELECT {selected} FROM {doubtful}{grouped} HAVING count(*) > 1"
    if term.alone:
        return several
    return f"{several} UNION SELECT {selected} FROM {kept} WHERE {_BEST} IS NOT DISTINCT FROM {_WAS}"


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


_q = quote_identifier
