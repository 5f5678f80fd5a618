"""Where relations and columns come from, and what depends on them.

Apart from planning because it walks analyses that a plan already holds, in
both directions, and never plans anything itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from headwater.api.planning import plan
from headwater.api.project import Project, relation_named
from headwater.errors import UsageError, did_you_mean
from headwater.plan.steps import Plan
from headwater.sql.analysis import Analysis, ColumnReference
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = ["LineageNode", "lineage"]


@frozen
class LineageNode:
    """A relation or column and its neighbours in one direction.

    ``how`` says how this node is connected with its parent in the tree:
    ``identity``, ``expression`` or ``aggregation`` for a column whose value
    flows, ``indirect`` for one that only decides which rows there are, None for
    relations and the root. ``repeated`` marks a node whose own neighbours were
    shown before.
    """

    relation: RelationName
    column: str | None
    kind: Literal["source", "model"]
    how: str | None = None
    repeated: bool = False
    children: tuple[LineageNode, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.relation}.{self.column}" if self.column else str(self.relation)


def lineage(project: Project, name: str, *, down: bool = False) -> LineageNode:
    """The tree above or below a relation (``product.relation``) or column (``product.relation.column``).

    Raises:
        UsageError: there is no such relation or column.
    """
    graph = _Graph(plan(project))
    parts = name.split(".")
    if len(parts) == 3:
        relation = relation_named(project, ".".join(parts[:2]))
        column = graph.column(relation, parts[2])
        return _column_tree(graph, ColumnReference(relation, column), None, down=down, seen=set())
    return _relation_tree(graph, relation_named(project, name), down=down, seen=set())


class _Graph:
    """The edges of a plan, both ways."""

    def __init__(self, planned: Plan) -> None:
        self.analyses: dict[RelationName, Analysis] = {}
        self.schemas: dict[RelationName, Schema] = {}
        for product in planned.products:
            self.schemas.update({step.relation: step.schema for step in product.sources})
            for model in product.models:
                self.analyses[model.relation] = model.analysis
                self.schemas[model.relation] = model.analysis.schema

    def kind(self, relation: RelationName) -> Literal["source", "model"]:
        return "model" if relation in self.analyses else "source"

    def column(self, relation: RelationName, name: str) -> str:
        schema = self.schemas[relation]
        found = schema.get(name)
        if found is None:
            raise UsageError(f"{relation} has no column '{name}'", hint=did_you_mean(name, schema.names))
        return found.name

    def relations(self, relation: RelationName, *, down: bool) -> Iterator[RelationName]:
        if not down:
            yield from self.analyses[relation].reads if relation in self.analyses else ()
            return
        yield from (reader for reader, analysis in self.analyses.items() if relation in analysis.reads)

    def columns(self, reference: ColumnReference, *, down: bool) -> Mapping[ColumnReference, str]:
        """The neighbours of a column and how they are connected; direct ones come first."""
        found: dict[ColumnReference, str] = {}
        for relation, analysis in self.analyses.items():
            if not down and relation != reference.relation:
                continue
            for line in analysis.lineage:
                own = ColumnReference(relation, line.column)
                if not down and line.column == reference.column:
                    found.update(dict.fromkeys(line.direct, line.transformation))
                    found.update({each: "indirect" for each in line.indirect if each not in line.direct})
                elif down and reference in line.direct:
                    found[own] = line.transformation
                elif down and reference in line.indirect:
                    found[own] = "indirect"
        return dict(sorted(found.items(), key=lambda item: (item[1] == "indirect", item[0])))


def _relation_tree(graph: _Graph, relation: RelationName, *, down: bool, seen: set[RelationName]) -> LineageNode:
    if relation in seen:
        return LineageNode(relation, None, graph.kind(relation), repeated=True)
    seen.add(relation)
    children = tuple(
        _relation_tree(graph, near, down=down, seen=seen) for near in sorted(graph.relations(relation, down=down))
    )
    return LineageNode(relation, None, graph.kind(relation), children=children)


def _column_tree(
    graph: _Graph, reference: ColumnReference, how: str | None, *, down: bool, seen: set[ColumnReference]
) -> LineageNode:
    """Follow values; what only decides about rows is shown and not followed."""
    kind = graph.kind(reference.relation)
    near = {} if how == "indirect" else graph.columns(reference, down=down)
    if near and reference in seen:
        return LineageNode(reference.relation, reference.column, kind, how, repeated=True)
    seen.add(reference)
    children = tuple(_column_tree(graph, each, link, down=down, seen=seen) for each, link in near.items())
    return LineageNode(reference.relation, reference.column, kind, how, children=children)
