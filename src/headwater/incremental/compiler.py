"""From an analysed query to the program that maintains its result.

Apart from the kinds: this is the order of things (take apart, classify,
compile), which no kind changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from headwater.errors import DeclarationError
from headwater.incremental.blocks import ROOT, read_query
from headwater.incremental.kinds import Claim, Query, classify, kind_of
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.lowering import Unmaintainable, lower
from headwater.incremental.program import Block, BlockKind, ChangeMode, Given, Input, Program
from headwater.incremental.stateful import compile_stateful
from headwater.relations import Role
from headwater.sql.analysis import Analysis, Binder
from headwater.sql.parse import parse_engine_sql, without_places
from headwater.types import RelationName, Schema

__all__ = ["compile_program"]

_reserved: Final = "_hw_"

_constant: Final = Claim(BlockKind.FULL, Changes.REPLACE, "it reads no relation, so it is computed once")


def compile_program(
    relation: RelationName,
    analysis: Analysis,
    given: Mapping[RelationName, Given],
    *,
    schemas: Mapping[RelationName, Schema],
    binder: Binder,
    stored: bool = True,
) -> Program:
    """Derive how to maintain a model from the changes of what it reads.

    Args:
        relation: the model.
        analysis: its query, understood.
        given: for every relation it reads, how that one's content changes.
        schemas: the columns of what it reads.
        binder: tells exact types, as for the analysis.
        stored: whether the result is kept in a table; nothing keeps state for a view.

    Raises:
        DeclarationError: the query names an output column or a CTE as headwater names its own.
    """
    for column in analysis.schema.names:
        if column.casefold().startswith(_reserved):
            raise DeclarationError(
                f"the column name '{column}' is reserved",
                hint=f"names that start with '{_reserved}' are headwater's own",
            )
    query = _read(relation, analysis, {read: known.mode for read, known in given.items()})
    timed = any(known.clocks for known in given.values())
    alone = query.claims[ROOT].kind is BlockKind.MAP
    found: Program | Unmaintainable | None = None
    if (timed if alone else stored) and analysis.reads:
        found = _operators(relation, analysis, given, schemas, binder)
    if isinstance(found, Program) and not alone:
        return (
            replace(found, rebuild=kind_of(BlockKind.FULL).compile(query).rebuild) if found.is_late_to_keep else found
        )
    program = _from_text(query, analysis)
    if isinstance(found, Program):
        return replace(program, clocks=found.clocks, settled=found.settled)
    return program if found is None else _because(program, found)


def _operators(
    relation: RelationName,
    analysis: Analysis,
    given: Mapping[RelationName, Given],
    schemas: Mapping[RelationName, Schema],
    binder: Binder,
) -> Program | Unmaintainable:
    """The program that keeps state, or why there is none."""
    names = {str(read).casefold(): read for read in analysis.reads}
    try:
        columns = {read: schemas[read].names for read in analysis.reads}
        root = lower(without_places(parse_engine_sql(analysis.canonical)), names, columns)
        return compile_stateful(relation, root, analysis, given=given, schemas=schemas, binder=binder)
    except Unmaintainable as refusal:
        return refusal


def _from_text(query: Query, analysis: Analysis) -> Program:
    """A map, or the whole query anew."""
    root = query.claims[ROOT]
    chosen = kind_of(root.kind)
    compiled = chosen.compile(query)
    role: Role = "change" if chosen.mode is ChangeMode.APPEND else "history"
    return Program(
        relation=query.relation,
        kind=root.kind,
        mode=chosen.mode,
        inputs=tuple(Input(read, role) for read in analysis.reads),
        statements=compiled.statements,
        rebuild=compiled.rebuild,
        blocks=tuple(_block(block.name, query.claims[block.name]) for block in query.parts.blocks),
    )


def _because(program: Program, refusal: Unmaintainable) -> Program:
    """A program that is computed anew says why no operators maintain it."""
    *others, root = program.blocks
    return replace(program, blocks=(*others, replace(root, why=refusal.why, cheaper=refusal.cheaper)))


def _read(relation: RelationName, analysis: Analysis, modes: Mapping[RelationName, ChangeMode]) -> Query:
    parts = read_query(analysis.engine_sql, analysis.reads)
    claims = classify(parts.blocks, modes)
    if claims[ROOT].changes is Changes.CONSTANT:
        claims[ROOT] = _constant
    return Query(relation, parts, claims)


def _block(name: str, claim: Claim) -> Block:
    return Block(name, claim.kind, claim.why, claim.cheaper, claim.state)
