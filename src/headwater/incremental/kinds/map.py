"""Map: each row of one appended input becomes rows by itself.

Projection, filter, scalar expressions, unnesting, UNION ALL, and joins with
rows written in the query. Keeps no state: an epoch's changes are the query
over the epoch's changes, and each row carries the origin of the one it came from.

Each rule below looks for something that makes a row's fate depend on other
rows; what none of them finds is a map.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.incremental.aggregates import is_aggregate
from headwater.incremental.blocks import QueryBlock, RelationInput, Scan, local_nodes
from headwater.incremental.kinds.claims import Changes, Claim, Compiled, Facts, Kind, Query, Refusal
from headwater.incremental.program import BlockKind, ChangeMode
from headwater.incremental.roles import provenance_columns, texts_in_roles
from headwater.relations import Statement, relation

__all__ = ["kind"]

_apart: Final = "compute it in a model of its own, so that this one stays a map over appended rows"

_clauses: Final[dict[str, Refusal]] = {
    "distinct": Refusal(
        "DISTINCT compares each row with all others",
        "declare the columns as unique in the contract: the first row is kept and the others are quarantined",
    ),
    "group": Refusal("GROUP BY needs all rows of each group, and grouped state is not kept between epochs", _apart),
    "having": Refusal("HAVING needs all rows of each group, and grouped state is not kept between epochs", _apart),
    "qualify": Refusal("QUALIFY filters by a window function, which looks at other rows", _apart),
    "windows": Refusal("WINDOW describes functions that look at other rows", _apart),
    "limit": Refusal("LIMIT chooses rows by their place among all others", "leave LIMIT to whoever reads the model"),
    "offset": Refusal("OFFSET chooses rows by their place among all others", "leave OFFSET to whoever reads the model"),
    "sample": Refusal("SAMPLE draws from all rows at once", "filter by a hash of the key instead"),
    "pivots": Refusal("PIVOT and UNPIVOT are not known to treat rows alone", "write the columns as expressions"),
    "match": Refusal("MATCH_RECOGNIZE looks at sequences of rows", _apart),
}

_grouped_windows: Final = Refusal(
    "GROUP BY over a window needs all rows of each window, and partial results are not kept between epochs", _apart
)

_harmless: Final = frozenset({"expressions", "from_", "joins", "laterals", "where", "order", "with_"})
_set_arguments: Final = frozenset({"this", "expression", "order", "with_"})
_wrapper_arguments: Final = frozenset({"this", "alias", "order", "with_"})

# The joins in which each row of the changing side is treated by itself: it may stand on
# the left of the first set, or on the right of the second.
_changing_left: Final = frozenset({"", "INNER", "CROSS", "LEFT", "SEMI", "ANTI", "ASOF", "ASOF LEFT"})
_changing_right: Final = frozenset({"", "INNER", "CROSS", "RIGHT"})


def claim(block: QueryBlock, facts: Facts) -> Claim | Refusal:
    """A block with one appended input, nothing of which looks at two rows; or UNION ALL of such blocks."""
    if block.recursive:
        return Refusal("it reads itself")
    if all(fact.changes is Changes.CONSTANT for fact in facts.values()):
        return Claim(BlockKind.MAP, Changes.CONSTANT, "it reads no relation, so its rows never change")
    for fact in facts.values():
        if fact.changes is Changes.REPLACE:
            return _follows(block, fact.name, facts)
    refusal = _wrapped(block)
    if refusal is None:
        refusal = _union(block, facts) if isinstance(block.query, exp.SetOperation) else _select(block, facts)
    if refusal is not None:
        return refusal
    if isinstance(block.query, exp.SetOperation):
        return Claim(BlockKind.MAP, Changes.APPEND, "it puts the rows of its branches together")
    changing = facts[_changing(block, facts)[0].target or block.inputs[0]]
    return Claim(BlockKind.MAP, Changes.APPEND, f"it treats each row of '{changing.name}' by itself")


def compile(query: Query) -> Compiled:  # noqa: A001
    """The query over ``change`` or ``traced`` relations, each level handing the origin of its rows upwards."""
    for block in query.parts.blocks:
        if query.claims[block.name].changes is Changes.APPEND:
            _carry_origin(block, query)
    parts, created = query.parts, relation("candidate", query.relation)
    change, traced = texts_in_roles(parts.text, parts.tree, parts.tables, ("change", "traced"))
    return Compiled((Statement(created, change),), (Statement(created, traced),))


kind: Final = Kind(BlockKind.MAP, ChangeMode.APPEND, claim, compile)


def _follows(block: QueryBlock, name: str, facts: Facts) -> Refusal:
    for target, fact in facts.items():
        if fact.name == name and not isinstance(target, RelationInput):
            return Refusal(f"it reads '{name}', which is computed anew", f"make '{name}' cheaper first")
    return Refusal(
        f"'{name}' is replaced as a whole whenever it changes",
        f"make '{name}' a map over appended rows, and this block is one too" if len(block.inputs) == 1 else None,
    )


def _wrapped(block: QueryBlock) -> Refusal | None:
    for wrapper in block.wrappers:
        refusal = _forbidden(wrapper, _wrapper_arguments)
        if refusal is not None:
            return refusal
    return None


def _forbidden(node: exp.Expr, allowed: frozenset[str]) -> Refusal | None:
    """The first clause of a query that is not on the list of those that a map may have."""
    for key, value in node.args.items():
        if isinstance(value, exp.Group) and any(column.name == "window_start" for column in value.find_all(exp.Column)):
            return _grouped_windows
        if value and key not in allowed:
            return _clauses.get(key) or Refusal(f"its clause {key.strip('_').upper()} is not known to treat rows alone")
    return None


def _union(block: QueryBlock, facts: Facts) -> Refusal | None:
    if not isinstance(block.query, exp.Union):
        name = block.query.key.upper()
        return Refusal(f"{name} compares each row with all rows of the other side", _apart)
    if block.query.args.get("distinct"):
        return Refusal("UNION removes duplicates, which compares each row with all others", "write UNION ALL")
    if block.query.args.get("by_name"):
        return Refusal(
            "UNION ALL BY NAME moves columns between its branches, and the origin of rows with them",
            "write UNION ALL with the columns of all branches in one order",
        )
    for fact in facts.values():
        if fact.changes is Changes.CONSTANT:
            return Refusal(
                f"its branch '{fact.name}' reads no relation, so its rows would come again in every epoch",
                "put these rows into a source or a model of their own and read them there",
            )
    return _forbidden(block.query, _set_arguments)


def _select(block: QueryBlock, facts: Facts) -> Refusal | None:
    if not isinstance(block.query, exp.Select):
        return Refusal("its form is not known to treat rows alone")
    embedded = [facts[part].name for part in block.embedded if facts[part].changes is not Changes.CONSTANT]
    if embedded:
        names = " and ".join(f"'{name}'" for name in sorted(embedded))
        return Refusal(f"its subqueries read {names}, so a row's fate depends on other rows", "write it as a join")
    return (
        _forbidden(block.query, _harmless)
        or _several_rows(block)
        or _whole_rows(block, facts)
        or _one_changing_input(block, facts)
    )


def _several_rows(block: QueryBlock) -> Refusal | None:
    for node in local_nodes(block.query):
        if isinstance(node, exp.Window):
            function = node.this.sql(dialect="duckdb")
            return Refusal(f"the window function {function} looks at other rows", _apart)
        aggregate = node if is_aggregate(node) else _aggregate_over_outer_rows(node)
        if aggregate is not None:
            text = aggregate.sql(dialect="duckdb")
            return Refusal(f"the aggregate {text} looks at all rows, and its state is not kept between epochs", _apart)
        if isinstance(node, exp.TableSample):
            return _clauses["sample"]
        if isinstance(node, exp.Pivot):
            return _clauses["pivots"]
    return None


def _aggregate_over_outer_rows(node: exp.Expr) -> exp.Expr | None:
    """An aggregate in a subquery that names no column of the subquery: SQL lets it aggregate the rows around it."""
    if not isinstance(node, exp.Query):
        return None
    inside = {item.alias_or_name.casefold() for item in node.find_all(exp.Table, exp.DerivedTable, exp.UDTF)}
    for aggregate in node.walk():
        if is_aggregate(aggregate):
            columns = list(aggregate.find_all(exp.Column))
            if columns and not any(column.table.casefold() in inside for column in columns):
                return aggregate
    return None


def _whole_rows(block: QueryBlock, facts: Facts) -> Refusal | None:
    """Stars and rows used as values would pick up the origin columns that changes carry."""
    aliases = {scan.alias.casefold() for scan in _changing(block, facts)}
    hint = "name the columns"
    for node in local_nodes(block.query):
        if isinstance(node, exp.Star | exp.Columns):
            return Refusal("a star over columns that are not known here stands in it", hint)
        if isinstance(node, exp.TableColumn) or (
            isinstance(node, exp.Column) and not node.table and node.name.casefold() in aliases
        ):
            return Refusal(f"the whole row of '{node.name}' is used as a value", hint)
    return None


def _changing(block: QueryBlock, facts: Facts) -> list[Scan]:
    return [
        scan for scan in block.scans if scan.target is not None and facts[scan.target].changes is not Changes.CONSTANT
    ]


def _one_changing_input(block: QueryBlock, facts: Facts) -> Refusal | None:
    changing = _changing(block, facts)
    names = [f"'{facts[scan.target].name}'" for scan in changing if scan.target is not None]
    if len(changing) > 1:
        return Refusal(f"it joins {' with '.join(names)}, whose rows all change", _apart)
    if any(scan.node.args.get("joins") for scan in block.scans):
        return Refusal("its joins are nested in parentheses", "write them one after the other")
    place = block.scans.index(changing[0])
    for number, scan in enumerate(block.scans):
        if scan.join is None:
            continue
        allowed = _changing_right if number == place else _changing_left
        if _join_kind(scan.join) not in allowed and number >= place:
            return Refusal(
                f"{_join_kind(scan.join)} JOIN decides on more than single rows of {names[0]}",
                f"put {names[0]} first and use JOIN or LEFT JOIN",
            )
    return None


def _join_kind(join: exp.Join) -> str:
    parts = (join.method, join.side, join.kind)
    return " ".join(part for part in parts if part and part != "OUTER").upper()


def _carry_origin(block: QueryBlock, query: Query) -> None:
    for wrapper in block.wrappers:
        _name_origin(wrapper)
    if isinstance(block.query, exp.Select):
        scan = next(scan for scan in block.scans if scan.target is not None and _appends(scan, query))
        if not scan.alias:
            scan.node.set("alias", exp.TableAlias(this=exp.to_identifier("rows", quoted=True)))
        for name in provenance_columns:
            block.query.append("expressions", exp.column(name, table=exp.to_identifier(scan.alias, quoted=True)))
    parent = block.query.parent
    if isinstance(parent, exp.CTE):
        _name_origin(parent)


def _appends(scan: Scan, query: Query) -> bool:
    target = scan.target
    return target is not None and (
        isinstance(target, RelationInput) or query.claims[target.name].changes is Changes.APPEND
    )


def _name_origin(node: exp.Expr) -> None:
    """An alias that lists its columns lists the origin columns as well."""
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
        for name in provenance_columns:
            alias.append("columns", exp.to_identifier(name))
