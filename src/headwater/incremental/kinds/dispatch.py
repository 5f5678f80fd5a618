"""Which kind maintains which block: the cheapest one that claims it.

Apart from the kinds, which do not know each other. A further kind is a module
beside ``map`` with its own ``claim`` and ``compile``, and one entry in
:data:`kinds`, and its version stands in ``KIND_VERSIONS``; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headwater.incremental.blocks import BlockInput, QueryBlock, RelationInput
from headwater.incremental.kinds.claims import Changes, Claim, Facts, InputFact, Kind, Refusal
from headwater.incremental.kinds.full import kind as full_kind
from headwater.incremental.kinds.map import kind as map_kind
from headwater.incremental.program import BlockKind, ChangeMode
from headwater.types import RelationName

__all__ = ["classify", "kind_of", "kinds"]

kinds: Final[tuple[Kind, ...]] = (map_kind, full_kind)
"""Cheapest first; the last one claims every block."""


def kind_of(kind: BlockKind) -> Kind:
    """The kind's own functions."""
    return next(known for known in kinds if known.kind is kind)


def classify(blocks: tuple[QueryBlock, ...], modes: Mapping[RelationName, ChangeMode]) -> dict[str, Claim]:
    """A claim for every block, by block name; inputs before the blocks that read them."""
    claims: dict[str, Claim] = {}
    for block in blocks:
        claims[block.name] = _cheapest(block, _facts(block, modes, claims))
    return claims


def _facts(block: QueryBlock, modes: Mapping[RelationName, ChangeMode], claims: Mapping[str, Claim]) -> Facts:
    facts: dict[RelationInput | BlockInput, InputFact] = {}
    for target in block.inputs:
        if isinstance(target, RelationInput):
            facts[target] = InputFact(str(target.relation), Changes(modes[target.relation].value))
        else:
            below = claims.get(target.name)
            facts[target] = InputFact(target.name, below.changes if below else Changes.REPLACE)
    return facts


def _cheapest(block: QueryBlock, facts: Facts) -> Claim:
    first: Refusal | None = None
    for kind in kinds:
        verdict = kind.claim(block, facts)
        if isinstance(verdict, Refusal):
            first = first or verdict
        elif first is not None and kind is kinds[-1]:
            return Claim(verdict.kind, verdict.changes, first.why, first.cheaper, verdict.state)
        else:
            return verdict
    raise AssertionError("the last kind claims every block")
