"""Column references of a SELECT as flat names.

A column ``amount`` of the FROM item ``o`` is ``o.amount`` below the projection; names
that the SELECT list gives stand for their expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import column, replaced

__all__ = ["aliases_in", "flat", "from_aliases", "item_aliases", "local_columns", "split_name"]


def item_aliases(item: exp.Expr) -> Iterator[str]:
    """The names of a FROM item: one, or those of the items that it joins in parentheses."""
    if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery) and not item.alias:
        yield from item_aliases(item.this)
    elif item.alias_or_name:
        yield item.alias_or_name
    for join in item.args.get("joins") or ():
        yield from item_aliases(join.this)


def from_aliases(select: exp.Expr) -> frozenset[str]:
    """The names of all FROM items of a SELECT."""
    from_ = select.args.get("from_")
    items = [] if from_ is None else [from_.this, *(join.this for join in select.args.get("joins") or ())]
    items += select.args.get("laterals") or ()
    return frozenset(alias for item in items for alias in item_aliases(item))


def flat(tree: exp.Expr, aliases: frozenset[str], given: Mapping[str, exp.Expr] | None = None) -> exp.Expr:
    """An expression over flat names.

    Args:
        aliases: the FROM items.
        given: names of the SELECT list and what they stand for, already flat.

    Raises:
        Unmaintainable: it uses a whole row, or a star that was not spelled out.
    """

    def change(node: exp.Expr) -> exp.Expr | None:
        if isinstance(node, exp.Column):
            return _flat_column(node, aliases, given or {})
        if isinstance(node, exp.TableColumn | exp.Columns):
            raise Unmaintainable("it uses whole rows as values", "name the columns")
        return None

    return replaced(tree, change)


def _flat_column(node: exp.Column, aliases: frozenset[str], given: Mapping[str, exp.Expr]) -> exp.Expr | None:
    parts = node.parts
    if isinstance(node.this, exp.Star):
        raise Unmaintainable("a star over columns that are not known here stands in it", "name the columns")
    if len(parts) > 1 and parts[0].name in aliases:
        found: exp.Expr = column(f"{parts[0].name}.{parts[1].name}")
        for field in parts[2:]:
            found = exp.Dot(this=found, expression=exp.to_identifier(field.name, quoted=True))
        return found
    if len(parts) == 1:
        if node.name in given:
            known = given[node.name].copy()
            return known if isinstance(known, exp.Column | exp.Literal) else exp.paren(known, copy=False)
        if node.name in aliases:
            raise Unmaintainable(f"the whole row of '{node.name}' is used as a value", "name the columns")
    return None


def local_columns(tree: exp.Expr, aliases: frozenset[str]) -> set[tuple[str, str]]:
    """The columns of FROM items that a query uses anywhere, subqueries included: (alias, column)."""
    return {
        (parts[0].name, parts[1].name)
        for node in tree.find_all(exp.Column)
        if len(parts := node.parts) > 1 and parts[0].name in aliases
    }


def aliases_in(tree: exp.Expr, aliases: frozenset[str]) -> frozenset[str]:
    """The FROM items whose columns a flat expression uses."""
    return frozenset(
        alias for node in tree.find_all(exp.Column) for alias in aliases if node.name.startswith(f"{alias}.")
    )


def split_name(name: str) -> str:
    """The column behind a flat name."""
    return name.partition(".")[2]
