"""Queries taken apart into blocks: each CTE, derived table and set branch is one.

Apart from the kinds, so that a kind judges one block and never walks a whole
query. The blocks share the parsed tree they were read from: a kind that
compiles a program rewrites that tree in place, once.

Names do not depend on the place in the text: the outermost block is
:data:`ROOT`, a CTE or derived table has its own name (behind that of the block
around it, when that is not the outermost), and the n-th branch of a set
operation is ``name[n]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from sqlglot import exp

from headwater.errors import DeclarationError
from headwater.sql.parse import parse_engine_sql
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["ROOT", "BlockInput", "QueryBlock", "QueryTree", "RelationInput", "Scan", "local_nodes", "read_query"]

ROOT: Final = "result"


@frozen
class RelationInput:
    """A published relation stands here."""

    relation: RelationName


@frozen
class BlockInput:
    """Another block of the same query stands here."""

    name: str


@frozen
class Scan:
    """One item of FROM or JOIN, or one branch of a set operation.

    ``target`` is None for what reads nothing: VALUES, and table functions, also of the
    row beside them. ``join`` is the join that brings the item in, None for the first.
    """

    node: exp.Expr
    target: RelationInput | BlockInput | None
    join: exp.Join | None = None

    @property
    def alias(self) -> str:
        return self.node.alias_or_name


@frozen
class QueryBlock:
    """One query level. ``query`` is a SELECT, a set operation or VALUES.

    ``wrappers`` are the parentheses around it, which may carry clauses of their own
    (``(SELECT ...) LIMIT 5``). ``embedded`` is what subqueries in its expressions
    read. ``recursive`` is True when the block reads itself.
    """

    name: str
    query: exp.Expr
    scans: tuple[Scan, ...]
    wrappers: tuple[exp.Subquery, ...] = ()
    embedded: tuple[RelationInput | BlockInput, ...] = ()
    recursive: bool = False

    @property
    def inputs(self) -> tuple[RelationInput | BlockInput, ...]:
        """All that the block reads, in the order of the text."""
        return (*(scan.target for scan in self.scans if scan.target is not None), *self.embedded)


_branch_arguments: Final = frozenset({"this", "expression", "with_", "alias"})

Visible: TypeAlias = Mapping[str, str]
"""The CTEs a name may mean here: folded name to block name."""


@frozen
class QueryTree:
    """A whole query: text and tree, its blocks (each behind those it reads), and where published relations stand."""

    text: str
    tree: exp.Expr
    blocks: tuple[QueryBlock, ...]
    tables: tuple[tuple[exp.Table, RelationName], ...]


def read_query(engine_sql: str, reads: tuple[RelationName, ...]) -> QueryTree:
    """Take a query apart; the outermost block is the last one.

    Args:
        engine_sql: the query, each relation as one quoted ``"product.relation"``.
        reads: the relations that stand in it.

    Raises:
        DeclarationError: a CTE has the name of a relation.
    """
    relations = {str(relation).casefold(): relation for relation in reads}
    tree = parse_engine_sql(engine_sql)
    reader = _Reader(relations)
    reader.read(tree, ROOT, {})
    tables = tuple(
        (table, relations[table.name.casefold()]) for table in _tables_below(tree) if table.name.casefold() in relations
    )
    return QueryTree(engine_sql, tree, tuple(reader.blocks.values()), tables)


def local_nodes(query: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of one query level: everything but what lies in queries below it."""
    waiting = [child for child in query.iter_expressions() if not isinstance(child, exp.With)]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, exp.Query):
            waiting.extend(node.iter_expressions())


class _Reader:
    """Collects blocks bottom-up; ``blocks`` keeps the order in which they were completed."""

    def __init__(self, relations: Mapping[str, RelationName]) -> None:
        self._relations = relations
        self._taken: set[str] = set()
        self._read_by_itself: set[str] = set()
        self.blocks: dict[str, QueryBlock] = {}

    def read(self, query: exp.Expr, wanted: str, visible: Visible, *, myself: str | None = None) -> str:
        """Read a query level and what lies below it; returns the name the block got."""
        name = self._free_name(wanted)
        if myself is not None:
            visible = {**visible, myself: name}
        wrappers: list[exp.Subquery] = []
        while True:
            visible = self._read_ctes(query, name, visible)
            if not isinstance(query, exp.Subquery):
                break
            wrappers.append(query)
            query = query.this
        if isinstance(query, exp.SetOperation):
            scans = self._branches(query, name, visible)
        else:
            scans = tuple(self._scans(query, name, visible))
        embedded = self._embedded(query, scans, wrappers, visible)
        self.blocks[name] = QueryBlock(name, query, scans, tuple(wrappers), embedded, name in self._read_by_itself)
        return name

    def _read_ctes(self, query: exp.Expr, around: str, visible: Visible) -> Visible:
        with_ = query.args.get("with_")
        if with_ is None:
            return visible
        for cte in with_.expressions:
            alias = cte.alias.casefold()
            if alias in self._relations:
                raise DeclarationError(
                    f"the CTE '{cte.alias}' has the name of a relation that the query reads",
                    hint="give the CTE another name",
                )
            myself = alias if with_.args.get("recursive") else None
            block = self.read(cte.this, _below(around, cte.alias), visible, myself=myself)
            visible = {**visible, alias: block}
        return visible

    def _branches(self, query: exp.SetOperation, name: str, visible: Visible) -> tuple[Scan, ...]:
        return tuple(
            Scan(branch, BlockInput(self.read(branch, f"{name}[{number}]", visible)))
            for number, branch in enumerate(_flatten(query), 1)
        )

    def _scans(self, query: exp.Expr, name: str, visible: Visible) -> Iterator[Scan]:
        from_ = query.args.get("from_")
        if from_ is not None:
            yield self._scan(from_.this, name, visible, None)
        for join in query.args.get("joins") or ():
            yield self._scan(join.this, name, visible, join)
        for lateral in query.args.get("laterals") or ():
            yield self._scan(lateral, name, visible, None)

    def _scan(self, node: exp.Expr, around: str, visible: Visible, join: exp.Join | None) -> Scan:
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return Scan(node, self._target(node, visible), join)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            return Scan(node, BlockInput(self.read(node, _below(around, node.alias or "rows"), visible)), join)
        return Scan(node, None, join)

    def _target(self, table: exp.Table, visible: Visible) -> RelationInput | BlockInput | None:
        folded = table.name.casefold()
        if folded in visible:
            block = visible[folded]
            if block not in self.blocks:
                self._read_by_itself.add(block)
            return BlockInput(block)
        relation = self._relations.get(folded)
        return RelationInput(relation) if relation else None

    def _embedded(
        self, query: exp.Expr, scans: tuple[Scan, ...], wrappers: list[exp.Subquery], visible: Visible
    ) -> tuple[RelationInput | BlockInput, ...]:
        """What is read anywhere else: in subqueries of expressions, lateral queries, nested joins."""
        if isinstance(query, exp.SetOperation):
            parts = [part for key, part in query.args.items() if key not in _branch_arguments and part]
        else:
            parts = [query]
        for wrapper in wrappers:
            parts.extend(part for key, part in wrapper.args.items() if key not in _branch_arguments and part)
        known = {id(scan.node) for scan in scans if scan.target is not None}
        nodes = [
            node
            for part in parts
            for one in (part if isinstance(part, list) else [part])
            for node in _with_root(one, query)
        ]
        found: list[RelationInput | BlockInput] = []
        for node in nodes:
            if id(node) not in known and isinstance(node, exp.Query | exp.Table):
                found.extend(
                    target for table in _tables_below(node) if (target := self._target(table, visible)) is not None
                )
        return tuple(dict.fromkeys(found))

    def _free_name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{wanted}#{number}"
        self._taken.add(name.casefold())
        return name


def _with_root(node: object, query: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Expr):
        if node is not query:
            yield node
        if node is query or not isinstance(node, exp.Query):
            yield from local_nodes(node)


def _tables_below(node: exp.Expr) -> Iterator[exp.Table]:
    """The tables named in a tree; table functions are not among them."""
    return (table for table in node.find_all(exp.Table) if isinstance(table.this, exp.Identifier))


def _below(around: str, name: str) -> str:
    return name if around == ROOT else f"{around}.{name}"


def _flatten(query: exp.SetOperation) -> list[exp.Expr]:
    """The branches of a chain of one and the same set operation, left to right."""
    branches: list[exp.Expr] = []
    node: exp.Expr = query
    while isinstance(node, exp.SetOperation) and (node is query or _continues(node, query)):
        branches.append(node.args["expression"])
        node = node.this
    return [node, *reversed(branches)]


def _continues(node: exp.SetOperation, query: exp.SetOperation) -> bool:
    same = type(node) is type(query) and all(
        bool(node.args.get(key)) == bool(query.args.get(key)) for key in ("distinct", "by_name")
    )
    plain = not any(node.args.get(key) for key in ("with_", "order", "limit", "offset"))
    return same and plain and isinstance(node, exp.Union)
