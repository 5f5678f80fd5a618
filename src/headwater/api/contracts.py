"""Contracts inferred from relations, compared with earlier versions, and held against their relations.

Apart from planning because a contract is compared as a file, before it becomes
part of any plan.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from headwater.api.planning import plan
from headwater.api.project import Project, find_root, load, relation_named
from headwater.api.statistics import seen_columns
from headwater.errors import DeclarationError, DeclarationErrors, HeadwaterError, UsageError
from headwater.plan.steps import Plan
from headwater.quality import ContractChange, agree, diff
from headwater.quality import infer_contract as inferred_contract
from headwater.spec.contract import Contract
from headwater.spec.text import FileText
from headwater.sql.analysis import ColumnReference
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = ["ContractDiff", "InferredContract", "check_contracts", "diff_contracts", "infer_contract"]

_git: Final = "git:"


@frozen
class InferredContract:
    """A contract as text; ``path``, relative to the workspace, is where it was or would be written."""

    relation: RelationName
    path: str
    text: str
    written: bool


@frozen
class ContractDiff:
    """The changes of one schema object, gravest first.

    ``consumers_known`` is False when the workspace cannot be planned, so that
    nobody can say whom a change breaks.
    """

    contract_id: str
    relation: str
    changes: tuple[ContractChange, ...]
    consumers_known: bool

    @property
    def breaking(self) -> bool:
        return any(change.severity == "breaking" for change in self.changes)


def infer_contract(project: Project, relation: str, *, write: bool = False) -> InferredContract:
    """The contract of a source or model, from its columns and what is published of it.

    Args:
        relation: the relation, as ``product.relation``.
        write: make it a file in the product's folder.

    Raises:
        UsageError: there is no such relation, or its file exists already.
    """
    from headwater.spec.writing import to_yaml

    name = relation_named(project, relation)
    declared = project.workspace.models.get(name)
    text = to_yaml(
        inferred_contract(
            _schemas(plan(project))[name],
            id=str(name) if name.product == project.workspace.name else f"{project.workspace.name}.{name}",
            relation=name,
            grain=declared.grain if declared else (),
            description=declared.description if declared else None,
            statistics=seen_columns(project, name),
        )
    )
    folder = project.workspace.products[name.product].folder.strip("/")
    path = f"{folder}/{name.name}.odcs.yaml" if folder not in ("", ".") else f"{name.name}.odcs.yaml"
    target = project.root / path
    if write:
        _write_new(target, path, text)
    return InferredContract(name, path, text, write)


def diff_contracts(directory: str | Path, old: str, new: str) -> tuple[ContractDiff, ...]:
    """Compare two versions of a contract file, schema object by schema object.

    Args:
        directory: where relative paths begin; its workspace, if any, knows the consumers.
        old: a file, or ``git:REVISION`` for the version of ``new`` at that revision.
        new: a file.

    Raises:
        DeclarationErrors: a version is no valid contract.
        UsageError: a file or revision does not exist.
    """
    base = Path(directory)
    after = _contracts(_read(base, new), new)
    before = _contracts(
        _read_revision(base, old.removeprefix(_git), new) if old.startswith(_git) else _read(base, old), old
    )
    planned = _plan_if_possible(base)
    old_by_relation = {contract.relation: contract for contract in before}
    if len(before) == len(after) == 1:
        old_by_relation = {after[0].relation: before[0]}
    found = []
    for contract in after:
        earlier = old_by_relation.get(contract.relation)
        if earlier is not None:
            changes = tuple(diff(earlier, contract, _consumers(planned, contract.relation, new)))
            found.append(ContractDiff(contract.id, contract.relation, changes, planned is not None))
    return tuple(found)


def check_contracts(project: Project) -> tuple[Contract, ...]:
    """Hold every contract against the columns of its relation; returns the contracts that were held.

    Raises:
        DeclarationErrors: all disagreements.
    """
    schemas = _schemas(plan(project))
    workspace = project.workspace
    bound = {model.relation: model.contract for model in workspace.models.values() if model.contract}
    bound |= {source.relation: source.contract for source in workspace.sources.values() if source.contract}
    errors: list[DeclarationError] = []
    for relation, contract in bound.items():
        errors.extend(agree(contract, schemas[relation]))
    if errors:
        raise DeclarationErrors(errors)
    return tuple(bound.values())


def _schemas(planned: Plan) -> dict[RelationName, Schema]:
    steps = {step.relation: step.schema for product in planned.products for step in product.sources}
    return steps | {step.relation: step.analysis.schema for product in planned.products for step in product.models}


def _write_new(target: Path, path: str, text: str) -> None:
    try:
        with target.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{path} exists already", hint="compare: leave out --write and read what is inferred"
        ) from error


def _read(base: Path, name: str) -> str:
    try:
        return (base / name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the contract {name} is not UTF-8 text") from error
    except OSError as error:
        raise UsageError(f"the contract {name} cannot be read", detail=(error.strerror or "").lower()) from error


def _read_revision(base: Path, revision: str, name: str) -> str:
    if not revision or revision.startswith("-"):
        raise UsageError(f"'{revision}' is no revision", hint="for example git:HEAD")
    path = base / name
    command = ["git", "-C", str(path.resolve().parent), "show", f"{revision}:./{path.name}"]
    try:
        return subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout  # noqa: S603
    except (OSError, UnicodeDecodeError, subprocess.CalledProcessError) as error:
        said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise UsageError(f"{name} cannot be read at the revision '{revision}'", detail=said) from error


def _contracts(text: str, name: str) -> Sequence[Contract]:
    from headwater.spec.contracts import to_contracts
    from headwater.spec.documents import parse_document

    return to_contracts(parse_document(FileText(name, text)))


def _plan_if_possible(base: Path) -> Plan | None:
    """The plan of the workspace around, without which a diff still tells what changed."""
    try:
        find_root(base)
        return plan(load(base))
    except HeadwaterError:
        return None


def _consumers(planned: Plan | None, relation: str, path: str) -> Mapping[str, Sequence[ColumnReference]]:
    """Which columns of models are computed from each column of a relation, directly or through others."""
    if planned is None:
        return {}
    named = [name for name in _schemas(planned) if name.name.casefold() == relation.casefold()]
    near = [name for name in named if name.product in Path(path).parts] or named
    return {} if len(near) != 1 else _flows(planned, near[0])


def _flows(planned: Plan, relation: RelationName) -> dict[str, list[ColumnReference]]:
    readers: dict[ColumnReference, list[ColumnReference]] = {}
    for product in planned.products:
        for model in product.models:
            for line in model.analysis.lineage:
                for read in dict.fromkeys((*line.direct, *line.indirect)):
                    readers.setdefault(read, []).append(ColumnReference(model.relation, line.column))
    flows: dict[str, list[ColumnReference]] = {}
    for start in [reference for reference in readers if reference.relation == relation]:
        reached: dict[ColumnReference, None] = {}
        ahead = [start]
        while ahead:
            for reader in readers.get(ahead.pop(), ()):
                if reader not in reached:
                    reached[reader] = None
                    ahead.append(reader)
        flows[start.column] = sorted(reached)
    return flows
