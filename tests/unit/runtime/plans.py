"""Small plans, built by hand: what a product holds and nothing of how it was declared."""

from __future__ import annotations

from headwater.incremental.program import BlockKind, ChangeMode, Input, Program
from headwater.plan.steps import ForeignPort, ModelStep, ProductPlan, Recorded, SourceStep
from headwater.quality.checks import Judgement
from headwater.relations import Statement, relation
from headwater.spec.declarations import OutputKind, Source
from headwater.sql.analysis import Analysis
from headwater.types import RelationName, Schema

SCHEMA = Schema.of({"id": "BIGINT"})


def name(text: str) -> RelationName:
    return RelationName.parse(text if "." in text else f"p.{text}")


def source(text: str, fingerprint: str = "1", judgement: Judgement | None = None) -> SourceStep:
    declared = Source(name(text), "files", schema=SCHEMA)
    return SourceStep(declared, name(text), SCHEMA, judgement, fingerprint)


def foreign(text: str) -> ForeignPort:
    return ForeignPort(name(text), SCHEMA, "parquet")


def model(
    text: str,
    reads: str,
    mode: ChangeMode = ChangeMode.APPEND,
    *,
    lookups: str = "",
    fingerprint: str = "1",
    output: OutputKind = "parquet",
    judgement: Judgement | None = None,
) -> ModelStep:
    """A model that reads ``reads`` (and looks up ``lookups``), names separated by spaces."""
    role = "change" if mode is ChangeMode.APPEND else "history"
    inputs = [Input(name(read), role) for read in reads.split()]  # type: ignore[arg-type]
    inputs += [Input(name(read), "history") for read in lookups.split()]
    made = Statement(relation("candidate", name(text)), "SELECT 1 AS id")
    kind = BlockKind.MAP if mode is ChangeMode.APPEND else BlockKind.FULL
    return ModelStep(
        relation=name(text),
        analysis=Analysis("", "", SCHEMA, tuple(read.relation for read in inputs)),
        program=Program(name(text), kind, mode, tuple(inputs), (made,), (made,)),
        judgement=judgement,
        output=output,
        partition_by=(),
        renames={},
        grain=(),
        fingerprint=fingerprint,
        own_fingerprint=fingerprint,
        metadata_fingerprint="",
        rebuild=False,
    )


def product(*parts: SourceStep | ForeignPort | ModelStep) -> ProductPlan:
    return ProductPlan(
        "p",
        tuple(part for part in parts if isinstance(part, SourceStep)),
        tuple(part for part in parts if isinstance(part, ForeignPort)),
        tuple(part for part in parts if isinstance(part, ModelStep)),
    )


def recorded(text: str, fingerprint: str = "1", output: str = "parquet") -> Recorded:
    return Recorded(name(text), fingerprint, fingerprint, SCHEMA, "", "", output)
