"""Queries: SELECT, set operations and WITH, each turned into the block it offers.

Apart from expressions and FROM because the order of clauses is decided here:
sources first, then the select list with its aliases, then everything that may
use those aliases.
"""

from __future__ import annotations

from sqlglot import exp

from headwater.sql.expressions import Resolution, derive, spelled
from headwater.sql.patterns import match_pattern
from headwater.sql.scope import (
    EXPRESSION,
    Block,
    Derivation,
    Output,
    References,
    Scope,
    combine,
)
from headwater.sql.sources import add_from
from headwater.sql.stars import expand_stars

__all__ = ["block_of"]


def block_of(node: exp.Expr, outer: Scope, resolution: Resolution, *, root: bool = False) -> Block:
    """Resolve a query inside ``outer`` and say what it offers.

    A nested query's second column of a name is called ``name_1``, as DuckDB calls
    it; in the ``root`` query that is an error of the caller's to find.
    """
    scope = Scope(outer if outer.sources or outer.parent else outer.parent, _with(node, outer, resolution))
    match node:
        case exp.Select():
            return _select(node, scope, resolution, root=root)
        case exp.SetOperation():
            return _set_operation(node, scope, resolution, root=root)
        case exp.Subquery():
            within = Scope(scope.parent, scope.ctes)
            block = block_of(node.this, _enclosing(outer, scope), resolution, root=root)
            _ordering(node, within, block, resolution)
            return block
        case exp.Values():
            alias = exp.select("*").from_(node)
            return block_of(alias, outer, resolution)
        case _:
            resolution.problems.add("this cannot stand in place of a query", node)
            return Block(())


def _enclosing(outer: Scope, scope: Scope) -> Scope:
    """The outer scope with the CTEs that were declared on the way in."""
    if scope.ctes is outer.ctes:
        return outer
    return Scope(
        outer.parent,
        scope.ctes,
        outer.sources,
        outer.merged,
        outer.aliases,
        outer.full_names,
        outer.names,
        outer.qualify,
    )


def _with(node: exp.Expr, outer: Scope, resolution: Resolution) -> dict[str, Block]:
    """The CTEs visible to a query: those around it and its own, each seeing the ones before it."""
    with_ = node.args.get("with_")
    if with_ is None:
        return dict(outer.ctes) if not isinstance(outer.ctes, dict) else outer.ctes
    visible = dict(outer.ctes)
    for cte in with_.expressions:
        scope = Scope(outer.parent, visible, outer.sources, outer.merged, outer.aliases, outer.full_names, outer.names)
        folded = cte.alias.lower()
        alias = cte.args["alias"]
        names = [part.name for part in alias.args.get("columns") or []]
        if with_.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
            anchor = block_of(cte.this.this, scope, resolution)
            visible[folded] = _named(anchor, names)
            body = _united(anchor, block_of(cte.this.expression, scope, resolution), cte.this, resolution)
        else:
            body = block_of(cte.this, scope, resolution)
        visible[folded] = _named(body, names)
        alias.set("this", spelled(folded))
    return visible


def _named(block: Block, names: list[str]) -> Block:
    outputs = tuple(
        Output(names[at], output.derivation) if at < len(names) else output for at, output in enumerate(block.columns)
    )
    return Block(outputs, block.indirect, block.rest)


def _select(select: exp.Select, scope: Scope, resolution: Resolution, *, root: bool) -> Block:
    deciding = add_from(select, scope, resolution)
    if select.args.get("match") is not None:
        match_pattern(select.args["match"], scope, resolution)
    expand_stars(select, scope, resolution)
    outputs, rest = _projections(select, scope, resolution, root=root)
    for key in ("where", "having", "qualify"):
        clause = select.args.get(key)
        if clause is not None:
            deciding |= derive(clause.this, scope, resolution).references
    deciding |= _grouping(select, outputs, scope, resolution)
    for window in select.args.get("windows") or []:
        deciding |= combine([derive(child, scope, resolution) for child in window.iter_expressions()]).references
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on") is not None:
        deciding |= derive(distinct.args["on"], scope, resolution).references
    block = Block(tuple(outputs), deciding, rest)
    return Block(block.columns, deciding | _ordering(select, scope, block, resolution), rest)


def _projections(
    select: exp.Select, scope: Scope, resolution: Resolution, *, root: bool
) -> tuple[list[Output], Derivation | None]:
    outputs: list[Output] = []
    rest: list[Derivation] = []
    taken: set[str] = set()
    renamed: dict[int, str] = {}
    for at in range(len(select.expressions)):
        projection = select.expressions[at]
        derivation = derive(projection, scope, resolution)
        if _is_open(projection):
            rest.append(derivation)
            continue
        label = _output_name(select.expressions[at])
        if label and not root and label.lower() in taken:
            label = renamed[at] = _distinct_name(label, taken)
        if isinstance(projection, exp.Alias):
            scope.aliases.setdefault(label.lower(), derivation)
        taken.add(label.lower())
        outputs.append(Output(label, derivation))
    if renamed:
        nodes = select.expressions
        select.set("expressions", [_as(node, renamed.get(at)) for at, node in enumerate(nodes)])
    return outputs, combine(rest, EXPRESSION) if rest else None


def _distinct_name(label: str, taken: set[str]) -> str:
    """A name no earlier column of a nested query has: ``id``, ``id_1``, ``id_2``."""
    number = 1
    while f"{label}_{number}".lower() in taken:
        number += 1
    return f"{label}_{number}"


def _as(projection: exp.Expr, name: str | None) -> exp.Expr:
    return projection if name is None else exp.Alias(this=projection.unalias(), alias=spelled(name))


def _output_name(projection: exp.Expr) -> str:
    match projection:
        case exp.Alias():
            return str(projection.alias)
        case exp.Column():
            return "" if isinstance(projection.this, exp.Star) else str(projection.name)
        case exp.Dot() if isinstance(projection.expression, exp.Identifier):
            return str(projection.expression.name)
        case _:
            return ""


def _is_open(projection: exp.Expr) -> bool:
    """Whether a projection stands for columns whose names only the engine knows."""
    match projection:
        case exp.Star() | exp.Columns():
            return True
        case exp.Column():
            return isinstance(projection.this, exp.Star)
        case exp.Like():
            return isinstance(projection.this, exp.Star)
        case exp.Explode():
            return True
        case exp.Alias():
            return projection.find(exp.Columns) is not None and "\\" in projection.alias
        case _:
            return projection.find(exp.Columns) is not None


def _grouping(select: exp.Select, outputs: list[Output], scope: Scope, resolution: Resolution) -> References:
    group = select.args.get("group")
    if group is None:
        if select.args.get("distinct") is not None:
            return combine([output.derivation for output in outputs]).direct
        return frozenset()
    if group.args.get("all"):
        return combine([output.derivation for output in outputs if output.derivation.kind <= EXPRESSION]).direct
    found = derive(group, scope, resolution).references
    return found | _positional(group.expressions, outputs)


def _positional(expressions: list[exp.Expr], outputs: list[Output]) -> References:
    numbers = [int(node.name) for node in expressions if isinstance(node, exp.Literal) and node.is_int]
    return combine([outputs[at - 1].derivation for at in numbers if 0 < at <= len(outputs)]).direct


def _ordering(node: exp.Expr, scope: Scope, block: Block, resolution: Resolution) -> References:
    """ORDER BY and LIMIT: an output's name wins over a column here; they decide rows only with a LIMIT."""
    order = node.args.get("order")
    limited = node.args.get("limit") is not None or node.args.get("offset") is not None
    found: list[Derivation] = []
    names = {output.name.lower(): output.derivation for output in block.columns if output.name}
    for ordered in order.expressions if order is not None else []:
        value = ordered.this
        if isinstance(value, exp.Column) and len(value.parts) == 1 and value.name.lower() in names:
            found.append(names[value.name.lower()])
            value.set("this", spelled(_spelling(value.name, block)))
        elif isinstance(value, exp.Var):
            found += names.values()
        elif isinstance(value, exp.Literal) and value.is_int:
            found.append(Derivation(_positional([value], list(block.columns))))
        elif not isinstance(node, exp.Select) and block.rest is None:
            within = Scope(scope.parent, scope.ctes, aliases=names)
            found.append(derive(value, within, resolution))
        else:
            found.append(derive(value, scope, resolution))
    for key in ("limit", "offset"):
        if node.args.get(key) is not None:
            derive(node.args[key], scope, resolution)
    return combine(found).references if limited else frozenset()


def _spelling(name: str, block: Block) -> str:
    return next(output.name for output in block.columns if output.name.lower() == name.lower())


def _set_operation(node: exp.SetOperation, scope: Scope, resolution: Resolution, *, root: bool) -> Block:
    within = Scope(scope.parent, scope.ctes)
    left = block_of(node.this, within, resolution, root=root)
    right = block_of(node.expression, within, resolution, root=root)
    block = _united(left, right, node, resolution)
    return Block(block.columns, block.indirect | _ordering(node, scope, block, resolution), block.rest)


def _united(left: Block, right: Block, node: exp.SetOperation, resolution: Resolution) -> Block:
    indirect = left.indirect | right.indirect
    rests = [rest for rest in (left.rest, right.rest) if rest is not None]
    if rests:
        return Block(left.columns, indirect, combine([*rests, left.everything(), right.everything()]))
    if node.args.get("by_name"):
        columns = _by_name(left, right)
    elif len(left.columns) != len(right.columns):
        resolution.problems.add(
            f"{node.key.upper()} joins {len(left.columns)} columns with {len(right.columns)}",
            node.expression,
            hint="select the same columns on both sides, or use BY NAME",
        )
        columns = left.columns
    else:
        columns = tuple(
            Output(a.name, combine([a.derivation, b.derivation]))
            for a, b in zip(left.columns, right.columns, strict=True)
        )
    if not isinstance(node, exp.Union) or node.args.get("distinct"):
        indirect |= combine([output.derivation for output in columns]).direct
    return Block(columns, indirect)


def _by_name(left: Block, right: Block) -> tuple[Output, ...]:
    theirs = {output.name.lower(): output for output in right.columns}
    columns = []
    for output in left.columns:
        other = theirs.pop(output.name.lower(), None)
        derivation = combine([output.derivation, other.derivation]) if other else output.derivation
        columns.append(Output(output.name, derivation))
    return (*columns, *theirs.values())
