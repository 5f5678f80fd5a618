"""Programs that keep state: operators, each maintained by a kind, put together.

Apart from the compiler, which decides between this, a map and computing anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.incremental.algebra.batch import batch
from headwater.incremental.algebra.nodes import Node
from headwater.incremental.algebra.render import listed
from headwater.incremental.flows import Build, consolidated, diff
from headwater.incremental.kinds.choice import Maintenance
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import BlockKind, ChangeMode, Given, Program
from headwater.incremental.roles import candidate_without_origin
from headwater.relations import Statement, relation
from headwater.sql.analysis import Analysis, Binder
from headwater.types import RelationName, Schema

__all__ = ["compile_stateful"]


@dataclass(slots=True)
class _Types:
    """The exact columns of operators, each asked of the binder once."""

    binder: Binder
    schemas: Mapping[str, Schema]
    known: dict[Node, Schema] = field(default_factory=dict)

    def describe(self, node: Node) -> Schema:
        if node not in self.known:
            self.known[node] = self.binder(batch(node), self.schemas)
        return self.known[node]


def compile_stateful(
    name: RelationName,
    root: Node,
    analysis: Analysis,
    *,
    given: Mapping[RelationName, Given],
    schemas: Mapping[RelationName, Schema],
    binder: Binder,
) -> Program:
    """The program that maintains a tree of operators."""
    types = _Types(binder, {str(read): schemas[read] for read in analysis.reads})
    build = Build(name, types.describe)
    flow = Maintenance(build, given).flow(root)
    columns = analysis.schema.names
    mode = ChangeMode.APPEND if flow.changes is Changes.APPEND else ChangeMode.REPLACE
    content = None
    if mode is ChangeMode.APPEND:
        build.steps.extend(candidate_without_origin(name, f"SELECT {listed(columns)} FROM {flow.rows}"))
    else:
        content = f"SELECT {listed(columns)} FROM {flow.content or flow.computed or build.arranged('result', flow)}"
        changed = f"SELECT {listed(columns)}, {diff} FROM {flow.rows}"
        gained = consolidated(columns, flow.rows) if flow.apart is None else changed
        build.steps.append(Statement(relation("delta", name), gained))
    return Program(
        relation=name,
        kind=_kind(build, mode),
        mode=mode,
        inputs=tuple(build.inputs),
        statements=(),
        rebuild=(),
        blocks=tuple(build.blocks),
        steps=tuple(build.steps),
        moments=build.moments,
        states=tuple(build.states),
        content=content,
        clocks={column: clock for column, clock in flow.clocks.items() if mode is ChangeMode.APPEND},
        settled=flow.settled,
    )


def _kind(build: Build, mode: ChangeMode) -> BlockKind:
    """That of the outermost block that keeps something."""
    if build.blocks:
        return build.blocks[-1].kind
    return BlockKind.MAP if mode is ChangeMode.APPEND and not build.states else BlockKind.KEYED
