"""Stars: ``*``, ``t.*``, EXCLUDE, REPLACE, RENAME, ``* LIKE``, and COLUMNS(...).

Apart from blocks because a star is a list of columns long before it is a value.
A star over a source whose columns only the engine knows stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from headwater.errors import did_you_mean
from headwater.sql.expressions import Resolution, spelled
from headwater.sql.scope import Scope, Source

__all__ = ["expand_stars"]


def expand_stars(select: exp.Select, scope: Scope, resolution: Resolution) -> None:
    """Replace every star of the select list by the columns it stands for."""
    expanded: list[exp.Expr] = []
    changed = False
    for projection in select.expressions:
        columns = _expansion(projection, scope, resolution)
        changed |= columns is not None
        expanded += [projection] if columns is None else columns
    if changed:
        select.set("expressions", expanded)


def _expansion(projection: exp.Expr, scope: Scope, resolution: Resolution) -> list[exp.Expr] | None:
    """The columns a projection stands for, None when it holds no star or cannot be expanded."""
    if isinstance(projection, exp.Star):
        return _star(projection, _listed(scope, None), resolution)
    if isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
        qualifier = ".".join(part.name for part in projection.parts[:-1])
        source = scope.source_named(qualifier.lower())
        if source is None:
            if not scope.holding(qualifier.lower()):
                valid = [each.alias for each in scope.visible_sources()]
                resolution.problems.add(
                    f"nothing in FROM is named '{qualifier}'", projection, hint=did_you_mean(qualifier, valid)
                )
            return None
        return _star(projection.this, _listed(scope, source), resolution)
    if isinstance(projection, exp.Like) and isinstance(projection.this, exp.Star):
        return _alike(projection, scope)
    chosen = projection.find(exp.Columns)
    if chosen is not None and chosen.find_ancestor(exp.Select) is projection.parent_select:
        return _columns(projection, chosen, scope, resolution)
    return None


def _listed(scope: Scope, only: Source | None) -> list[tuple[str, exp.Expr]] | None:
    """Names and references in star order; None when some names are not known here."""
    found: list[tuple[str, exp.Expr]] = []
    for source in [only] if only else scope.visible_sources():
        if source.block.rest is not None:
            return None
        for output in source.block.columns:
            folded = output.name.lower()
            if only is None and folded in source.merged:
                continue
            merged = only is None and folded in scope.merged
            table = None if merged or source.qualifier is None else spelled(source.qualifier)
            found.append((output.name, exp.Column(this=spelled(output.name), table=table)))
    return found


def _star(star: exp.Star, listed: list[tuple[str, exp.Expr]] | None, resolution: Resolution) -> list[exp.Expr] | None:
    if listed is None:
        return None
    known = {name.lower() for name, _ in listed}
    excluded = {_name(node) for node in star.args.get("except_") or []}
    replaced = {node.alias.lower(): node for node in star.args.get("replace") or []}
    renamed = {_name(node.this): node.alias for node in star.args.get("rename") or []}
    for word in sorted((excluded | set(replaced) | set(renamed)) - known):
        resolution.problems.add(
            f"the star has no column '{word}'", star, hint=did_you_mean(word, [name for name, _ in listed])
        )
    columns: list[exp.Expr] = []
    for name, reference in listed:
        folded = name.lower()
        if folded in excluded:
            continue
        if folded in replaced:
            columns.append(exp.Alias(this=replaced[folded].this, alias=spelled(name)))
        elif folded in renamed:
            columns.append(exp.Alias(this=reference, alias=spelled(renamed[folded])))
        else:
            columns.append(reference)
    return columns


def _name(node: exp.Expr) -> str:
    return str(node.name).lower()


def _alike(projection: exp.Like, scope: Scope) -> list[exp.Expr] | None:
    listed = _listed(scope, None)
    pattern = projection.expression
    if listed is None or not pattern.is_string:
        return None
    escaped = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern.name)
    wanted = not projection.args.get("negate")
    return [reference for name, reference in listed if bool(re.fullmatch(escaped, name)) is wanted]


def _columns(projection: exp.Expr, chosen: exp.Columns, scope: Scope, resolution: Resolution) -> list[exp.Expr] | None:
    """``f(COLUMNS(...))`` once per chosen column, named after it."""
    listed = _listed(scope, None)
    if listed is None or projection.find(exp.Window) or len(list(projection.find_all(exp.Columns))) > 1:
        return None
    names = _chosen(chosen.this, listed, resolution)
    if names is None:
        return None
    if isinstance(projection, exp.Alias) and "\\" in projection.alias:
        return None
    value = projection.this if isinstance(projection, exp.Alias) else projection
    return list(_applied(value, names, projection.alias if isinstance(projection, exp.Alias) else None))


def _chosen(
    selector: exp.Expr, listed: list[tuple[str, exp.Expr]], resolution: Resolution
) -> list[tuple[str, exp.Expr]] | None:
    if isinstance(selector, exp.Star):
        expanded = _star(selector, listed, resolution) or []
        return [(node.alias_or_name, node.unalias()) for node in expanded]
    if isinstance(selector, exp.Literal) and selector.is_string:
        try:
            pattern = re.compile(selector.name)
        except re.error:
            return None
        return [(name, reference) for name, reference in listed if pattern.search(name)]
    if isinstance(selector, exp.Array | exp.Tuple) and all(part.is_string for part in selector.expressions):
        by_name = {name.lower(): (name, reference) for name, reference in listed}
        return [by_name[part.name.lower()] for part in selector.expressions if part.name.lower() in by_name]
    return None


def _applied(value: exp.Expr, names: list[tuple[str, exp.Expr]], alias: str | None) -> Iterator[exp.Expr]:
    for name, reference in names:
        if isinstance(value, exp.Columns):
            applied: exp.Expr = reference
        else:
            applied = value.copy()
            found = applied.find(exp.Columns)
            if found is not None:
                found.replace(reference)
        yield exp.Alias(this=applied, alias=spelled(alias or name))
