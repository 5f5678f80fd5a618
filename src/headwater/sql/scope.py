"""What is visible where in a query, and where each visible column comes from: the values of name resolution.

Apart from the resolver so that its rules read without their bookkeeping.
Identifiers are compared without regard to case, as DuckDB compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater.sql.analysis import ColumnReference
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = [
    "AGGREGATION",
    "EXPRESSION",
    "IDENTITY",
    "NOTHING",
    "Block",
    "Derivation",
    "Output",
    "References",
    "Scope",
    "Source",
    "combine",
    "relation_block",
    "transformations",
]

References = frozenset[ColumnReference]

IDENTITY: Final = 0
EXPRESSION: Final = 1
AGGREGATION: Final = 2
transformations: Final = ("identity", "expression", "aggregation")


@frozen
class Derivation:
    """Where a value comes from; ``kind`` is the strongest transformation on the way."""

    direct: References = frozenset()
    indirect: References = frozenset()
    kind: int = IDENTITY

    @property
    def references(self) -> References:
        return self.direct | self.indirect


NOTHING: Final = Derivation()


def combine(derivations: Iterable[Derivation], kind: int = IDENTITY) -> Derivation:
    """One derivation for a value made of several."""
    found = list(derivations)
    return Derivation(
        frozenset().union(*(each.direct for each in found)),
        frozenset().union(*(each.indirect for each in found)),
        max((each.kind for each in found), default=kind)
        if kind == IDENTITY
        else max(kind, *(e.kind for e in found), 0),
    )


@frozen
class Output:
    """A column a block offers; ``name`` is '' when the query gives it none."""

    name: str
    derivation: Derivation


@frozen
class Block:
    """What a relation, CTE, derived table or query offers.

    ``indirect`` references decide which rows there are. ``rest`` stands for
    columns whose names are known to the engine only (PIVOT, some table
    functions), None when ``columns`` are all.
    """

    columns: tuple[Output, ...]
    indirect: References = frozenset()
    rest: Derivation | None = None

    def everything(self) -> Derivation:
        """The whole row as one value."""
        parts = [output.derivation for output in self.columns]
        return combine([*parts, self.rest] if self.rest else parts)


def relation_block(relation: RelationName, schema: Schema) -> Block:
    """A relation's columns, each its own origin."""
    return Block(
        tuple(
            Output(column.name, Derivation(frozenset((ColumnReference(relation, column.name),)))) for column in schema
        )
    )


@dataclass(slots=True, eq=False)
class Source:
    """An item of FROM under its alias.

    ``qualifier`` is the text by which a column of it is qualified, None when it
    cannot be. ``merged`` are the columns that USING joined into one of an earlier source.
    """

    alias: str
    block: Block
    qualifier: str | None
    merged: set[str] = field(default_factory=set)
    visible: bool = True
    index: dict[str, Output] = field(init=False)

    def __post_init__(self) -> None:
        self.index = {}
        for output in self.block.columns:
            self.index.setdefault(output.name.lower(), output)


@dataclass(slots=True, eq=False)
class Scope:
    """The names one SELECT can refer to; ``parent`` is the enclosing one, for correlation.

    ``full_names`` maps ``product.relation`` to the alias of a source that was given none.
    """

    parent: Scope | None
    ctes: Mapping[str, Block]
    sources: dict[str, Source] = field(default_factory=dict)
    merged: dict[str, Output] = field(default_factory=dict)
    aliases: dict[str, Derivation] = field(default_factory=dict)
    full_names: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    qualify: bool = True

    def visible_sources(self) -> Iterator[Source]:
        return (source for source in self.sources.values() if source.visible)

    def holding(self, folded: str) -> list[Source]:
        """The visible sources with a column of that name, USING's counted once."""
        return [source for source in self.visible_sources() if folded in source.index and folded not in source.merged]

    def column_names(self) -> set[str]:
        """Every column name, for suggestions."""
        found = {output.name for source in self.visible_sources() for output in source.block.columns if output.name}
        return found | (self.parent.column_names() if self.parent else set())

    def source_named(self, folded: str) -> Source | None:
        source = self.sources.get(self.full_names.get(folded, folded))
        return source if source is not None and source.visible else None
