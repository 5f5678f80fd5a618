"""SQL that stands in contracts: predicates over one row, and queries over the content of a port.

Apart from models because contracts are written by other tools too: their
queries hold ODCS placeholders (``${table}``, ``{property}``), and what they
judge stands under the name ``content``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater.errors import DeclarationError
from headwater.sql import guard
from headwater.sql.blocks import block_of
from headwater.sql.expressions import Resolution, derive, spelled
from headwater.sql.lowering import lower_windows
from headwater.sql.normalise import normalise
from headwater.sql.parse import generate, parse_expression, parse_query
from headwater.sql.scope import AGGREGATION, Scope, Source, relation_block
from headwater.sql.tables import external_tables
from headwater.sql.text import Problems, QueryText
from headwater.sql.windows import name_windows
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["CONTENT", "RuleQuery", "check_predicate", "check_rule_query"]

CONTENT: Final = "content"
"""The name under which the rows to be judged stand in a rule's query."""

_placeholder: Final = re.compile(r"\$?\{\s*(?P<name>\w+)\s*\}")
_tables: Final = frozenset({"table", "object", "model", "schema", "content"})
_columns: Final = frozenset({"property", "column", "field"})


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """A rule's query for the engine: the judged rows stand as ``"content"``, other relations as their identifiers.

    ``reads`` are those other relations.
    """

    engine_sql: str
    reads: tuple[RelationName, ...]


def check_predicate(text: str, schema: Schema, *, path: str, first_line: int = 1) -> str:
    """A predicate over one row of ``schema`` as engine text, its columns quoted and unqualified.

    Raises:
        DeclarationErrors: it is no expression, names unknown columns, holds a subquery, an aggregate or a
            window function, or something the allow-list refuses.
    """
    source = QueryText(text, path, first_line)
    tree = exp.Paren(this=parse_expression(source))
    problems = Problems(source)
    guard.check(tree.walk(), problems, guard.model)
    for node in tree.find_all(exp.Query, exp.Window):
        problems.add("a predicate looks at one row", node, hint="write a quality rule of type sql with a query")
    normalise(tree.walk())
    row = Source(CONTENT, relation_block(RelationName("", CONTENT), schema), None)
    resolution = Resolution(problems, _no_relation, {}, block_of)
    found = derive(tree, Scope(None, {}, {CONTENT: row}), resolution)
    if found.kind == AGGREGATION:
        problems.add(
            "a predicate looks at one row, an aggregate at many", tree, hint="write a quality rule of type sql"
        )
    problems.raise_any()
    return generate(tree.this, text=source)


def check_rule_query(
    text: str,
    *,
    resolve: Callable[[tuple[str, ...]], RelationName],
    path: str,
    first_line: int = 1,
    table: str | None = None,
    column: str | None = None,
) -> RuleQuery:
    """A contract's quality query as engine text, placeholders filled in.

    Args:
        text: one query that yields the number to be judged.
        resolve: other relations by the parts of their names; raises DeclarationError for unknown ones.
        path: the contract's file, with ``first_line`` of the query there.
        table: the name of the judged relation, which means ``content`` as well when the query uses it.
        column: what ``${property}`` stands for, None for a rule about the whole relation.

    Raises:
        DeclarationErrors: everything that is wrong, each located.
    """
    source = QueryText(_filled(text, column, path, first_line), path, first_line)
    tree = parse_query(source)
    problems = Problems(source)
    guard.check(tree.walk(), problems, guard.model)
    normalise(tree.walk())
    reads: list[RelationName] = []
    judged = {CONTENT} | ({table.lower()} if table else set())
    for node in list(external_tables(tree.walk(bfs=False))):
        parts = tuple(part.name for part in node.parts)
        if len(parts) == 1 and parts[0].lower() in judged:
            _place(node, CONTENT)
            continue
        try:
            relation = resolve(parts)
        except DeclarationError as error:
            problems.locate(error, node)
            continue
        if relation not in reads:
            reads.append(relation)
        _place(node, str(relation))
    problems.raise_any()
    name_windows(tree)
    lower_windows(tree, problems)
    problems.raise_any()
    return RuleQuery(generate(tree, text=source), tuple(reads))


def _place(node: exp.Table, name: str) -> None:
    if not node.alias:
        node.set("alias", exp.TableAlias(this=spelled(node.name)))
    node.set("this", spelled(name))
    node.set("db", None)
    node.set("catalog", None)


def _filled(text: str, column: str | None, path: str, first_line: int) -> str:
    def replace(found: re.Match[str]) -> str:
        name = found["name"].lower()
        if name in _tables:
            return quote_identifier(CONTENT)
        if name in _columns and column is not None:
            return quote_identifier(column)
        where = QueryText(text, path, first_line).location(found.start())
        if name in _columns:
            raise DeclarationError(
                f"{found[0]} needs a column, and this rule is about the whole relation",
                where=where,
                hint="move the rule to the property's own quality list, or name the column",
            )
        raise DeclarationError(
            f"{found[0]} is not a placeholder",
            where=where,
            hint="${table} is the judged relation, ${property} the column",
        )

    return _placeholder.sub(replace, text)


def _no_relation(parts: tuple[str, ...]) -> RelationName:
    raise DeclarationError(f"a predicate reads no relation, here '{'.'.join(parts)}'")
