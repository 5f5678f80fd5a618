"""Which fields of the relations that a query reads its result depends on: columns, and members of structures in them.

Apart from lineage because it must never leave out a field: what a source is not asked for is NULL. So it works on
the resolved tree, in which stars are spelled out and windows are lowered, and whatever it does not know counts as
reading everything. A derived table hands on only what is asked of it, so a star in it costs nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sqlglot import exp

from headwater.sql.analysis import FieldUse
from headwater.sql.parse import parse_engine_sql
from headwater.types import DataType, FieldPath, RelationName, Schema, quote_identifier
from headwater.values import frozen

__all__ = ["expression_fields", "query_fields"]

Fields: TypeAlias = frozenset[tuple[str, FieldPath]]
"""Paths by the name of the relation, as it stands in the tree."""

_none: Final[Fields] = frozenset()
_multiplying: Final = (exp.Explode, exp.Unnest, exp.UDTF)
"""A select list with one of these yields more or fewer rows."""


class _UnknownError(Exception):
    """The query holds something that is not known here."""


@frozen
class _Relation:
    """A relation in FROM."""

    name: str
    schema: Schema

    def lookup(self, parts: Sequence[str]) -> Fields | None:
        """The field that a dotted name means; None when there is no such column."""
        column = self.schema.get(parts[0])
        if column is None:
            return None
        path, kind = [column.name], column.type
        for part in parts[1:]:
            inner = {member.name.casefold(): member for member in kind.fields}.get(part.casefold())
            if inner is None:
                break
            path.append(inner.name)
            kind = inner.type
        return frozenset(((self.name, tuple(path)),))

    def everything(self) -> Fields:
        return frozenset(((self.name, ()),))


@frozen
class _Block:
    """What a query offers.

    ``always`` are the fields that decide which rows there are, ``outputs`` each column's by folded name. ``through``
    are the items of FROM whose columns a star hands on.
    """

    always: Fields
    outputs: tuple[tuple[str, Fields], ...]
    through: tuple[_Item, ...] = ()

    def lookup(self, parts: Sequence[str]) -> Fields | None:
        folded = parts[0].casefold()
        found = [fields for name, fields in self.outputs if name == folded]
        found += [fields for item in self.through if (fields := item.lookup(parts)) is not None]
        return _union(found) if found else None

    def everything(self) -> Fields:
        handed_on = (item.everything() for item in self.through)
        return _union([*(fields for _, fields in self.outputs), *handed_on])

    def renamed(self, names: Sequence[str]) -> _Block:
        if names and self.through:
            raise _UnknownError
        pairs = enumerate(self.outputs)
        return _Block(
            self.always,
            tuple((names[at].casefold() if at < len(names) else name, of) for at, (name, of) in pairs),
            self.through,
        )


@frozen
class _Opaque:
    """A table function: what it is made from was counted, what it offers has any name."""

    def lookup(self, _: Sequence[str]) -> Fields | None:
        return _none

    def everything(self) -> Fields:
        return _none


@frozen
class _Found:
    """What a dotted name may mean; ``direct``: a field of a relation itself."""

    fields: Fields
    direct: bool


_Item: TypeAlias = "_Relation | _Block | _Opaque"


@dataclass(slots=True)
class _Scope:
    """What one SELECT can refer to."""

    parent: _Scope | None
    ctes: Mapping[str, _Block]
    sources: dict[str, _Item] = field(default_factory=dict)
    aliases: dict[str, Fields] = field(default_factory=dict)

    def resolve(self, parts: Sequence[str]) -> _Found | None:
        """All fields that a dotted name may mean; None when it means none that is visible here."""
        first = parts[0].casefold()
        found: list[Fields] = []
        direct, hidden = True, False
        for name, source in self.sources.items():
            qualified = None
            if name == first:
                qualified = source.everything() if len(parts) == 1 else source.lookup(parts[1:])
            for fields in (qualified, source.lookup(parts)):
                if fields is not None:
                    found.append(fields)
                    direct &= isinstance(source, _Relation)
            hidden |= isinstance(source, _Opaque)
        if first in self.aliases:
            found.append(self.aliases[first])
            direct = False
        above = self.parent.resolve(parts) if self.parent and (hidden or not found) else None
        if above is not None:
            found.append(above.fields)
            direct &= above.direct
        return _Found(_union(found), direct) if found else None

    def everything(self) -> Fields:
        above = [self.parent.everything()] if self.parent else []
        return _union([*(each.everything() for each in self.sources.values()), *above])


def query_fields(tree: exp.Query, schemas: Mapping[RelationName, Schema]) -> tuple[FieldUse, ...]:
    """The fields that a resolved query's result depends on.

    Args:
        tree: in which every relation stands as one identifier ``product.relation``.
        schemas: the relations that it reads.
    """
    known = {str(relation): relation for relation in schemas}
    try:
        block = _Reader({name: schemas[relation] for name, relation in known.items()}).query(tree, None, {})
        if block.through:
            raise _UnknownError
    except _UnknownError:
        return tuple(FieldUse(relation, ()) for relation in sorted(schemas))
    uses = [FieldUse(known[name], path) for name, path in _outermost(block.always)]
    for output, fields in block.outputs:
        more = _outermost(fields | block.always) & fields - block.always
        uses += [FieldUse(known[name], path, output) for name, path in more]
    return tuple(sorted(uses))


def expression_fields(expressions: Iterable[str], schema: Schema) -> frozenset[FieldPath]:
    """The fields of a row that conditions over it read, in the engine's SQL; ``()`` stands for all."""
    row = "row"
    text = f"SELECT {', '.join(f'({each})' for each in expressions) or '1'} FROM {quote_identifier(row)}"
    try:
        block = _Reader({row: schema}).query(parse_engine_sql(text), None, {})
    except _UnknownError:
        return frozenset(((),))
    return frozenset(path for _, path in _outermost(block.always | block.everything()))


def _union(parts: Iterable[Fields]) -> Fields:
    return _none.union(*parts)


def _outermost(fields: Fields) -> Fields:
    """Without those that lie in another one."""
    return frozenset(
        (name, path) for name, path in fields if not any((name, path[:end]) in fields for end in range(len(path)))
    )


@frozen
class _Reader:
    """Reads queries over relations by their names in the tree."""

    relations: Mapping[str, Schema]

    def query(self, node: exp.Expr, parent: _Scope | None, ctes: Mapping[str, _Block]) -> _Block:
        """What a query offers, seen from a scope that it may refer to."""
        visible = self._with(node, parent, ctes)
        match node:
            case exp.Select():
                return self._select(node, _Scope(parent, visible))
            case exp.SetOperation():
                return self._set_operation(node, parent, visible)
            case exp.Subquery() if isinstance(node.this, exp.Query):
                return self._ordered(node, self.query(node.this, parent, visible), parent, visible)
            case _:
                raise _UnknownError

    def _with(self, node: exp.Expr, parent: _Scope | None, ctes: Mapping[str, _Block]) -> Mapping[str, _Block]:
        with_ = node.args.get("with_")
        if with_ is None:
            return ctes
        visible = dict(ctes)
        for cte in with_.expressions:
            if with_.args.get("recursive") or cte.alias in self.relations:
                raise _UnknownError
            body = self.query(cte.this, parent, visible)
            visible[cte.alias.casefold()] = body.renamed(_column_names(cte))
        return visible

    def _select(self, node: exp.Select, scope: _Scope) -> _Block:
        if node.args.get("match") is not None:
            raise _UnknownError
        always = [self._from(each, scope) for each in _items(node)]
        outputs: list[tuple[str, Fields]] = []
        through: list[_Item] = []
        for at, projection in enumerate(node.expressions):
            star = _star(projection)
            if star is not None:
                through += scope.sources.values()
                always += [self._fields(each.this, scope) for each in star.args.get("replace") or []]
                continue
            fields = self._fields(projection, scope)
            name = _output_name(projection).casefold() or f"#{at}"
            outputs.append((name, fields))
            scope.aliases[name] = scope.aliases.get(name, _none) | fields
            if any(True for _ in projection.find_all(*_multiplying)):
                always.append(fields)
        block = _Block(_union(always), tuple(outputs), tuple(through))
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is None:
            always.append(block.everything())
        always += [self._join(join, scope) for join in node.args.get("joins") or []]
        rest = {key: value for key, value in node.args.items() if key not in _handled}
        always += [self._clause(each, block, scope) for each in _nodes(rest.values())]
        return _Block(_union(always), block.outputs, block.through)

    def _set_operation(self, node: exp.SetOperation, parent: _Scope | None, ctes: Mapping[str, _Block]) -> _Block:
        left, right = self.query(node.this, parent, ctes), self.query(node.expression, parent, ctes)
        always = left.always | right.always
        if node.args.get("by_name") or left.through or right.through or len(left.outputs) != len(right.outputs):
            raise _UnknownError
        pairs = zip(left.outputs, right.outputs, strict=True)
        block = _Block(always, tuple((name, fields | other) for (name, fields), (_, other) in pairs))
        if not isinstance(node, exp.Union) or node.args.get("distinct"):
            block = _Block(always | block.everything(), block.outputs)
        return self._ordered(node, block, parent, ctes)

    def _ordered(self, node: exp.Expr, block: _Block, parent: _Scope | None, ctes: Mapping[str, _Block]) -> _Block:
        """A query with what stands behind it: ORDER BY, LIMIT."""
        scope = _Scope(parent, ctes, {"": block})
        rest = {key: value for key, value in node.args.items() if key not in {*_handled, "this", "expression"}}
        clauses = [self._clause(each, block, scope) for each in _nodes(rest.values())]
        return _Block(block.always.union(*clauses), block.outputs, block.through)

    def _from(self, node: exp.Expr, scope: _Scope) -> Fields:
        """Make an item of FROM, and the joins that hang on it, visible; returns the fields that decide its rows."""
        if node.args.get("pivots") or node.args.get("version") or node.args.get("when"):
            raise _UnknownError
        source: _Item
        match node:
            case exp.Table(this=exp.Identifier()) if not node.db:
                source = self._table(node, scope)
            case exp.Subquery() | exp.Lateral() if isinstance(node.this, exp.Query):
                inner = node.this if isinstance(node, exp.Lateral) else node
                source = self.query(inner, scope, scope.ctes).renamed(_column_names(node))
            case exp.Subquery(this=exp.Table()) if not node.alias:
                return _union([self._from(node.this, scope), *self._joined(node, scope)])
            case exp.Table() if node.db:
                raise _UnknownError
            case exp.Table() | exp.Unnest() | exp.Values() | exp.Lateral():
                found = self._fields(node.this, scope) if isinstance(node, exp.Table) else self._children(node, scope)
                scope.sources[node.alias_or_name.casefold() or f"#{len(scope.sources)}"] = _Opaque()
                return _union([found, *self._joined(node, scope)])
            case _:
                raise _UnknownError
        scope.sources[node.alias_or_name.casefold() or f"#{len(scope.sources)}"] = source
        always = source.always if isinstance(source, _Block) else _none
        return _union([always, *self._joined(node, scope)])

    def _table(self, node: exp.Table, scope: _Scope) -> _Relation | _Block:
        names = _column_names(node)
        block = scope.ctes.get(node.name.casefold())
        if block is not None:
            return block.renamed(names)
        if node.name not in self.relations or names:
            raise _UnknownError
        return _Relation(node.name, self.relations[node.name])

    def _joined(self, node: exp.Expr, scope: _Scope) -> Iterator[Fields]:
        for join in node.args.get("joins") or []:
            yield self._from(join.this, scope)
            yield self._join(join, scope)

    def _join(self, join: exp.Join, scope: _Scope) -> Fields:
        """The fields that a join compares, once both sides are visible."""
        if str(join.args.get("method") or "").upper() == "NATURAL":
            return scope.everything()
        found = [self._fields(each, scope) for each in _nodes([join.args.get("on"), join.args.get("match_condition")])]
        for name in join.args.get("using") or []:
            named = scope.resolve([name.name])
            found.append(scope.everything() if named is None else named.fields)
        return _union(found)

    def _clause(self, node: exp.Expr, block: _Block, scope: _Scope) -> Fields:
        """The fields of a clause that may also speak of outputs: by number, by ALL, or by name (an alias)."""
        found = [self._fields(node, scope)]
        for each in [*node.expressions, node]:
            value = each.this if isinstance(each, exp.Ordered) else each
            if isinstance(value, (exp.Literal, exp.Var)) or value.args.get("all"):
                found.append(block.everything())
            elif isinstance(value, exp.Column):
                found.append(block.lookup([value.name]) or _none)
        return _union(found)

    def _children(self, node: exp.Expr, scope: _Scope) -> Fields:
        return _union(self._fields(each, scope) for each in node.iter_expressions())

    def _fields(self, node: exp.Expr, scope: _Scope) -> Fields:
        """The fields that a value depends on."""
        found: list[Fields] = []
        waiting = [node]
        while waiting:
            current = waiting.pop()
            tested = current.this if isinstance(current, exp.Is) and isinstance(current.expression, exp.Null) else None
            parts = _dotted(current if tested is None else tested)
            if parts is not None:
                meant = self._resolve(parts, current, scope)
                present = tested is not None and meant.direct
                found.append(frozenset(self._witness(*each) for each in meant.fields) if present else meant.fields)
            elif isinstance(current, exp.Query):
                block = self.query(current, scope, scope.ctes)
                found += [block.always, block.everything()]
            elif isinstance(current, (exp.Star, exp.Columns)):
                found.append(_none if isinstance(current.parent, exp.Count) else scope.everything())
            else:
                waiting += current.iter_expressions()
        return _union(found)

    def _resolve(self, parts: Sequence[str], node: exp.Expr, scope: _Scope) -> _Found:
        found = scope.resolve(parts)
        if found is None:
            if node.find_ancestor(exp.Lambda, exp.Comprehension) is None:
                raise _UnknownError
            return _Found(_none, direct=False)
        return found

    def _witness(self, name: str, path: FieldPath) -> tuple[str, FieldPath]:
        """A field that is NULL when a structure is absent, but costs less than all of it."""
        column = self.relations[name].get(path[0]) if path else None
        kind = column.type if column else DataType("VARCHAR")
        for part in path[1:]:
            kind = next(member.type for member in kind.fields if member.name == part)
        while kind.name == "STRUCT":
            member = next((each for each in kind.fields if each.type.name != "VARCHAR"), kind.fields[0])
            path, kind = (*path, member.name), member.type
        return name, path


_handled: Final = frozenset({"with_", "expressions", "from_", "joins", "laterals", "distinct", "alias"})


def _items(node: exp.Select) -> Iterator[exp.Expr]:
    """The items of FROM, in the order in which they become visible."""
    if (from_ := node.args.get("from_")) is not None:
        yield from_.this
    yield from node.args.get("laterals") or []
    for join in node.args.get("joins") or []:
        yield join.this


def _nodes(values: Iterable[object]) -> Iterator[exp.Expr]:
    for value in values:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, exp.Expr):
                yield each


def _star(projection: exp.Expr) -> exp.Star | None:
    """The star that a projection is."""
    star = projection.this if isinstance(projection, exp.Column) else projection
    if not isinstance(star, exp.Star):
        return None
    if star.args.get("rename"):
        raise _UnknownError
    return star


def _column_names(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [each.name for each in alias.args.get("columns") or []] if isinstance(alias, exp.TableAlias) else []


def _output_name(projection: exp.Expr) -> str:
    if isinstance(projection, exp.Dot):
        return str(projection.expression.name)
    return str(projection.alias_or_name)


def _dotted(node: exp.Expr) -> list[str] | None:
    """The parts of a name with dots, however members are accessed; None for what is no such name."""
    match node:
        case exp.Column() if all(isinstance(part, exp.Identifier) for part in node.parts):
            return [part.name for part in node.parts]
        case exp.Dot(expression=exp.Identifier()):
            above = _dotted(node.this)
            return None if above is None else [*above, node.expression.name]
        case exp.Anonymous() if node.name.casefold() == "struct_extract" and len(node.expressions) == 2:
            value, name = node.expressions
            above = _dotted(value) if isinstance(name, exp.Literal) and name.is_string else None
            return None if above is None else [*above, name.name]
        case exp.Paren():
            return _dotted(node.this)
        case _:
            return None
