"""The work relations of an epoch, made when something first asks for them.

Programs name what they read (``change.x``, ``history.y``, ``traced.z``); this module knows
where each of them comes from, so that computing a model is only running its
statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from headwater.errors import UsageError
from headwater.incremental.program import compose
from headwater.plan.steps import ForeignPort, ModelStep, SourceStep
from headwater.quality.judging import HistoryUse, Judging
from headwater.quality.literals import text_literal
from headwater.quality.quarantine import QUARANTINE_SCHEMA, RUN, run_statement
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, relation
from headwater.runtime.epoch import Epoch
from headwater.spi.codec import FileScan, Rows
from headwater.spi.engine import Landed, Session
from headwater.spi.source import Position
from headwater.spi.table import AtVersion
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["Workbench", "is_direct", "listed"]

provenance: Final = Schema.of({SOURCE_COLUMN: "VARCHAR", OFFSET_COLUMN: "BIGINT"})


class Workbench:
    """Provides ``change``, ``history`` and ``traced`` relations of one epoch.

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
        self._whole: dict[RelationName, Rows | None] = {}
        self._sources: dict[RelationName, SourceStep] = {step.relation: step for step in product.sources}
        self._foreign: dict[RelationName, ForeignPort] = {port.relation: port for port in product.foreign}
        self._models: dict[RelationName, ModelStep] = {model.relation: model for model in product.models}
        self._made: set[str] = set()
        self._released: list[str] = [epoch.context.store.releases()]
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
            elif role == "traced":
                self.traced(name)

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
            self.provide((read.relation, "history") for read in model.program.inputs)
            self.define(made, f"SELECT {columns} FROM ({model.program.over_history()})")
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
        rows = self._all_rows(step) if step.judgement is None else None
        if rows is not None and is_direct(rows):
            self._view(made, rows, step.schema)
        else:
            self.traced(step.relation)
            self.define(made, f"SELECT {listed(step.schema)} FROM {relation('traced', step.relation)}")

    def _all_rows(self, step: SourceStep) -> Rows | None:
        """A source's rows from its beginning, as its connector hands them out; asked for once."""
        name = step.relation
        if name not in self._whole:
            if self._begins(name):
                self._whole[name] = self._landed[name]
            else:
                position = self._positions.get(name)
                self._whole[name] = None if position is None else self._replay(step, position)
        return self._whole[name]

    def _begins(self, source: RelationName) -> bool:
        """Whether this epoch holds all rows of a source."""
        return source in self._landed and source not in self._started

    def traced(self, name: RelationName) -> None:
        """``traced.<name>``: the history with the origin of its rows, as far as that is still known.

        A source's rows are read again, a view is computed from such, and a model that this epoch
        computed wholly has its rows at hand. Tables keep no origins. Another product's rows are
        numbered as :mod:`headwater.runtime.intake` does; those of a model have its name as source and
        no number, new ones among them, so that the order of all does not depend on epochs.
        """
        made = relation("traced", name)
        if made in self._made:
            return
        if name in self._sources:
            self._traced_source(self._sources[name], made)
        elif name in self._foreign:
            self.history(name)
            origin = text_literal(f"{name}@{self._foreign_versions.get(name)}")
            self._trace(made, name, origin, "row_number() OVER ()")
        elif name in self._replaced or (name in self._appended and name not in self._published):
            self.define(made, f"SELECT * FROM {relation('change', name)}")
        elif self._models[name].output == "view":
            program = self._models[name].program
            self.provide((read.relation, program.rebuild_role) for read in program.inputs)
            self.define(made, compose(program.rebuild))
        else:
            self.history(name)
            self._trace(made, name, text_literal(str(name)), "CAST(NULL AS BIGINT)")

    def _trace(self, made: str, name: RelationName, source: str, offset: str) -> None:
        origin = f"{source} AS {SOURCE_COLUMN}, {offset} AS {OFFSET_COLUMN}"
        self.define(made, f"SELECT {listed(self._schema(name))}, {origin} FROM {relation('history', name)}")

    def _traced_source(self, step: SourceStep, made: str) -> None:
        if self._begins(step.relation):
            self.define(made, f"SELECT * FROM {relation('change', step.relation)}")
        elif (rows := self._all_rows(step)) is not None:
            self._admitted_again(step, rows, made)
        else:
            self.define_empty(made, Schema((*step.schema, *provenance)))

    def _admitted_again(self, step: SourceStep, rows: Rows, made: str) -> None:
        """Land a replay beside this epoch's rows of the same source, and leave out what was refused of it.

        Rows keep their first verdict until they are released: judged again, a row that
        waits in the quarantine could be admitted here, and once more by a replay of it.
        """
        again = RelationName(step.relation.product, f"{step.relation.name}@history")
        candidate, malformed = relation("candidate", again), relation("malformed", again)
        self.land(candidate, rows, step.schema, rejects=malformed, provenance=step.relation)
        refused = " UNION ALL ".join(self._refused(step.relation))
        same = f'r.source = c.{SOURCE_COLUMN} AND r."offset" = c.{OFFSET_COLUMN}'
        kept = f" WHERE NOT EXISTS (SELECT 1 FROM ({refused}) AS r WHERE {same})" if refused else ""
        self.define(made, f"SELECT c.* FROM {candidate} AS c{kept}")

    def _refused(self, source: RelationName) -> list[str]:
        """Queries of ``source`` and ``offset`` of the rows refused and not released, this epoch's included."""
        queries = []
        if self.has(relation("rejected", source)):
            queries.append(f'SELECT source, "offset" FROM {relation("rejected", source)}')
        if source.quarantine in self._published:
            context, kept = self._epoch.context, quote_identifier(f"refused.{source}")
            table = context.tables.open(source.quarantine, context.quarantine_format)
            self._view(kept, table.scan(), QUARANTINE_SCHEMA)
            queries.append(f'SELECT source, "offset" FROM {kept} AS q WHERE {self.unreleased}')
        return queries

    @property
    def unreleased(self) -> str:
        """The condition that a row ``q`` of a quarantine was not released since it was refused."""
        released = " UNION ALL ".join(self._released)
        later = "r.quarantine_id = q.quarantine_id AND r.epoch > q.epoch"
        return f"NOT EXISTS (SELECT 1 FROM ({released}) AS r WHERE {later})"

    def release(self, ids: str) -> None:
        """This epoch admits rows of a quarantine: a query of their ids, as ``quarantine_id``."""
        self._released.append(f"SELECT quarantine_id, {self._epoch.number} AS epoch FROM ({ids})")

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


def is_direct(rows: Rows) -> bool:
    """Whether the engine can scan the rows where they lie, any number of times, and none can be malformed."""
    return isinstance(rows, FileScan) and rows.format == "parquet"


def listed(schema: Schema) -> str:
    """The columns as a select list."""
    return ", ".join(quote_identifier(column.name) for column in schema)
