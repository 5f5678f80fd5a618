"""What each relation needs, from the text of queries and the references of contracts.

Apart from analysis because the order in which models are analysed follows from
it: names are resolved for the whole workspace before the first query is typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from headwater.errors import DeclarationError, DeclarationErrors, Location
from headwater.plan.cache import AnalysisCache, reading_key
from headwater.plan.codec import Reading, from_readings, to_readings
from headwater.plan.graph import Edge, Graph
from headwater.plan.names import Names
from headwater.plan.queries import Meanings, Queries, folded
from headwater.spec.contract import Contract
from headwater.spec.declarations import Model, Source, Workspace
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["Needs", "read_needs"]


@frozen
class Needs:
    """All needs of a workspace.

    ``reads`` tells for each model what the (folded) names in its query mean, ``contracts``
    holds each relation's contract with its references resolved to full names.
    Relations in ``failed`` could not be read; why stands in ``errors``.
    """

    graph: Graph
    reads: Mapping[RelationName, Meanings]
    contracts: Mapping[RelationName, Contract]
    failed: frozenset[RelationName]
    errors: tuple[DeclarationError, ...]


def read_needs(workspace: Workspace, names: Names, cache: AnalysisCache, queries: Queries) -> Needs:
    """Read all queries and contracts for the relations they name; errors are collected, not raised."""
    edges: list[Edge] = []
    reads: dict[RelationName, dict[tuple[str, ...], RelationName]] = {}
    contracts: dict[RelationName, Contract] = {}
    failed: set[RelationName] = set()
    errors: list[DeclarationError] = []
    for relation, model in workspace.models.items():
        meant = reads[relation] = {}
        try:
            readings = _readings(model, cache, queries)
        except (DeclarationError, DeclarationErrors) as error:
            errors.extend(error.errors if isinstance(error, DeclarationErrors) else (error,))
            failed.add(relation)
            continue
        for reading in readings:
            where = _place(model, reading)
            try:
                read = meant[folded(reading.parts)] = names.resolve(relation.product, reading.parts, where)
            except DeclarationError as error:
                errors.append(error)
                failed.add(relation)
            else:
                edges.append(Edge(relation, read, where))
    for relation, contract in _contracts(workspace):
        resolved = []
        for reference in contract.references:
            try:
                to = names.resolve(relation.product, tuple(reference.to.split(".")), reference.where)
                _judged_after(relation, to, workspace, reference.where)
            except DeclarationError as error:
                errors.append(error)
                failed.add(relation)
                continue
            resolved.append(replace(reference, to=str(to)))
            if to != relation:
                edges.append(Edge(relation, to, reference.where))
        contracts[relation] = replace(contract, references=tuple(resolved)) if resolved else contract
    graph = Graph((*workspace.sources, *workspace.models), tuple(edges))
    return Needs(graph, reads, contracts, frozenset(failed), tuple(errors))


def _readings(model: Model, cache: AnalysisCache, queries: Queries) -> tuple[Reading, ...]:
    key = reading_key(model.query)
    entry = cache.get(key)
    if entry is not None:
        return to_readings(entry)
    readings = queries.read_names(model)
    cache.put(key, from_readings(readings))
    return readings


def _place(model: Model, reading: Reading) -> Location:
    lines = model.query.split("\n")
    excerpt = lines[reading.line].rstrip("\r") if reading.line < len(lines) else None
    return Location(model.path, model.query_line + reading.line, reading.column, excerpt)


def _contracts(workspace: Workspace) -> Iterator[tuple[RelationName, Contract]]:
    declared: tuple[Source | Model, ...] = (*workspace.sources.values(), *workspace.models.values())
    for one in declared:
        if one.contract is not None:
            yield one.relation, one.contract


def _judged_after(relation: RelationName, to: RelationName, workspace: Workspace, where: Location | None) -> None:
    """A source is judged when it is read, before any model of its product is computed."""
    if relation in workspace.sources and to in workspace.models and relation.product == to.product:
        raise DeclarationError(
            f"the contract of the source '{relation}' refers to the model '{to}', which is computed after it",
            hint="refer to a source or another product's port, or put the reference into a model's contract",
            where=where,
        )
