"""What a kind says of a block: that it can maintain it, or why it cannot.

Apart from the kinds so that they, the dispatch and the compiler share one vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from headwater.incremental.blocks import BlockInput, QueryBlock, QueryTree, RelationInput
from headwater.incremental.program import BlockKind, ChangeMode
from headwater.relations import Statement
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["Changes", "Claim", "Compiled", "Facts", "InputFact", "Kind", "Query", "Refusal"]


class Changes(StrEnum):
    """How the rows of an input or a block change from epoch to epoch."""

    CONSTANT = "constant"
    APPEND = "append"
    REPLACE = "replace"


@frozen
class Claim:
    """A block is maintained as ``kind``, and its own rows change so. The texts are those of ``Block``."""

    kind: BlockKind
    changes: Changes
    why: str
    cheaper: str | None = None
    state: str | None = None


@frozen
class Refusal:
    """A kind cannot maintain a block: ``why`` completes "this block is full because ..."."""

    why: str
    cheaper: str | None = None


@frozen
class InputFact:
    """What is known of one input of a block; ``name`` is what the user calls it."""

    name: str
    changes: Changes


Facts: TypeAlias = Mapping[RelationInput | BlockInput, InputFact]


@frozen
class Query:
    """A model's query with a claim on each block."""

    relation: RelationName
    parts: QueryTree
    claims: Mapping[str, Claim]


@frozen
class Compiled:
    """A query as statements: ``statements`` of an epoch, ``rebuild`` from all rows that its inputs hold."""

    statements: tuple[Statement, ...]
    rebuild: tuple[Statement, ...]


@frozen
class Kind:
    """One way to maintain blocks.

    ``claim`` judges a block by its own query and what is known of its inputs.
    ``compile`` turns a query whose outermost block is of this kind into
    statements; it may rewrite the query's tree, but for FULL, which works on the text.
    """

    kind: BlockKind
    mode: ChangeMode
    claim: Callable[[QueryBlock, Facts], Claim | Refusal]
    compile: Callable[[Query], Compiled]
