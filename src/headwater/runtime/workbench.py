"""The work relations of an epoch, made when something first asks for them.

Programs name what they read (``change.x``, ``history.y``); this module knows
where each of them comes from, so that computing a model is only running its
statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from headwater.errors import UsageError
from headwater.plan.steps import ForeignPort, ModelStep, SourceStep
from headwater.quality.judging import HistoryUse, Judging, judge
from headwater.quality.quarantine import RUN, run_statement
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Statement, relation
from headwater.runtime.epoch import Epoch
from headwater.runtime.judging import split
from headwater.spi.codec import FileScan, Rows
from headwater.spi.engine import Landed, Session
from headwater.spi.source import Position
from headwater.spi.table import AtVersion
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["Workbench", "compose", "is_direct", "listed"]

provenance: Final = Schema.of({SOURCE_COLUMN: "VARCHAR", OFFSET_COLUMN: "BIGINT"})


class Workbench:
    """Provides ``change`` and ``history`` relations of one epoch.

    Args:
        epoch: the epoch they belong to.
        positions: how far each source is read when this epoch ends.
        foreign: the version of each foreign relation that this epoch sees.
        published: relations with a table that holds earlier epochs.
        started: sources of which earlier epochs took rows.
    """

    def __init__(
        self,
        epoch: Epoch,
        *,
        positions: Mapping[RelationName, Position],
        foreign: Mapping[RelationName, int],
        published: frozenset[RelationName],
        started: frozenset[RelationName],
    ) -> None:
        product = epoch.context.product
        self._epoch = epoch
        self.session: Session = epoch.context.session
        self._positions = positions
        self._foreign_versions = foreign
        self._published = published
        self._started = started
        self._landed: dict[RelationName, Rows | None] = {}
        self._sources: dict[RelationName, SourceStep] = {step.relation: step for step in product.sources}
        self._foreign: dict[RelationName, ForeignPort] = {port.relation: port for port in product.foreign}
        self._models: dict[RelationName, ModelStep] = {model.relation: model for model in product.models}
        self._made: set[str] = set()
        self._appended: set[RelationName] = set()
        self._replaced: set[RelationName] = set()

    def landed(self, source: RelationName, rows: Rows | None = None) -> None:
        """``change.<source>`` holds what this epoch took of it, which lies in ``rows``."""
        self._landed[source] = rows

    def appended(self, model: RelationName) -> None:
        """``change.<model>`` holds what this epoch adds to it."""
        self._appended.add(model)
        self._renew_history(model)

    def replaced(self, model: RelationName) -> None:
        """``change.<model>`` holds all of it."""
        self._replaced.add(model)
        self._renew_history(model)

    def _renew_history(self, model: RelationName) -> None:
        """What read the model's history before it was computed, and reads it again, finds this epoch in it."""
        made = relation("history", model)
        if self.has(made):
            self.drop(made)
            self.history(model)

    def define(self, name: str, sql: str) -> None:
        """Name a query, unless the name is taken: whoever asks for a relation means the same one."""
        if name not in self._made:
            self.session.define(name, sql)
            self._made.add(name)

    def create(self, name: str, sql: str) -> int:
        """Materialise a query; returns its number of rows."""
        self._made.add(name)
        return self.session.create(name, sql)

    def land(self, name: str, rows: Rows, schema: Schema, *, rejects: str, provenance: RelationName) -> Landed:
        """Decode rows, records that cannot be decoded aside."""
        self._made.update((name, rejects))
        return self.session.land(name, rows, schema=schema, rejects=rejects, provenance=str(provenance))

    def count(self, name: str) -> int:
        return int(self.session.fetch(f"SELECT count(*) FROM {name}")[0][0])

    def drop(self, name: str) -> None:
        self._made.discard(name)
        self.session.drop(name)

    def define_run(self) -> None:
        """The relation that says which run and epoch judges."""
        statement = run_statement(self._epoch.context.run, self._epoch.number, self._epoch.at)
        self.define(RUN, statement.sql)

    def define_empty(self, name: str, schema: Schema) -> None:
        self.define(name, self.nothing(schema))

    @staticmethod
    def nothing(schema: Schema) -> str:
        """A query without rows."""
        columns = ", ".join(f"CAST(NULL AS {column.type}) AS {quote_identifier(column.name)}" for column in schema)
        return f"SELECT {columns} WHERE false"

    def has(self, name: str) -> bool:
        return name in self._made

    def made(self, name: str) -> None:
        """Remember a relation that was made without the bench."""
        self._made.add(name)

    def provide(self, inputs: Iterable[tuple[RelationName, str]]) -> None:
        """Make the relations that a program reads."""
        for name, role in inputs:
            if role == "change":
                self.change(name)
            elif role == "history":
                self.history(name)

    def provide_references(self, uses: Iterable[HistoryUse]) -> None:
        """Make what a judgement reads of other relations."""
        for use in uses:
            self.history(use.relation)

    def provide_own_history(self, name: RelationName, judging: Judging) -> None:
        """For its own judgement a model's history is what earlier epochs published."""
        if any(use.relation == name for use in judging.reads):
            self.define(relation("history", name), f"SELECT * FROM {self.earlier(name)}")

    def forget_own_history(self, name: RelationName) -> None:
        """Behind its judgement a relation's history includes this epoch."""
        if self.has(relation("history", name)):
            self.drop(relation("history", name))

    def change(self, name: RelationName) -> None:
        """``change.<name>``: of a view by its program, of all else as intake and models left it, or empty."""
        made = relation("change", name)
        if made in self._made:
            return
        model = self._models.get(name)
        if model is not None and model.output == "view":
            self.provide((read.relation, read.role) for read in model.program.inputs)
            self.define(made, compose(model.program.statements))
        else:
            self.define_empty(made, Schema((*self._schema(name), *provenance)))

    def history(self, name: RelationName) -> None:
        """``history.<name>``: all rows after this epoch."""
        made = relation("history", name)
        if made in self._made:
            return
        if name in self._sources:
            self._source_history(self._sources[name], made)
        elif name in self._foreign:
            self._foreign_history(self._foreign[name], made)
        else:
            self._model_history(self._models[name], made)
        self._made.add(made)

    def earlier(self, name: RelationName) -> str:
        """The identifier of a relation with what earlier epochs published of a model."""
        made = quote_identifier(f"earlier.{name}")
        if made not in self._made:
            model = self._models[name]
            if name in self._published and model.output != "view":
                table = self._epoch.context.tables.open(name, model.output)
                self._view(made, table.scan(), model.analysis.schema)
            else:
                self.define_empty(made, model.analysis.schema)
        return made

    def _model_history(self, model: ModelStep, made: str) -> None:
        name, columns = model.relation, listed(model.analysis.schema)
        if model.output == "view":
            rebuild = model.program.rebuild
            self.provide((read.relation, "history") for read in model.program.inputs)
            self.define(made, f"SELECT {columns} FROM ({compose(rebuild)})")
        elif name in self._replaced:
            self.define(made, f"SELECT {columns} FROM {relation('change', name)}")
        else:
            query = f"SELECT {columns} FROM {self.earlier(name)}"
            if name in self._appended:
                query += f" UNION ALL SELECT {columns} FROM {relation('change', name)}"
            self.define(made, query)

    def _foreign_history(self, port: ForeignPort, made: str) -> None:
        version = self._foreign_versions.get(port.relation)
        if version is None:
            self.define_empty(made, port.schema)
            return
        table = self._epoch.context.tables.open(port.relation, port.output)
        self._view(made, table.scan(at=AtVersion(version)), port.schema)

    def _source_history(self, step: SourceStep, made: str) -> None:
        name = step.relation
        position = self._positions.get(name)
        whole = name in self._landed and name not in self._started
        rows = self._landed.get(name) if whole else None
        if rows is None and not whole and position is not None:
            rows = self._replay(step, position)
        if rows is not None and is_direct(rows) and step.judgement is None:
            self._view(made, rows, step.schema)
        elif whole:
            self.define(made, f"SELECT {listed(step.schema)} FROM {relation('change', name)}")
        elif rows is not None:
            self._judged_again(step, rows, made)
        else:
            self.define_empty(made, step.schema)

    def _judged_again(self, step: SourceStep, rows: Rows, made: str) -> None:
        """Land and judge a replay under a name of its own, beside this epoch's rows of the same source."""
        again = RelationName(step.relation.product, f"{step.relation.name}@history")
        candidate, malformed = relation("candidate", again), relation("malformed", again)
        landed = self.land(candidate, rows, step.schema, rejects=malformed, provenance=step.relation)
        judging = judge(again, step.judgement, step.schema, history=False)
        self.provide_references(judging.reads)
        split(self, judging, candidates=landed.rows, malformed=0)
        self.define(made, f"SELECT {listed(step.schema)} FROM {judging.accepted.creates}")

    def _replay(self, step: SourceStep, position: Position) -> Rows | None:
        reader = self._epoch.context.readers[step.relation]
        if "replay" not in reader.capabilities:
            raise UsageError(
                f"the source {step.relation} cannot be read again",
                detail=f"a model needs all its rows, and sources of kind '{step.source.kind}' are read once",
                hint="publish its rows with a model of their own (SELECT * FROM it) and read that one",
                where=step.source.where,
            )
        return reader.replay(position)

    def _view(self, name: str, rows: Rows, schema: Schema) -> None:
        self.session.view(name, rows, schema=schema)
        self._made.add(name)

    def _schema(self, name: RelationName) -> Schema:
        if name in self._sources:
            return self._sources[name].schema
        if name in self._foreign:
            return self._foreign[name].schema
        return self._models[name].analysis.schema


def compose(statements: Sequence[Statement]) -> str:
    """A program as one query: all but its last statement become common table expressions.

    >>> compose([Statement('"a"', "SELECT 1 AS x"), Statement('"b"', 'SELECT x FROM "a"')])
    'WITH "a" AS (SELECT 1 AS x) SELECT * FROM (SELECT x FROM "a")'
    """
    *first, last = statements
    if not first:
        return last.sql
    named = ", ".join(f"{statement.creates} AS ({statement.sql})" for statement in first)
    return f"WITH {named} SELECT * FROM ({last.sql})"


def is_direct(rows: Rows) -> bool:
    """Whether the engine can scan the rows where they lie, any number of times, and none can be malformed."""
    return isinstance(rows, FileScan) and rows.format == "parquet"


def listed(schema: Schema) -> str:
    """The columns as a select list."""
    return ", ".join(quote_identifier(column.name) for column in schema)
