"""Expressions: which column each reference means, and what a value derives from.

Apart from blocks because the same rules hold in every clause. They follow
DuckDB: a column of FROM wins over an alias of the select list, an alias over a
column of an enclosing query; a dotted name is a table's column first and a
member of a struct column after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.errors import did_you_mean
from headwater.sql.functions import aggregates
from headwater.sql.scope import (
    AGGREGATION,
    EXPRESSION,
    NOTHING,
    Block,
    Derivation,
    Scope,
    Source,
    combine,
)
from headwater.sql.text import Problems
from headwater.types import RelationName, Schema

__all__ = ["Resolution", "derive", "derive_all", "spelled"]


@dataclass(slots=True)
class Resolution:
    """What one pass over a query carries along.

    ``block_of`` resolves a nested query; ``resolve`` names the relation behind table
    parts; ``windows`` tells that a window table function was met; ``event_times`` are
    the columns that tell when a row of a relation happened, of those that have one.
    """

    problems: Problems
    resolve: Callable[[tuple[str, ...]], RelationName]
    schemas: Mapping[RelationName, Schema]
    block_of: Callable[[exp.Expr, Scope, Resolution], Block]
    reads: list[RelationName] = field(default_factory=list)
    generated: int = 0
    windows: bool = False
    event_times: Mapping[RelationName, str] = field(default_factory=dict)

    def new_alias(self) -> str:
        """An alias for a derived table that has none."""
        self.generated += 1
        return f"_q{self.generated}"


def spelled(name: str, like: exp.Expr | None = None) -> exp.Identifier:
    """An identifier as generated text shows it, at the place of ``like`` in the user's text."""
    identifier = exp.Identifier(this=name, quoted=True)
    return identifier if like is None else identifier.update_positions(like)


def derive_all(nodes: list[exp.Expr], scope: Scope, resolution: Resolution) -> Derivation:
    """What several values derive from together."""
    return combine([derive(node, scope, resolution) for node in nodes])


def derive(node: exp.Expr, scope: Scope, resolution: Resolution) -> Derivation:
    """What a value derives from; qualifies every column reference in it.

    A window's partition and order are indirect: they decide which rows a function sees.
    """
    match node:
        case exp.Column():
            found = _column(node, scope, resolution)
        case exp.Alias() | exp.Paren():
            found = derive(node.this, scope, resolution)
        case exp.Query():
            block = resolution.block_of(node, scope, resolution)
            whole = block.everything()
            found = Derivation(whole.direct, whole.indirect | block.indirect, max(EXPRESSION, whole.kind))
        case exp.Window():
            found = _window(node, scope, resolution)
        case exp.Comprehension():
            name = node.expression.name.lower() if node.expression else ""
            scope.names, outer = scope.names | {name}, scope.names
            found = _children(node, scope, resolution, EXPRESSION)
            scope.names = outer
        case exp.Star() if isinstance(node.parent, exp.Count):
            found = NOTHING
        case exp.Columns() | exp.PositionalColumn() | exp.Star():
            found = combine([source.block.everything() for source in scope.visible_sources()], EXPRESSION)
        case exp.AggFunc() | exp.Anonymous() if isinstance(node, exp.AggFunc) or node.name.lower() in aggregates:
            found = _children(node, scope, resolution, AGGREGATION)
        case _:
            found = _children(node, scope, resolution, EXPRESSION)
    return found


def _children(node: exp.Expr, scope: Scope, resolution: Resolution, kind: int) -> Derivation:
    """A node's parts together; a long chain of operators (``a AND b AND ...``) is one node with many."""
    operands: list[exp.Expr] = []
    while isinstance(node, exp.Binary) and isinstance(node.this, exp.Binary):
        operands.append(node.expression)
        node = node.this
    operands += reversed(list(node.iter_expressions()))
    return combine([derive(child, scope, resolution) for child in reversed(operands)], kind)


def _window(node: exp.Window, scope: Scope, resolution: Resolution) -> Derivation:
    function = node.this
    value = derive(function, scope, resolution)
    around = [child for key, child in _arguments(node) if key not in {"this", "alias"}]
    deciding = derive_all(around, scope, resolution)
    kind = max([EXPRESSION, *(derive(c, scope, resolution).kind for c in function.iter_expressions())])
    return Derivation(value.direct, value.indirect | deciding.references, kind)


def _arguments(node: exp.Expr) -> list[tuple[str, exp.Expr]]:
    return [
        (key, each)
        for key, value in node.args.items()
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, exp.Expr)
    ]


def _column(node: exp.Column, scope: Scope, resolution: Resolution) -> Derivation:
    parts = [part for part in node.parts if isinstance(part, exp.Identifier)]
    if len(parts) != len(node.parts):
        return combine([source.block.everything() for source in scope.visible_sources()], EXPRESSION)
    if len(parts) == 1 and parts[0].name.lower() in scope.names:
        return NOTHING
    looked: Scope | None = scope
    while looked is not None:
        found = _found_in(parts, node, looked, resolution)
        if found is not None:
            return found
        looked = looked.parent
    return _open_or_unknown(parts, node, scope, resolution)


def _found_in(parts: list[exp.Identifier], node: exp.Column, scope: Scope, resolution: Resolution) -> Derivation | None:
    if len(parts) > 1:
        dotted = _dotted(parts, node, scope)
        if dotted is not None:
            return dotted
    folded = parts[0].name.lower()
    output, qualifier = scope.merged.get(folded), None
    holding = [] if output is not None else scope.holding(folded)
    if len(holding) > 1:
        _ambiguous(parts[0].name, holding, node, resolution)
        return NOTHING
    if holding:
        output, qualifier = holding[0].index[folded], holding[0].qualifier if scope.qualify else None
    if output is not None:
        _rewrite(node, qualifier, output.name, parts[1:])
        return _member(output.derivation, parts[1:])
    if folded in scope.aliases:
        return _member(scope.aliases[folded], parts[1:])
    return _whole_row(parts, node, scope)


def _ambiguous(name: str, holding: list[Source], node: exp.Column, resolution: Resolution) -> None:
    resolution.problems.add(
        f"column '{name}' is ambiguous",
        node,
        detail=f"it is a column of {', '.join(source.alias for source in holding)}",
        hint=f"write {holding[0].alias}.{name}, or join with USING",
    )


def _whole_row(parts: list[exp.Identifier], node: exp.Column, scope: Scope) -> Derivation | None:
    """An item of FROM named as a value: its row as a struct."""
    source = scope.source_named(parts[0].name.lower())
    if source is None or len(parts) > 1:
        return None
    if source.qualifier is not None:
        node.set("this", spelled(source.qualifier))
    return combine([source.block.everything()], EXPRESSION)


def _dotted(parts: list[exp.Identifier], node: exp.Column, scope: Scope) -> Derivation | None:
    """``alias.column.member...`` or ``product.relation.column.member...``."""
    for width in (1, 2):
        if len(parts) <= width:
            break
        qualifier = ".".join(part.name for part in parts[:width]).lower()
        source = scope.source_named(qualifier)
        if source is None:
            continue
        output = source.index.get(parts[width].name.lower())
        if output is not None:
            _rewrite(node, source.qualifier if scope.qualify else None, output.name, parts[width + 1 :])
            return _member(output.derivation, parts[width + 1 :])
        if source.block.rest is not None:
            return source.block.rest
    return None


def _rewrite(node: exp.Column, qualifier: str | None, name: str, members: list[exp.Identifier]) -> None:
    """Point a reference at its column, in place; members of a struct become field accesses."""
    column = spelled(name, node.parts[0])
    table = spelled(qualifier) if qualifier is not None else None
    if not members:
        node.set("this", column)
        node.set("table", table)
        node.set("db", None)
        node.set("catalog", None)
        return
    access: exp.Expr = exp.Column(this=column, table=table)
    for member in members:
        access = exp.Dot(this=access, expression=spelled(member.name))
    node.replace(access)


def _member(derivation: Derivation, members: list[exp.Identifier]) -> Derivation:
    if not members:
        return derivation
    return Derivation(derivation.direct, derivation.indirect, max(EXPRESSION, derivation.kind))


def _open_or_unknown(parts: list[exp.Identifier], node: exp.Column, scope: Scope, resolution: Resolution) -> Derivation:
    looked: Scope | None = scope
    while looked is not None:
        rests = [source.block.rest for source in looked.visible_sources() if source.block.rest is not None]
        if rests:
            return combine(rests)
        looked = looked.parent
    written = ".".join(part.name for part in parts)
    source = scope.source_named(parts[0].name.lower()) if len(parts) > 1 else None
    if source is not None:
        valid = [output.name for output in source.block.columns if output.name]
        resolution.problems.add(
            f"'{source.alias}' has no column '{parts[1].name}'", node, hint=did_you_mean(parts[1].name, valid)
        )
    elif len(parts) > 1:
        valid = [source.alias for source in scope.visible_sources()]
        resolution.problems.add(
            f"unknown column '{written}'",
            node,
            detail=f"nothing in FROM is named '{parts[0].name}'",
            hint=did_you_mean(parts[0].name, valid),
        )
    else:
        resolution.problems.add(
            f"unknown column '{written}'", node, hint=did_you_mean(written, scope.column_names() | set(scope.aliases))
        )
    return NOTHING
