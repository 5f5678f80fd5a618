"""FROM and JOIN as operators: each item under its alias, joined from left to right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile

from sqlglot import exp

from headwater.incremental.algebra.nodes import (
    Assign,
    Constant,
    Item,
    JoinKind,
    Node,
    Relation,
    Rowwise,
    Session,
)
from headwater.incremental.lowering.decorrelate import Decorrelated, decorrelated, reads_beside
from headwater.incremental.lowering.meeting import Meeting
from headwater.incremental.lowering.names import aliases_in, flat, local_columns
from headwater.incremental.lowering.query import Scope, lower_query, renamed
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import (
    column,
    conjuncts,
    filtered,
    projected,
    rows,
)
from headwater.sql.intervals import interval_length
from headwater.sql.windows import WINDOW_COLUMNS, WindowCall, window_call

__all__ = ["FromClause", "lower_from", "lower_item"]


@dataclass(slots=True)
class FromClause:
    """The rows below WHERE, and the conditions that were not yet applied to them."""

    node: Node
    aliases: frozenset[str]
    conditions: list[exp.Expr]
    seen: set[str]
    nullable: set[str] = field(default_factory=set)

    def ready(self) -> list[exp.Expr]:
        """The conditions about the items seen so far, none of which an outer join fills with NULLs; taken out."""
        known = frozenset(self.seen) - self.nullable
        used = [aliases_in(each, self.aliases) for each in self.conditions]
        found = [each for each, names in zip(self.conditions, used, strict=True) if names and names <= known]
        self.conditions = [each for each in self.conditions if each not in found]
        return found


def lower_from(select: exp.Select, conditions: list[exp.Expr], aliases: frozenset[str], scope: Scope) -> FromClause:
    """The FROM clause with as much of WHERE as can be applied early.

    Args:
        conditions: the parts of WHERE over flat names, without subqueries.
    """
    joins = list(select.args.get("joins") or ())
    fills_left = [_side(join) in ("RIGHT", "FULL") for join in joins]
    used = local_columns(select, aliases)
    clause = _group(select.args["from_"].this, used, aliases, scope)
    clause.conditions = conditions
    if not any(fills_left):
        clause.node = filtered(f"{scope.block}.where", clause.node, clause.ready())
        joins = _ordered(clause, joins)
    for at, join in enumerate(joins):
        _join(clause, join, used, scope, early=not any(fills_left[at:]))
    for lateral in select.args.get("laterals") or ():
        _join(clause, exp.Join(this=lateral), used, scope, early=False)
    return clause


def _group(item: exp.Expr, used: set[tuple[str, str]], aliases: frozenset[str], scope: Scope) -> FromClause:
    """One item of FROM: a table, a query, or joins in parentheses."""
    if not (isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery) and not item.alias):
        return FromClause(lower_item(item, used, scope), aliases, [], {item.alias_or_name})
    if any(item.args.get(key) for key in ("sample", "pivots", "laterals")):
        raise Unmaintainable("FROM holds samples or pivots")
    first, joins = item.this.copy(), [*(item.this.args.get("joins") or ()), *(item.args.get("joins") or ())]
    first.set("joins", None)
    clause = _group(first, used, aliases, scope)
    for join in joins:
        if join.args.get("using"):
            raise Unmaintainable("joins in parentheses have USING", "write the condition with ON")
        _join(clause, join, used, scope, early=False)
    return clause


def _ordered(clause: FromClause, joins: list[exp.Join]) -> list[exp.Join]:
    """Inner joins in an order in which each has an equality with what stands before it, where there is one.

    The text of a query may name tables in any order; joined as they stand, two of them may have nothing in common
    but a third that comes later. The conditions of the joins are added to those of WHERE, which say the same.
    """
    free = list(takewhile(lambda join: _is_inner(join, clause.aliases), joins))
    others = joins[len(free) :]
    for join in free:
        on = conjuncts(join.args.get("on"))
        clause.conditions += [flat(each, clause.aliases) for each in on if each != exp.true()]
        join.set("on", None)
    ordered: list[exp.Join] = []
    seen = set(clause.seen)
    while free:
        join = next((each for each in free if _meets(each.this.alias_or_name, seen, clause)), free[0])
        free.remove(join)
        ordered.append(join)
        seen.add(join.this.alias_or_name)
    return [*ordered, *others]


def _is_inner(join: exp.Join, aliases: frozenset[str]) -> bool:
    """Whether a join only pairs rows of a table or query of its own, so that its place in the order is free."""
    if join.side or join.method or join.args.get("using") or (join.kind or "").upper() not in ("", "INNER", "CROSS"):
        return False
    item, on = join.this, join.args.get("on")
    if not isinstance(item, exp.Table | exp.Subquery) or not item.alias_or_name:
        return False
    query = _query_of(item)
    return (query is None or not reads_beside(query, aliases)) and (on is None or on.find(exp.Query) is None)


def _meets(alias: str, seen: set[str], clause: FromClause) -> bool:
    """Whether an equality holds between an item and those before it."""
    for condition in clause.conditions:
        if isinstance(condition, exp.EQ | exp.NullSafeEQ):
            sides = [aliases_in(side, clause.aliases) for side in (condition.this, condition.expression)]
            if {alias} in sides and any(side and side <= seen for side in sides):
                return True
    return False


def _side(join: exp.Join) -> str:
    return (join.side or "").upper()


def lower_item(node: exp.Expr, used: set[tuple[str, str]], scope: Scope) -> Node:
    """One item of FROM, its columns under its alias; only those that are used."""
    alias = node.alias_or_name
    if "." in alias:
        raise Unmaintainable(f"the name '{alias}' has a dot in it", "give it another alias")
    if any(node.args.get(key) for key in ("joins", "sample", "pivots", "laterals")):
        raise Unmaintainable("FROM holds samples, pivots, or joins in parentheses under one name")
    wanted = [name for owner, name in sorted(used) if owner == alias]
    if isinstance(node, exp.Table) and (call := window_call(node)) is not None:
        return _windowed(call, alias, wanted, scope)
    below = _rows(node, wanted, scope)
    found = {name.casefold(): name for name in below.columns}
    taken = [(name, found[name.casefold()]) for name in wanted if name.casefold() in found]
    if not taken:
        taken = [("*", "")]
        return projected(f"{scope.block}.{alias}", below, [Item(f"{alias}.*", exp.Literal.number(1))])
    return projected(f"{scope.block}.{alias}", below, [Item(f"{alias}.{name}", column(old)) for name, old in taken])


def _rows(node: exp.Expr, wanted: list[str], scope: Scope) -> Node:
    """The rows of an item under their own names."""
    if isinstance(node, exp.Subquery):
        below = lower_query(node, scope.below(node.alias or "rows"))
        return renamed(node.alias, below, _alias_columns(node))
    if isinstance(node, exp.Values):
        return _constant(node, wanted, scope)
    if not isinstance(node, exp.Table):
        raise Unmaintainable(f"{node.key.upper()} in FROM is not known to change row by row")
    if not isinstance(node.this, exp.Identifier):
        return _constant(node, wanted, scope)
    folded = node.name.casefold()
    if folded in scope.ctes:
        return renamed(node.alias_or_name, scope.ctes[folded], _alias_columns(node))
    relation, known = scope.relations.get(folded), scope.columns_of(folded)
    if relation is None:
        raise Unmaintainable(f"the table '{node.name}' is not known")
    if known is not None:
        names = {name.casefold() for name in wanted}
        wanted = [name for name in known if name.casefold() in names] or [*known[:1]]
    if _alias_columns(node):
        raise Unmaintainable("columns of a relation are renamed in FROM", "name them with AS in the SELECT list")
    return Relation(str(relation), relation, tuple(wanted))


def _alias_columns(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [part.name for part in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []


def _constant(node: exp.Expr, wanted: list[str], scope: Scope) -> Node:
    if next(node.find_all(exp.Column), None) is not None:
        raise Unmaintainable("a table function reads the rows beside it")
    names = tuple(wanted) or ("one",)
    selected: list[exp.Expr] = [exp.column(name, quoted=True) for name in wanted]
    selected = selected or [exp.alias_(exp.Literal.number(1), "one")]
    return Constant(f"{scope.block}.{node.alias_or_name}", exp.select(*selected).from_(node), names)


def _windowed(call: WindowCall, alias: str, wanted: list[str], scope: Scope) -> Node:
    """A window table function: the rows of its table, each in its windows."""
    inner = call.relation
    time = call.column.name
    names = [name for name in wanted if name.casefold() not in WINDOW_COLUMNS]
    keys = tuple(key.name for key in call.keys)
    names += [name for name in dict.fromkeys((time, *keys)) if name not in names]
    used = {(inner.alias_or_name, name) for name in names}
    below = lower_item(inner, used, scope)
    prefix = f"{inner.alias_or_name}."
    items = [Item(f"{alias}.{name[len(prefix) :]}", column(name)) for name in below.columns]
    below = projected(f"{scope.block}.{alias}", below, items) if prefix != f"{alias}." else below
    lengths = [interval_length(node) for node in call.intervals]
    columns = (*below.columns, *(f"{alias}.{name}" for name in WINDOW_COLUMNS))
    name = f"{scope.block}.{alias}.windows"
    if call.kind == "SESSION":
        gap = lengths[0]
        if gap is None:
            raise Unmaintainable("the gap of SESSION is not constant")
        flat_keys = tuple(f"{alias}.{key}" for key in keys)
        return Session(name, below, flat_keys, f"{alias}.{time}", gap, f"{alias}.", columns)
    count = 1 if call.kind == "TUMBLE" else 2
    offset = lengths[count] if len(lengths) > count else timedelta()
    if offset is None or (lengths[0] is None and call.kind != "TUMBLE"):
        raise Unmaintainable("the lengths of windows are not constant")
    months = _months(call.intervals[0]) if lengths[0] is None else 0
    return Assign(
        name=name,
        input=below,
        kind=call.kind,
        time=f"{alias}.{time}",
        slide=lengths[0],
        size=lengths[count - 1],
        offset=offset,
        months=months,
        prefix=f"{alias}.",
        columns=columns,
    )


def _months(node: exp.Expr) -> int:
    unit = node.args.get("unit")
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "DECADE": 120, "CENTURY": 1200, "MILLENNIUM": 12000}
    known = months.get(unit.name.upper().rstrip("S")) if isinstance(unit, exp.Var) else None
    if known is None or not isinstance(node.this, exp.Literal) or not node.this.name.isdigit():
        raise Unmaintainable("the size of TUMBLE is not a number of months or years")
    return known * int(node.this.name)


def _join(clause: FromClause, join: exp.Join, used: set[tuple[str, str]], scope: Scope, *, early: bool) -> None:
    item = join.this
    if isinstance(item, exp.Unnest):
        _unnest(clause, item, join, used, scope)
        return
    query = _query_of(item)
    if query is not None and reads_beside(query, clause.aliases):
        _lateral(clause, item, query, join, scope)
        return
    if isinstance(item, exp.Lateral):
        item = exp.Subquery(this=query, alias=item.args.get("alias"))
    before, group = frozenset(clause.seen), _group(item, used, clause.aliases, scope)
    theirs = frozenset(group.seen)
    name = f"{scope.block}.join {' '.join(sorted(theirs))}"
    on = [flat(each, clause.aliases) for each in conjuncts(join.args.get("on")) if each != exp.true()]
    if any(next(each.find_all(exp.Query), None) is not None for each in on):
        raise Unmaintainable("a subquery stands in the condition of a join", "put it into WHERE")
    meeting = Meeting(name, clause.node, group.node, on, clause.aliases, theirs)
    if (join.kind or "").upper() in ("SEMI", "ANTI"):
        clause.node = meeting.join(JoinKind(join.kind.lower()))
        return
    clause.seen |= theirs
    clause.nullable |= group.nullable
    side = _side(join)
    if join.method:
        clause.node = _by_method(meeting, join)
    elif side == "RIGHT":
        clause.node = Meeting(name, group.node, clause.node, on, clause.aliases, before).join(JoinKind.LEFT)
    elif side:
        clause.node = meeting.join(JoinKind(side.lower()))
    else:
        on += clause.ready() if early else []
        clause.node = meeting.join(JoinKind.INNER)
    clause.nullable |= {"LEFT": theirs, "RIGHT": before, "FULL": theirs | before}.get(side, frozenset())


def _query_of(item: exp.Expr) -> exp.Query | None:
    """The query that stands in FROM, with LATERAL or without."""
    query = item.this if isinstance(item, exp.Lateral | exp.Subquery) else None
    if isinstance(query, exp.Subquery) and isinstance(item, exp.Lateral):
        query = query.this
    if isinstance(item, exp.Lateral) and not isinstance(query, exp.Query):
        raise Unmaintainable("a LATERAL function reads the rows beside it", "write it as a join")
    return query if isinstance(query, exp.Query) else None


def _by_method(meeting: Meeting, join: exp.Join) -> Node:
    if (join.method or "").upper() != "ASOF" or _side(join) not in ("", "LEFT"):
        written = " ".join(part for part in (join.method, join.side, join.kind) if part).upper()
        raise Unmaintainable(f"{written} JOIN is not taken apart", "write JOIN with its condition")
    return meeting.as_of(outer=_side(join) == "LEFT")


def _lateral(clause: FromClause, item: exp.Expr, query: exp.Expr, join: exp.Join, scope: Scope) -> None:
    """A query that reads the rows beside it, as a join with what it reads by itself."""
    alias, side = item.alias_or_name, _side(join)
    on = [flat(each, clause.aliases) for each in conjuncts(join.args.get("on")) if each != exp.true()]
    if side not in ("", "LEFT") or join.method or (join.kind or "").upper() not in ("", "INNER", "CROSS", "OUTER"):
        raise Unmaintainable("a query that reads the rows beside it stands in such a join", "write it as a join")
    found: Decorrelated = decorrelated(query, alias, clause.aliases, scope, names=_alias_columns(item))
    clause.seen.add(alias)
    if side and on and found.empty is not None:
        raise Unmaintainable("a query that reads the rows beside it has further conditions", "write it as a join")
    name = f"{scope.block}.join {alias}"
    meeting = Meeting(name, clause.node, found.node, [*found.conditions, *on], clause.aliases, frozenset((alias,)))
    if found.empty is None:
        clause.node = meeting.join(JoinKind.LEFT if side else JoinKind.INNER)
    else:
        meeting = Meeting(name, clause.node, found.node, found.conditions, clause.aliases, frozenset((alias,)))
        joined = meeting.join(JoinKind.LEFT)
        clause.node = filtered(name, projected(name, joined, found.filled(joined.columns)), on)
    if side:
        clause.nullable.add(alias)


def _unnest(clause: FromClause, item: exp.Unnest, join: exp.Join, used: set[tuple[str, str]], scope: Scope) -> None:
    """UNNEST beside the rows: each row with what it unfolds to."""
    alias = item.alias_or_name
    if _side(join) not in ("", "LEFT"):
        raise Unmaintainable("UNNEST reads the rows beside it in such a join", "write LEFT JOIN UNNEST(...) ON true")
    before = clause.node
    table = flat(item, clause.aliases)
    wanted = [name for owner, name in sorted(used) if owner == alias]
    select = exp.select(
        *(exp.alias_(column(name), name, quoted=True, copy=False) for name in before.columns), copy=False
    )
    select.from_(exp.to_table(rows), copy=False)
    for name in wanted:
        reference = exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))
        select.append("expressions", exp.alias_(reference, f"{alias}.{name}", quoted=True))
    side = _side(join) or None
    select.append(
        "joins", exp.Join(this=table, side=side, on=exp.true()) if side else exp.Join(this=table, kind="CROSS")
    )
    columns = (*before.columns, *(f"{alias}.{name}" for name in wanted))
    passes = {name: name for name in before.columns}
    clause.node = Rowwise(f"{scope.block}.{alias}", before, select, columns, passes)
    clause.seen.add(alias)
    if side:
        clause.nullable.add(alias)
