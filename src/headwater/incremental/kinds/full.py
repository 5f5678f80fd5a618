"""Full: the block is computed anew from everything its inputs hold.

Always right and never cheap: every query can be maintained this way, so this
kind claims what no other kind did and passes on their reasons.
"""

from __future__ import annotations

from typing import Final

from headwater.incremental.blocks import QueryBlock
from headwater.incremental.kinds.claims import Changes, Claim, Compiled, Facts, Kind, Query
from headwater.incremental.program import BlockKind, ChangeMode
from headwater.incremental.roles import candidate_without_origin, text_in_role

__all__ = ["kind"]


def claim(_: QueryBlock, __: Facts) -> Claim:
    """Every block can be computed anew."""
    return Claim(BlockKind.FULL, Changes.REPLACE, "it is computed anew from all rows of what it reads")


def compile(query: Query) -> Compiled:  # noqa: A001
    """The query over ``history`` relations, in an epoch and in a rebuild."""
    text = text_in_role(query.parts.text, query.parts.tables, "history")
    statements = candidate_without_origin(query.relation, text)
    return Compiled(statements, statements)


kind: Final = Kind(BlockKind.FULL, ChangeMode.REPLACE, claim, compile)
