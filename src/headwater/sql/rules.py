"""SQL that stands in contracts: queries over the content of a port, for a number to be judged.

Apart from models because contracts are written by other tools too: their
queries hold ODCS placeholders (``${table}``, ``{property}``), and what they
judge stands under the name ``content``.
"""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from headwater.errors import DeclarationError
from headwater.relations import CONTENT
from headwater.sql import guard
from headwater.sql.expressions import spelled
from headwater.sql.lowering import lower_windows
from headwater.sql.normalise import normalise
from headwater.sql.parse import generate, parse_query
from headwater.sql.tables import external_tables
from headwater.sql.text import Problems, QueryText
from headwater.sql.windows import name_windows
from headwater.types import RelationName, quote_identifier

__all__ = ["check_rule_query"]

_quoted_or_placeholder: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$?\{\s*(?P<name>\w+)\s*\}""")
"""Braces in texts and quoted names belong to the query: they repeat in patterns."""
_tables: Final = frozenset({"table", "object", "model", "schema", "content"})
_columns: Final = frozenset({"property", "column", "field"})


def check_rule_query(
    text: str, *, relation: RelationName, path: str, first_line: int = 1, column: str | None = None
) -> str:
    """A contract's quality query as engine text: placeholders are filled in, the judged rows stand as ``"content"``.

    Args:
        text: one query that yields the number to be judged; it reads nothing but the judged rows.
        relation: the judged relation, whose name means ``content`` as well.
        path: the contract's file, with ``first_line`` of the query there.
        column: what ``${property}`` stands for, None for a rule about the whole relation.

    Raises:
        DeclarationError: it is not one query, or a placeholder stands for nothing.
        DeclarationErrors: it holds what a model may not, or reads another relation; each located.
    """
    source = QueryText(_filled(text, column, path, first_line), path, first_line)
    tree = parse_query(source)
    problems = Problems(source)
    guard.check(tree.walk(), problems, guard.rule)
    problems.raise_any()
    normalise(tree.walk())
    name = relation.name.lower()
    judged = {(CONTENT,), (name,), (relation.product.lower(), name)}
    for node in list(external_tables(tree.walk(bfs=False))):
        parts = [part.name for part in node.parts]
        if tuple(part.lower() for part in parts) in judged:
            _place(node)
        else:
            problems.add(
                f"it reads '{'.'.join(parts)}'",
                node,
                detail="a SQL rule reads its own relation only, as ${object}",
                hint="promise the connection between two relations under 'relationships'",
            )
    problems.raise_any()
    name_windows(tree)
    lower_windows(tree, problems)
    problems.raise_any()
    return generate(tree, text=source)


def _place(node: exp.Table) -> None:
    if not node.alias:
        node.set("alias", exp.TableAlias(this=spelled(node.name)))
    node.set("this", spelled(CONTENT))
    node.set("db", None)


def _filled(text: str, column: str | None, path: str, first_line: int) -> str:
    def replace(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0]
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

    return _quoted_or_placeholder.sub(replace, text)
