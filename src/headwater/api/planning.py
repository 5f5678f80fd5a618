"""Planning, verifying and explaining: everything that is known without running.

Apart from running because nothing here changes more than a cache.
"""

from __future__ import annotations

from collections.abc import Callable

from headwater.api.building import build
from headwater.api.forking import in_fork
from headwater.api.project import Project, relation_named
from headwater.api.records import recorded_relations
from headwater.incremental.program import Block
from headwater.plan.steps import ModelStep, Plan, SourceStep
from headwater.quality.checks import Check, DatasetCheck, KeyCheck, ReferenceCheck, RowCheck, Unjudged
from headwater.spec.misspelt import misspelt_types
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = ["CheckReport", "ExplainedCheck", "Explanation", "check", "explain", "plan", "plan_beside"]


@frozen
class CheckReport:
    """How much was verified, and found without errors; ``warnings`` are what may be a mistake, each with its place."""

    workspace: str
    environment: str
    products: int
    sources: int
    models: int
    contracts: int
    warnings: tuple[str, ...] = ()


@frozen
class ExplainedCheck:
    """A check; ``kind`` says what it looks at: row, key, reference or dataset; a rule may also be ``not judged``."""

    code: str
    kind: str
    description: str


@frozen
class Explanation:
    """How a relation is maintained; ``kind``, ``mode`` and ``sql`` are None for a source."""

    relation: RelationName
    path: str | None
    description: str | None
    source_kind: str | None
    kind: str | None
    mode: str | None
    output: str | None
    reads: tuple[RelationName, ...]
    columns: Schema
    blocks: tuple[Block, ...]
    sql: str | None
    contract: str | None
    checks: tuple[ExplainedCheck, ...]
    fingerprint: str


def plan(project: Project) -> Plan:
    """What a run would do, and how the declarations differ from what the last run recorded.

    Raises:
        DeclarationErrors: the workspace cannot be planned.
    """
    return build(project, recorded_relations(project))


def plan_beside(project: Project, meanwhile: Callable[[], None]) -> Plan:
    """As :func:`plan`; where a query has to be parsed, in another process while this one does something else.

    Raises:
        DeclarationErrors: the workspace cannot be planned.
    """
    recorded = recorded_relations(project)
    return in_fork(lambda unknown: build(project, recorded, unknown), meanwhile)


def check(project: Project) -> CheckReport:
    """Verify everything declared, whatever ran before.

    Raises:
        DeclarationErrors: all that is wrong.
    """
    planned = build(project, {})
    return CheckReport(
        workspace=project.workspace.name,
        environment=project.environment.name,
        products=len(planned.products),
        sources=sum(len(product.sources) for product in planned.products),
        models=sum(len(product.models) for product in planned.products),
        contracts=len(project.workspace.contracts),
        warnings=tuple(text for each in project.workspace.contracts.values() for text in misspelt_types(each)),
    )


def explain(project: Project, relation: str) -> Explanation:
    """How one source or model is maintained and judged.

    Raises:
        UsageError: there is no such relation.
        DeclarationErrors: the workspace cannot be planned.
    """
    name = relation_named(project, relation)
    for product in plan(project).products:
        for model in product.models:
            if model.relation == name:
                return _model(project, model)
        for source in product.sources:
            if source.relation == name:
                return _source(source)
    raise AssertionError(f"{name} is declared and not planned")


def _model(project: Project, step: ModelStep) -> Explanation:
    declared = project.workspace.models[step.relation]
    return Explanation(
        relation=step.relation,
        path=declared.path,
        description=declared.description,
        source_kind=None,
        kind=step.program.kind.value,
        mode=step.program.mode.value,
        output=step.output,
        reads=step.analysis.reads,
        columns=step.analysis.schema,
        blocks=step.program.blocks,
        sql=step.analysis.engine_sql,
        contract=step.judgement.contract_id if step.judgement else None,
        checks=tuple(map(_check, (*step.judgement.checks, *step.judgement.unjudged))) if step.judgement else (),
        fingerprint=step.fingerprint,
    )


def _source(step: SourceStep) -> Explanation:
    where = step.source.where
    return Explanation(
        relation=step.relation,
        path=where.path if where else None,
        description=None,
        source_kind=step.source.kind,
        kind=None,
        mode=None,
        output=None,
        reads=(),
        columns=step.schema,
        blocks=step.keyed.program.blocks if step.keyed else (),
        sql=None,
        contract=(step.judgement.contract_id or None) if step.judgement else None,
        checks=tuple(map(_check, step.judgement.checks)) if step.judgement else (),
        fingerprint=step.fingerprint,
    )


def _check(found: Check | Unjudged) -> ExplainedCheck:
    match found:
        case Unjudged(code, reason):
            return ExplainedCheck(code, "not judged", reason)
        case RowCheck():
            kind = "row"
        case KeyCheck():
            kind = "key"
        case ReferenceCheck():
            kind = "reference"
        case DatasetCheck():
            kind = "dataset"
    return ExplainedCheck(found.code, kind, found.description)
