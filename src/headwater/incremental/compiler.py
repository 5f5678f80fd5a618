"""From an analysed query to the program that maintains its result.

Apart from the kinds: this is the order of things (take apart, classify,
compile), which no kind changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headwater.errors import DeclarationError
from headwater.incremental.blocks import ROOT, read_query
from headwater.incremental.kinds import Claim, Query, classify, kind_of
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import Block, BlockKind, ChangeMode, Input, Program
from headwater.relations import Role
from headwater.sql.analysis import Analysis
from headwater.types import RelationName

__all__ = ["compile_program"]

_reserved: Final = "_hw_"

_constant: Final = Claim(BlockKind.FULL, Changes.REPLACE, "it reads no relation, so it is computed once")


def compile_program(relation: RelationName, analysis: Analysis, modes: Mapping[RelationName, ChangeMode]) -> Program:
    """Derive how to maintain a model from the changes of what it reads.

    Args:
        relation: the model.
        analysis: its query, understood.
        modes: for every relation it reads, how that one's content changes.

    Raises:
        DeclarationError: the query names an output column or a CTE as headwater names its own.
    """
    for column in analysis.schema.names:
        if column.casefold().startswith(_reserved):
            raise DeclarationError(
                f"the column name '{column}' is reserved",
                hint=f"names that start with '{_reserved}' are headwater's own",
            )
    query = _read(relation, analysis, modes)
    root = query.claims[ROOT]
    chosen = kind_of(root.kind)
    compiled = chosen.compile(query)
    role: Role = "change" if chosen.mode is ChangeMode.APPEND else "history"
    return Program(
        relation=relation,
        kind=root.kind,
        mode=chosen.mode,
        inputs=tuple(Input(read, role) for read in analysis.reads),
        statements=compiled.statements,
        rebuild=compiled.rebuild,
        blocks=tuple(_block(block.name, query.claims[block.name]) for block in query.parts.blocks),
    )


def _read(relation: RelationName, analysis: Analysis, modes: Mapping[RelationName, ChangeMode]) -> Query:
    parts = read_query(analysis.engine_sql, analysis.reads)
    claims = classify(parts.blocks, modes)
    if claims[ROOT].changes is Changes.CONSTANT:
        claims[ROOT] = _constant
    return Query(relation, parts, claims)


def _block(name: str, claim: Claim) -> Block:
    return Block(name, claim.kind, claim.why, claim.cheaper, claim.state)
