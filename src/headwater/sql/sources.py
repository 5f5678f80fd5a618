"""The items of FROM: relations, CTEs, derived tables, table functions, windows, joins.

Apart from blocks because each kind of item offers its columns in its own way.
Relations are recorded as read and stand from here on as one quoted identifier.
"""

from __future__ import annotations

from sqlglot import exp

from headwater.errors import DeclarationError, did_you_mean
from headwater.sql.expressions import Resolution, derive, derive_all, spelled
from headwater.sql.scope import (
    EXPRESSION,
    IDENTITY,
    NOTHING,
    Block,
    Derivation,
    Output,
    References,
    Scope,
    Source,
    combine,
    relation_block,
)
from headwater.sql.temporal import spell_temporal, take_moment
from headwater.sql.windows import COLUMNS_META, WINDOW_COLUMNS, WindowCall, window_call

__all__ = ["add_from"]

_single_column_functions = {"range": "range", "generate_series": "generate_series", "unnest": "unnest"}


def add_from(select: exp.Select, scope: Scope, resolution: Resolution) -> References:
    """Register every FROM item of a SELECT; returns the references that its joins decide rows by."""
    deciding: References = frozenset()
    from_ = select.args.get("from_")
    if from_ is not None:
        deciding |= _add(from_.this, scope, resolution)
    for lateral in select.args.get("laterals") or []:
        deciding |= _add(lateral, scope, resolution)
    for join in select.args.get("joins") or []:
        deciding |= _join(join, scope, resolution)
    return deciding


def _add(node: exp.Expr, scope: Scope, resolution: Resolution) -> References:
    """Register one item and the joins that hang on it."""
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table) and not node.alias:
        deciding = _add(node.this, scope, resolution)
    else:
        deciding = _add_source(node, scope, resolution)
    for join in node.args.get("joins") or []:
        deciding |= _join(join, scope, resolution)
    return deciding


def _add_source(node: exp.Expr, scope: Scope, resolution: Resolution) -> References:
    block, alias, qualifier = _block(node, scope, resolution)
    block = _renamed(block, node)
    folded = alias.lower()
    if folded in scope.sources:
        resolution.problems.add(
            f"two items in FROM are named '{alias}'",
            node.args.get("alias") or node,
            hint="give one of them an alias with AS",
        )
        block = Block((), rest=NOTHING)
        alias = f"{alias} "
    for pivot in node.args.get("pivots") or []:
        block = _pivoted(pivot, Source(alias, block, qualifier), scope, resolution)
        named = pivot.args.get("alias")
        alias = named.name if named is not None else alias
        qualifier = alias if named is not None else None
    scope.sources[alias.lower()] = Source(alias, block, qualifier)
    return block.indirect


def _block(node: exp.Expr, scope: Scope, resolution: Resolution) -> tuple[Block, str, str | None]:
    """What an item offers, its alias, and the text that qualifies its columns."""
    match node:
        case exp.Table() if (call := window_call(node)) is not None:
            found = _windowed(call, node, scope, resolution)
        case exp.Table() if isinstance(node.this, exp.Identifier):
            found = _named(node, scope, resolution)
        case exp.Table():
            found = _function(node, node.this, scope, resolution)
        case exp.Unnest():
            found = _function(node, node, scope, resolution)
        case exp.Lateral():
            found = _nested(node.this, scope, resolution), *_aliased(node, resolution)
        case exp.Subquery() if isinstance(node.this, exp.Table):
            inner = Scope(scope.parent, scope.ctes)
            deciding = _add(node.this, inner, resolution)
            columns = tuple(output for source in inner.sources.values() for output in source.block.columns)
            found = Block(columns, deciding), *_aliased(node, resolution)
        case exp.Values():
            found = _values(node, scope, resolution), *_aliased(node, resolution)
        case _:
            found = _nested(node, scope, resolution), *_aliased(node, resolution)
    return found


def _nested(node: exp.Expr, scope: Scope, resolution: Resolution) -> Block:
    if isinstance(node, exp.Subquery | exp.Select | exp.SetOperation):
        return resolution.block_of(node, scope, resolution)
    return Block((), rest=derive(node, scope, resolution))


def _aliased(node: exp.Expr, resolution: Resolution) -> tuple[str, str]:
    alias = node.args.get("alias")
    if alias is None or not alias.name:
        alias = exp.TableAlias(this=None, columns=alias.args.get("columns") if alias is not None else None)
        alias.set("this", spelled(resolution.new_alias()))
        node.set("alias", alias)
        return alias.name, alias.name
    folded = alias.name.lower()
    alias.set("this", spelled(folded, alias.this))
    return folded, folded


def _named(node: exp.Table, scope: Scope, resolution: Resolution) -> tuple[Block, str, str | None]:
    parts = tuple(part.name for part in node.parts)
    folded = parts[0].lower()
    cte = scope.ctes.get(folded) if len(parts) == 1 else None
    if cte is not None:
        node.set("this", spelled(folded))
        if not node.alias:
            node.set("alias", exp.TableAlias(this=spelled(folded, node.this)))
        return cte, *_aliased(node, resolution)
    block = _relation(node, parts, resolution)
    if not node.alias:
        node.set("alias", exp.TableAlias(this=spelled(parts[-1].lower(), node.parts[-1])))
        scope.full_names.setdefault(".".join(parts).lower(), parts[-1].lower())
    alias, qualifier = _aliased(node, resolution)
    return block, alias, qualifier


def _relation(node: exp.Table, parts: tuple[str, ...], resolution: Resolution) -> Block:
    try:
        relation = resolution.resolve(parts)
    except DeclarationError as error:
        resolution.problems.locate(error, node)
        return Block((), rest=NOTHING)
    schema = resolution.schemas.get(relation)
    if schema is None:
        resolution.problems.add(
            f"the columns of '{relation}' are not known",
            node,
            hint=did_you_mean(str(relation), map(str, resolution.schemas)),
        )
        return Block((), rest=NOTHING)
    if relation not in resolution.reads:
        resolution.reads.append(relation)
    node.set("this", spelled(str(relation)))
    node.set("db", None)
    node.set("catalog", None)
    return relation_block(relation, schema)


def _function(
    node: exp.Expr, function: exp.Expr, scope: Scope, resolution: Resolution
) -> tuple[Block, str, str | None]:
    """A table function: its columns are known when the alias names them or when it has one."""
    alias = node.args.get("alias")
    arguments = [child for child in function.iter_expressions() if not isinstance(child, exp.TableAlias)]
    derivation = combine([derive(child, scope, resolution) for child in arguments], EXPRESSION)
    name = "unnest" if isinstance(function, exp.Unnest) else _function_name(function)
    named = [part.name for part in alias.args.get("columns") or []] if alias is not None else []
    if named:
        return Block(tuple(Output(each, derivation) for each in named)), *_aliased(node, resolution)
    label = alias.name if alias is not None and alias.name else name
    spread = any(isinstance(part, exp.PropertyEQ) for part in function.find_all(exp.PropertyEQ))
    if name in _single_column_functions and not spread:
        return Block((Output(label, derivation),)), label, None
    return Block((), rest=derivation), label, None


def _function_name(function: exp.Expr) -> str:
    if isinstance(function, exp.GenerateSeries):
        return "range" if function.args.get("is_end_exclusive") else "generate_series"
    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return function.key


def _values(node: exp.Values, scope: Scope, resolution: Resolution) -> Block:
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    width = max((len(row) for row in rows), default=0)
    derived = [[derive(value, scope, resolution) for value in row] for row in rows]
    return Block(
        tuple(
            Output(f"col{at}", combine([row[at] for row in derived if at < len(row)], EXPRESSION))
            for at in range(width)
        )
    )


def _windowed(call: WindowCall, node: exp.Table, scope: Scope, resolution: Resolution) -> tuple[Block, str, str | None]:
    """The rows of a table with their windows; the inner table's alias names the whole when there is no other."""
    resolution.windows = True
    inner = Scope(scope.parent, scope.ctes)
    indirect = _add(call.relation, inner, resolution)
    source = next(iter(inner.visible_sources()))
    if not node.alias:
        node.set("alias", exp.TableAlias(this=spelled(source.alias)))
    inner.qualify = False
    time = derive(call.column, inner, resolution)
    _check_time(call, time, resolution)
    keys = derive_all(list(call.keys), inner, resolution)
    for interval in call.intervals:
        derive(interval, inner, resolution)
    window = Derivation(time.direct, time.indirect | keys.references, EXPRESSION)
    taken = {output.name.lower() for output in source.block.columns}
    for name in WINDOW_COLUMNS:
        if name in taken:
            resolution.problems.add(
                f"{call.kind} adds a column '{name}', which '{source.alias}' has already",
                call.node,
                hint=f"rename it before: {call.kind}((SELECT * RENAME ({name} AS ...) FROM {source.alias}), ...)",
            )
    if source.block.rest is None:
        call.node.meta[COLUMNS_META] = [output.name for output in source.block.columns]
    added = (Output(name, window) for name in WINDOW_COLUMNS if name not in taken)
    columns = (*source.block.columns, *added)
    return Block(columns, indirect, source.block.rest), *_aliased(node, resolution)


def _check_time(call: WindowCall, time: Derivation, resolution: Resolution) -> None:
    """A time column whose type is known is a point in time; the engine judges the others."""
    if time.kind != IDENTITY or len(time.direct) != 1:
        return
    (reference,) = time.direct
    column = resolution.schemas[reference.relation].get(reference.column)
    if column is not None and not column.type.name.startswith(("TIMESTAMP", "DATE")):
        resolution.problems.add(
            f"the time column of {call.kind} is a point in time, and '{column.name}' is {column.type}",
            call.column,
            hint="name a TIMESTAMP or DATE column, or cast it in a CTE before",
        )


def _pivoted(pivot: exp.Expr, source: Source, scope: Scope, resolution: Resolution) -> Block:
    """PIVOT and UNPIVOT: the engine names their columns."""
    inner = Scope(scope.parent, scope.ctes, {source.alias.lower(): source}, qualify=False)
    for column in list(pivot.find_all(exp.Column)):
        derive(column, inner, resolution)
    whole = source.block.everything()
    return Block((), source.block.indirect, Derivation(whole.direct, whole.indirect, max(EXPRESSION, whole.kind)))


def _renamed(block: Block, node: exp.Expr) -> Block:
    """The columns under the names of ``AS t(a, b)``."""
    alias = node.args.get("alias")
    names = alias.args.get("columns") if alias is not None else None
    if not names or isinstance(node, exp.Unnest) or not block.columns:
        return block
    outputs = [
        Output(names[at].name, output.derivation) if at < len(names) else output
        for at, output in enumerate(block.columns)
    ]
    return Block(tuple(outputs), block.indirect, block.rest)


def _join(join: exp.Join, scope: Scope, resolution: Resolution) -> References:
    before = list(scope.visible_sources())
    moment = take_moment(join, scope, resolution)
    deciding = _add(join.this, scope, resolution)
    joined = [source for source in scope.visible_sources() if source not in before]
    using = [part.name for part in join.args.get("using") or []]
    if str(join.args.get("method") or "").upper() == "NATURAL":
        theirs = [name for source in joined for name in source.index]
        using = [name for name in theirs if any(name in source.index for source in before)]
        if using:
            join.set("method", None)
            join.set("using", [spelled(name) for name in using])
    for name in using:
        _check_shared(name, join, before, joined, resolution)
        deciding |= _merge(name.lower(), join, before, joined, scope)
    if join.args.get("using"):
        shared = [scope.merged[name.lower()].name if name.lower() in scope.merged else name for name in using]
        join.set("using", [spelled(name) for name in shared])
    if join.args.get("on") is not None:
        deciding |= derive(join.args["on"], scope, resolution).references
    if moment is not None and joined:
        deciding |= spell_temporal(join, moment, joined[0], resolution)
    if join.kind in {"SEMI", "ANTI"}:
        for source in joined:
            source.visible = False
    return deciding


def _check_shared(
    name: str, join: exp.Join, before: list[Source], joined: list[Source], resolution: Resolution
) -> None:
    """Both sides of USING must have the column."""
    for side, sources in (("left", before), ("right", joined)):
        if not any(name.lower() in source.index or source.block.rest for source in sources):
            written = join.args.get("using") or [join.this]
            node = next((part for part in written if part.name.lower() == name.lower()), join.this)
            valid = {output.name for source in sources for output in source.block.columns}
            resolution.problems.add(
                f"USING names '{name}', which the {side} side of the join does not have",
                node,
                hint=did_you_mean(name, valid),
            )
            break


def _merge(folded: str, join: exp.Join, before: list[Source], joined: list[Source], scope: Scope) -> References:
    """Join one column of both sides into one, as USING does."""
    left = [source for source in before if folded in source.index]
    right = [source for source in joined if folded in source.index]
    if not left or not right:
        return frozenset()
    known = scope.merged.get(folded)
    first = known.derivation if known else left[0].index[folded].derivation
    parts = [first, *(source.index[folded].derivation for source in right)]
    outer = join.side in {"RIGHT", "FULL"}
    scope.merged[folded] = Output(left[0].index[folded].name, combine(parts) if outer else first)
    for source in right:
        source.merged.add(folded)
    return combine(parts).references
