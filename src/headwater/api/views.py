"""Views made readable: a model that is stored nowhere is computed from what is, when somebody asks.

Apart from the shelf of tables because only views need the plan, and only views
over sources need to know how far the last run read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from headwater.api.planning import plan
from headwater.api.project import Project
from headwater.api.sources import open_source
from headwater.errors import UsageError
from headwater.plan.steps import ModelStep, Plan, SourceStep
from headwater.relations import relation
from headwater.spi import discovery
from headwater.spi.engine import Session
from headwater.spi.source import Position
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["Views"]

Provide = Callable[[str, RelationName], Schema]
"""Makes a stored relation readable under a quoted identifier."""


class Views:
    """Defines views, and what they read, in one session.

    Args:
        provide: called for the stored relations that a view reads.
    """

    def __init__(self, project: Project, session: Session, provide: Provide) -> None:
        self._project = project
        self._session = session
        self._provide = provide
        self._made: set[RelationName] = set()

    def define(self, name: str, view: RelationName) -> Schema:
        """Make a view readable under ``name``, a quoted identifier; returns its columns.

        Raises:
            UsageError: what it reads was not published yet, or cannot be read outside of a run.
            DeclarationErrors: the workspace cannot be planned.
        """
        self._history(view)
        schema = self._models[view].analysis.schema
        self._session.define(name, f"SELECT {schema.listed} FROM {relation('history', view)}")
        return schema

    @cached_property
    def _models(self) -> dict[RelationName, ModelStep]:
        return {model.relation: model for product in self._plan.products for model in product.models}

    @cached_property
    def _sources(self) -> dict[RelationName, SourceStep]:
        return {source.relation: source for product in self._plan.products for source in product.sources}

    @cached_property
    def _plan(self) -> Plan:
        return plan(self._project)

    def _history(self, name: RelationName) -> None:
        if name in self._made:
            return
        self._made.add(name)
        made = relation("history", name)
        if name in self._sources:
            self._source(self._sources[name], made)
        elif self._models[name].output != "view":
            self._provide(made, name)
        else:
            program = self._models[name].program
            for read in program.inputs:
                self._history(read.relation)
            columns = self._models[name].analysis.schema.listed
            self._session.define(made, f"SELECT {columns} FROM ({program.over_history()})")

    def _source(self, step: SourceStep, made: str) -> None:
        """The rows that runs have read of a source, decoded again."""
        if step.judgement is not None:
            raise UsageError(
                f"{step.relation} is a source under contract: a view over it cannot be read outside of a run",
                hint="give the view, or a model between them, an output that is stored",
            )
        position = self._position(step)
        rows = None if position is None else open_source(self._project, step.source).replay(position)
        if rows is None:
            columns = ", ".join(f"CAST(NULL AS {c.type}) AS {quote_identifier(c.name)}" for c in step.schema)
            self._session.define(made, f"SELECT {columns} WHERE false")
            return
        landed = relation("candidate", step.relation)
        self._session.land(landed, rows, schema=step.schema, rejects=relation("malformed", step.relation))
        self._session.define(made, f"SELECT {step.schema.listed} FROM {landed}")

    def _position(self, step: SourceStep) -> Position | None:
        from headwater.runtime.state import StateStore

        layout = self._project.layout
        state = layout.state(step.relation.product)
        if not Path(state).exists():
            return None
        with discovery.engine(layout.environment.engine).open(str(state), layout.environment.settings) as session:
            return StateStore(session).snapshot().positions.get(step.relation)
