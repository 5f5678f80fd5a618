"""From a query's text to its analysis: parse, guard, resolve, lower, bind.

The one place that knows the order of the stages. Every problem of a query is
collected before failing; the binder is asked only about queries without any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.errors import Location
from headwater.sql import guard
from headwater.sql.analysis import Analysis, Binder, ColumnLineage, QueryWarning
from headwater.sql.binding import bind
from headwater.sql.blocks import block_of
from headwater.sql.expressions import Resolution
from headwater.sql.fields import query_fields
from headwater.sql.lowering import lower_windows
from headwater.sql.normalise import normalise
from headwater.sql.ordering import order_warnings
from headwater.sql.parse import dialect, generate, parse_query
from headwater.sql.scope import NOTHING, Block, Scope, transformations
from headwater.sql.tables import external_tables
from headwater.sql.text import Problems, QueryText, position
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = ["ParsedQuery", "TableReference", "analyse", "parse"]


@frozen
class TableReference:
    """A table a query names: ``parts`` as written (``("product", "relation")`` or ``("relation",)``)."""

    parts: tuple[str, ...]
    where: Location


class ParsedQuery:
    """A query that was read once: what it refers to is known before any schema is.

    Attributes:
        text: the query as written and where.
        references: the tables it names, in the order of the text.
        warnings: what in it depends on the order of rows.
    """

    __slots__ = ("_tree", "references", "text", "warnings")

    def __init__(
        self,
        text: QueryText,
        tree: exp.Query,
        references: tuple[TableReference, ...],
        warnings: tuple[QueryWarning, ...],
    ) -> None:
        self.text = text
        self.references = references
        self.warnings = warnings
        self._tree: exp.Query | None = tree

    def take_tree(self) -> exp.Query:
        """A tree the caller may change: the parsed one to the first that asks, a new one after that."""
        tree, self._tree = self._tree, None
        if tree is None:
            tree = parse_query(self.text)
            normalise(tree.walk())
        return tree


def parse(query: str, *, path: str, first_line: int = 1) -> ParsedQuery:
    """Read a model's query and find the tables it refers to.

    Raises:
        DeclarationError: it cannot be parsed or is not one query.
        DeclarationErrors: it holds what a model may not, see :mod:`headwater.sql.guard`.
    """
    text = QueryText(query, path, first_line)
    tree = parse_query(text)
    problems = Problems(text)
    nodes = list(tree.walk(bfs=False))
    guard.check(nodes, problems, guard.model)
    problems.raise_any()
    references = tuple(
        TableReference(tuple(part.name for part in table.parts), text.location(position(table)))
        for table in external_tables(nodes)
    )
    warnings = order_warnings(nodes, text)
    normalise(nodes)
    return ParsedQuery(text, tree, references, warnings)


def analyse(
    query: ParsedQuery | str,
    *,
    name: RelationName,
    resolve: Callable[[tuple[str, ...]], RelationName],
    schemas: Mapping[RelationName, Schema],
    binder: Binder,
    event_times: Mapping[RelationName, str] | None = None,
    path: str = "",
    first_line: int = 1,
) -> Analysis:
    """Understand a model's query.

    Args:
        query: from :func:`parse`, or the text, which ``path`` and ``first_line`` then locate.
        name: the relation the query defines; it may not read itself.
        resolve: the relation behind the parts of a table name; raises DeclarationError for unknown ones.
        schemas: the columns of everything the query may read.
        binder: tells the exact types, see :class:`Binder`.
        event_times: the columns with the event time of relations that append; temporal joins ask for them.

    Raises:
        DeclarationErrors: everything that is wrong, each located.
    """
    parsed = parse(query, path=path, first_line=first_line) if isinstance(query, str) else query
    problems = Problems(parsed.text)
    tree = parsed.take_tree()
    resolution = Resolution(problems, resolve, schemas, block_of, event_times=event_times or {})
    block = block_of(tree, Scope(None, {}), resolution, root=True)
    _check_outputs(tree, block, problems)
    if name in resolution.reads:
        problems.add(f"'{name}' reads itself", tree, hint="read the relations it is made from")
    problems.raise_any()
    known = {relation: schemas[relation] for relation in resolution.reads}
    if resolution.windows:
        canonical = generate(tree, copy=True, text=parsed.text)
        lower_windows(tree, problems)
        fields = query_fields(tree, known)
        engine_sql = generate(tree, text=parsed.text)
    else:
        fields = query_fields(tree, known)
        canonical = engine_sql = generate(tree, text=parsed.text)
    problems.raise_any()
    schema = bind(engine_sql, known, binder, parsed.text)
    return Analysis(
        canonical=canonical,
        engine_sql=engine_sql,
        schema=schema,
        reads=tuple(resolution.reads),
        lineage=_lineage(block, schema),
        warnings=parsed.warnings,
        fields=fields,
    )


def _check_outputs(tree: exp.Expr, block: Block, problems: Problems) -> None:
    """Every output column of a model has a name of its own."""
    leftmost: exp.Expr = tree
    while not isinstance(leftmost, exp.Select) and isinstance(leftmost.this, exp.Expr):
        leftmost = leftmost.this
    projections = leftmost.expressions if isinstance(leftmost, exp.Select) else []
    aligned = len(projections) == len(block.columns)
    seen: set[str] = set()
    for at, output in enumerate(block.columns):
        node = projections[at] if aligned else tree
        if not output.name:
            written = node.sql(dialect, comments=False)
            problems.add(
                f"output column {at + 1} has no name",
                node,
                detail=None if len(written) > 60 else written,
                hint="give it one with AS",
            )
        elif output.name.lower() in seen:
            problems.add(
                f"two output columns are named '{output.name}'",
                node,
                hint="rename one with AS; in a star with EXCLUDE or RENAME; or join with USING",
            )
        seen.add(output.name.lower())


def _lineage(block: Block, schema: Schema) -> tuple[ColumnLineage, ...]:
    known = {output.name.lower(): output.derivation for output in block.columns}
    rest = block.rest or NOTHING
    found = []
    for column in schema:
        derivation = known.get(column.name.lower(), rest)
        found.append(
            ColumnLineage(
                column.name,
                tuple(sorted(derivation.direct)),
                tuple(sorted(derivation.indirect | block.indirect)),
                transformations[derivation.kind],
            )
        )
    return tuple(found)
