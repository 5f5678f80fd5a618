"""Ad-hoc queries over published relations: guarded, with time travel, ready for the engine.

Apart from models because here the clock may be read and older versions named,
and because the columns of what is read are not known yet: names stay as
written, only the relations become identifiers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlglot import exp

from headwater.errors import DeclarationError
from headwater.sql import guard
from headwater.sql.expressions import spelled
from headwater.sql.lowering import lower_windows
from headwater.sql.normalise import normalise
from headwater.sql.parse import generate, parse_query
from headwater.sql.tables import external_tables
from headwater.sql.text import Problems, QueryText
from headwater.sql.windows import name_windows
from headwater.types import RelationName, quote_identifier
from headwater.values import frozen

__all__ = ["PreparedQuery", "QueryRead", "prepare_query"]


@frozen
class QueryRead:
    """A relation a query reads, at most one of ``at_version`` and ``at_time`` given.

    ``identifier`` is the quoted identifier under which it stands in the engine's SQL.
    """

    relation: RelationName
    identifier: str
    at_version: int | None = None
    at_time: datetime | None = None


@frozen
class PreparedQuery:
    """An ad-hoc query as the engine runs it, once every read stands under its identifier."""

    engine_sql: str
    reads: tuple[QueryRead, ...]


def prepare_query(
    text: str, resolve: Callable[[tuple[str, ...]], RelationName] | None = None, *, path: str = "query"
) -> PreparedQuery:
    """Turn a query into the engine's SQL and the list of what must be readable for it.

    Args:
        text: one query; relations may carry ``FOR VERSION AS OF n`` or ``FOR TIMESTAMP AS OF '...'``
            (UTC when the text names no offset).
        resolve: the relation behind the parts of a table name; by default only ``product.relation`` is one.
            Raises DeclarationError for unknown ones.
        path: how messages call the text.

    Raises:
        DeclarationErrors: everything that is wrong, each located.
    """
    tree, problems = _guarded(text, path)
    normalise(tree.walk())
    found: dict[str, QueryRead] = {}
    qualifiers: dict[tuple[str, str], str] = {}
    for table in list(external_tables(tree.walk(bfs=False))):
        read = _read(table, resolve or _full_name, problems)
        if read is not None:
            found.setdefault(read.identifier, read)
            _place(table, read, qualifiers)
    for column in tree.find_all(exp.Column):
        alias = qualifiers.get((column.db.lower(), column.table.lower())) if column.db else None
        if alias is not None:
            column.set("db", None)
            column.set("table", spelled(alias))
    problems.raise_any()
    name_windows(tree)
    lower_windows(tree, problems)
    problems.raise_any()
    return PreparedQuery(generate(tree, text=problems.text), tuple(found.values()))


def _guarded(text: str, path: str) -> tuple[exp.Query, Problems]:
    query = QueryText(text, path)
    tree = parse_query(query)
    problems = Problems(query)
    guard.check(tree.walk(), problems, guard.ad_hoc)
    problems.raise_any()
    return tree, problems


def _full_name(parts: tuple[str, ...]) -> RelationName:
    if len(parts) != 2:
        raise DeclarationError(
            f"'{'.'.join(parts)}' is not a relation's full name", hint="name relations as product.relation"
        )
    return RelationName(*parts)


def _read(table: exp.Table, resolve: Callable[[tuple[str, ...]], RelationName], problems: Problems) -> QueryRead | None:
    try:
        relation = resolve(tuple(part.name for part in table.parts))
        version, time = _moment(table)
    except DeclarationError as error:
        problems.locate(error, table)
        return None
    suffix = f"@v{version}" if version is not None else f"@{time.isoformat()}" if time is not None else ""
    return QueryRead(relation, quote_identifier(f"{relation}{suffix}"), version, time)


def _moment(table: exp.Table) -> tuple[int | None, datetime | None]:
    """The version or time a table is asked for."""
    clause = table.args.get("version") or table.args.get("when")
    if clause is None:
        return None, None
    kind = str(clause.args.get("kind") if isinstance(clause, exp.HistoricalData) else clause.this).upper()
    value = clause.expression
    if isinstance(clause, exp.Version) and str(clause.args.get("kind")).upper() != "AS OF":
        raise DeclarationError("only one version or time can be read", hint="FOR VERSION AS OF n")
    if kind == "VERSION":
        if isinstance(value, exp.Literal) and value.is_int:
            return int(value.name), None
        raise DeclarationError("a version is a whole number", hint="FOR VERSION AS OF 3")
    literal = value.this if isinstance(value, exp.Cast) else value
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        raise DeclarationError("a time is written out", hint="FOR TIMESTAMP AS OF '2026-01-31 12:00:00'")
    try:
        time = datetime.fromisoformat(literal.name)
    except ValueError as error:
        raise DeclarationError(
            f"'{literal.name}' is not a time", hint="FOR TIMESTAMP AS OF '2026-01-31 12:00:00+00:00'"
        ) from error
    return None, time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _place(table: exp.Table, read: QueryRead, qualifiers: dict[tuple[str, str], str]) -> None:
    """Put the identifier in the table's place; its last name stays its alias."""
    product, name = table.db.lower(), table.name
    if not table.alias:
        table.set("alias", exp.TableAlias(this=spelled(name)))
        qualifiers[product, name.lower()] = name
    table.set("this", spelled(read.identifier[1:-1].replace('""', '"')))
    for key in ("db", "catalog", "version", "when"):
        table.set(key, None)
