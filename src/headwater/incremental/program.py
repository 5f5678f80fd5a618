"""Programs: SQL statements over named relations, which any SQL engine can run.

Apart from the compiler so that plan, runtime and engines know programs without
knowing how they are derived. How relations are named: :mod:`headwater.relations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Role, Statement, relation
from headwater.types import RelationName

__all__ = ["KIND_VERSIONS", "Block", "BlockKind", "ChangeMode", "Input", "Program", "compose"]


class BlockKind(StrEnum):
    """How a block is maintained; the table in the concepts page says when each is chosen."""

    MAP = "map"
    WINDOW = "window"
    SESSION = "session"
    INTERVAL_JOIN = "interval join"
    AS_OF_JOIN = "as-of join"
    KEYED = "keyed"
    PATTERN = "pattern"
    FULL = "full"


KIND_VERSIONS: Final[Mapping[BlockKind, int]] = {BlockKind.MAP: 2, BlockKind.FULL: 1}
"""The kinds that are compiled today. A version grows when the same query yields other rows or other state."""


class ChangeMode(StrEnum):
    """How a relation's published content changes from epoch to epoch."""

    APPEND = "append"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Input:
    """A relation a program reads, and in which role."""

    relation: RelationName
    role: Role


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a query and how it is maintained.

    ``why`` completes the sentence "this block is <kind> because ..."; ``cheaper`` says
    what to change in the query to get a cheaper kind.
    """

    name: str
    kind: BlockKind
    why: str
    cheaper: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """What the engine runs for a model in an epoch.

    The last statement creates ``candidate.<relation>``. A program whose mode is
    REPLACE runs once its inputs are exhausted; one whose mode is APPEND runs in
    every epoch that brings changes. ``rebuild`` is the same result from all rows
    that the inputs hold: what a changed model and a replaced input need. It reads
    every input in the role ``rebuild_role``, which for a map keeps the origin of rows.
    """

    relation: RelationName
    kind: BlockKind
    mode: ChangeMode
    inputs: tuple[Input, ...]
    statements: tuple[Statement, ...]
    rebuild: tuple[Statement, ...]
    blocks: tuple[Block, ...] = ()

    @property
    def version(self) -> str:
        """The part of a model's fingerprint that the compiler decides.

        >>> Program(RelationName("p", "r"), BlockKind.MAP, ChangeMode.APPEND, (), (), ()).version
        'map:2'
        """
        return f"{self.kind}:{KIND_VERSIONS[self.kind]}"

    @property
    def rebuild_role(self) -> Role:
        """The role in which ``rebuild`` reads each input."""
        return "traced" if self.kind is BlockKind.MAP else "history"

    def over_history(self) -> str:
        """The whole result as one query over ``history`` relations, for readers that ask for no origin.

        It yields provenance columns that mean nothing: where ``rebuild`` reads origins,
        it is given none, so that nothing is scanned for them.
        """
        query = compose(self.rebuild)
        if self.rebuild_role == "history":
            return query
        nowhere = f"CAST(NULL AS VARCHAR) AS {SOURCE_COLUMN}, CAST(NULL AS BIGINT) AS {OFFSET_COLUMN}"
        named = ", ".join(
            f"{relation('traced', read)} AS NOT MATERIALIZED (SELECT *, {nowhere} FROM {relation('history', read)})"
            for read in dict.fromkeys(read.relation for read in self.inputs)
        )
        return f"WITH {named} SELECT * FROM ({query})"


def compose(statements: Sequence[Statement]) -> str:
    """Statements as one query: all but the last become common table expressions.

    >>> compose([Statement('"a"', "SELECT 1 AS x"), Statement('"b"', 'SELECT x FROM "a"')])
    'WITH "a" AS (SELECT 1 AS x) SELECT * FROM (SELECT x FROM "a")'
    """
    *first, last = statements
    if not first:
        return last.sql
    named = ", ".join(f"{statement.creates} AS ({statement.sql})" for statement in first)
    return f"WITH {named} SELECT * FROM ({last.sql})"
