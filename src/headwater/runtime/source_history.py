"""What a source's contract must remember of rows admitted in earlier epochs.

A model finds its past in its published table; a source is published nowhere,
so the columns its keys and dataset checks look at are kept in the state file.
"""

from __future__ import annotations

from headwater.plan.steps import SourceStep
from headwater.quality.judging import judge, reads_itself
from headwater.relations import relation
from headwater.runtime.workbench import Workbench
from headwater.types import Schema, quote_identifier
from headwater.values import frozen

__all__ = ["SourceHistory"]


@frozen
class SourceHistory:
    """The admitted rows of a source, as far as its own contract reads them.

    ``columns`` are those that are kept, None when nothing is.
    """

    step: SourceStep
    columns: tuple[str, ...] | None

    @staticmethod
    def of(step: SourceStep) -> SourceHistory:
        if not reads_itself(step.judgement):
            return SourceHistory(step, None)
        judging = judge(step.relation, step.judgement, step.schema, history=True)
        (use,) = (use for use in judging.reads if use.relation == step.relation)
        if use.columns is None:
            return SourceHistory(step, step.schema.names)
        return SourceHistory(step, use.columns or step.schema.names[:1])

    @property
    def _folded(self) -> frozenset[str]:
        return frozenset(name.casefold() for name in self.columns or ())

    def provide(self, bench: Workbench, *, anew: bool) -> None:
        """Make ``history.<source>`` of what earlier epochs admitted; ``anew`` forgets it."""
        name = self.step.relation
        kept = relation("state", name)
        if anew:
            bench.kept.drop(kept)
        elif self.columns is not None:
            values = ", ".join(
                quote_identifier(column.name)
                if column.name.casefold() in self._folded
                else f"CAST(NULL AS {column.type}) AS {quote_identifier(column.name)}"
                for column in self.step.schema
            )
            bench.define(relation("history", name), f"SELECT {values} FROM {kept}")

    def remember(self, bench: Workbench) -> None:
        """Keep what this epoch admitted."""
        if self.columns is None:
            return
        name = self.step.relation
        bench.forget_own_history(name)
        kept = relation("state", name)
        columns = Schema(tuple(column for column in self.step.schema if column.name.casefold() in self._folded))
        bench.kept.declare(kept, columns)
        accepted = relation("accepted", name)
        bench.session.execute(f"INSERT INTO {kept} SELECT {columns.listed} FROM {accepted}")
