"""The work relations of an epoch, made when something first asks for them.

Programs name what they read (``change.x``, ``history.y``, ``traced.z``); this module knows
where each of them comes from, so that computing a model is only running its
statements. What is computed from other relations is written into the statements that
read it (:mod:`headwater.runtime.definitions`); only what has rows of its own, or is read
by statements made elsewhere, becomes a relation of the engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from headwater.incremental.moments import Marks
from headwater.incremental.program import compose
from headwater.plan.steps import ForeignPort, ModelStep, SourceStep
from headwater.quality.judging import HistoryUse, Judging
from headwater.quality.literals import text_literal
from headwater.quality.quarantine import RUN, run_statement
from headwater.relations import DIFF_COLUMN, OFFSET_COLUMN, SOURCE_COLUMN, Role, relation
from headwater.runtime.definitions import Definitions
from headwater.runtime.epoch import Epoch
from headwater.runtime.kept import KeptTables
from headwater.runtime.source_rows import SourceRows, is_direct
from headwater.spi.codec import Rows
from headwater.spi.engine import Landed, Session
from headwater.spi.source import Position
from headwater.spi.table import AtVersion
from headwater.types import FieldPath, RelationName, Schema, quote_identifier

__all__ = ["Workbench"]

provenance: Final = Schema.of({SOURCE_COLUMN: "VARCHAR", OFFSET_COLUMN: "BIGINT"})


class Workbench:
    """Provides the relations that programs read in one epoch.

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
        self.kept: KeptTables = epoch.context.kept
        self._foreign_versions = foreign
        self._published = published
        self._sources: dict[RelationName, SourceStep] = {step.relation: step for step in product.sources}
        self._foreign: dict[RelationName, ForeignPort] = {port.relation: port for port in product.foreign}
        self._models: dict[RelationName, ModelStep] = {model.relation: model for model in product.models}
        self._made: set[str] = set()
        self._definitions = Definitions()
        self._appended: set[RelationName] = set()
        self._replaced: set[RelationName] = set()
        self.rows = SourceRows(self, epoch, positions=positions, published=published, started=started)

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
            known = made in self._made
            self.drop(made)
            self.history(model)
            if known:
                self._materialise(made)

    def has(self, name: str) -> bool:
        return name in self._made or name in self._definitions

    def define(self, name: str, sql: str) -> None:
        """Make a query a relation of the engine, unless the name is taken: whoever asks for it means the same one."""
        if name in self._definitions:
            self._materialise(name)
        elif name not in self._made:
            self.session.define(name, sql)
            self._made.add(name)

    def define_run(self) -> None:
        """The relation that says which run and epoch judges."""
        statement = run_statement(self._epoch.context.run, self._epoch.number, self._epoch.at)
        self.define(RUN, statement.sql)

    def create(self, name: str, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Materialise a query; returns its number of rows."""
        self._made.add(name)
        return self.session.create(name, sql, parameters)

    def land(
        self,
        name: str,
        rows: Rows,
        schema: Schema,
        *,
        rejects: str,
        provenance: RelationName,
        needed: Collection[FieldPath] | None = None,
        readers: int = 1,
    ) -> Landed:
        """Decode rows, records that cannot be decoded aside; ``needed`` fields of them, None: all."""
        self._made.update((name, rejects))
        told = str(provenance)
        return self.session.land(
            name, rows, schema=schema, rejects=rejects, provenance=told, needed=needed, readers=readers
        )

    def view(self, name: str, rows: Rows, schema: Schema) -> None:
        """Make rows readable where they lie."""
        self.session.view(name, rows, schema=schema)
        self._made.add(name)

    def made(self, name: str) -> None:
        """Remember a relation that was made without the bench."""
        self._made.add(name)

    def drop(self, name: str) -> None:
        if name in self._definitions:
            self._definitions.take(name)
        else:
            self._made.discard(name)
            self.session.drop(name)

    def mark(self) -> frozenset[str]:
        """The relations of the engine that there are, for :meth:`drop_since`."""
        return frozenset(self._made)

    def drop_since(self, mark: frozenset[str], model: RelationName) -> None:
        """Drop a model's relations of the engine that were made after a mark was taken."""
        for made in sorted(self._made - mark):
            whose = made.strip('"').partition(".")[2]
            if whose == str(model) or whose.startswith(f"{model}#"):
                self.drop(made)

    def count(self, name: str) -> int:
        return int(self.session.fetch(f"SELECT count(*) FROM {name}")[0][0])

    @staticmethod
    def nothing(schema: Schema) -> str:
        """A query without rows."""
        columns = ", ".join(f"CAST(NULL AS {column.type}) AS {quote_identifier(column.name)}" for column in schema)
        return f"SELECT {columns} WHERE false"

    def over(self, inputs: Iterable[tuple[RelationName, Role]], sql: str) -> str:
        """A query of a program, with all that the relations it reads are computed from."""
        return self._definitions.over(self._provide(inputs), sql)

    def provide(self, inputs: Iterable[tuple[RelationName, Role]]) -> None:
        """Make relations of the engine that several statements read."""
        for name in self._provide(inputs):
            self._materialise(name)

    def provide_references(self, uses: Iterable[HistoryUse]) -> None:
        """Make what a judgement reads of other relations."""
        for use in uses:
            self.history(use.relation)
            self._materialise(relation("history", use.relation))

    def provide_own_history(self, name: RelationName, judging: Judging) -> None:
        """For its own judgement a model's history is what earlier epochs published."""
        if any(use.relation == name for use in judging.reads):
            self.define(relation("history", name), f"SELECT * FROM {self.earlier(name)}")

    def forget_own_history(self, name: RelationName) -> None:
        """Behind its judgement a relation's history includes this epoch."""
        if self.has(relation("history", name)):
            self.drop(relation("history", name))

    def _provide(self, inputs: Iterable[tuple[RelationName, Role]]) -> list[str]:
        """Make the relations that a program reads; returns their identifiers."""
        provided = []
        for name, role in inputs:
            match role:
                case "change":
                    self.change(name)
                case "history":
                    self.history(name)
                case "traced":
                    self.traced(name)
                case "delta":
                    self.delta(name)
            provided.append(relation(role, name))
        return provided

    def _name(self, name: str, sql: str, reads: Sequence[str] = ()) -> None:
        """Give a query a name that the statements of programs know."""
        self._definitions.add(name, sql, reads)

    def _materialise(self, name: str) -> None:
        """Make a named query, and those it reads, relations of the engine."""
        if name in self._definitions:
            definition = self._definitions.take(name)
            for read in definition.reads:
                self._materialise(read)
            self.define(name, definition.sql)

    def change(self, name: RelationName) -> None:
        """``change.<name>``: of a view by its program, of all else as intake and models left it, or empty."""
        made = relation("change", name)
        if self.has(made):
            return
        model = self._models.get(name)
        if model is not None and model.output == "view":
            reads = self._provide((read.relation, read.role) for read in model.program.inputs)
            self._name(made, compose(model.program.statements), reads)
        else:
            self._name(made, self.nothing(Schema((*self._schema(name), *provenance))))

    def history(self, name: RelationName) -> None:
        """``history.<name>``: all rows after this epoch."""
        made = relation("history", name)
        if self.has(made):
            return
        if name in self._sources:
            self._source_history(self._sources[name], made)
        elif name in self._foreign:
            self._foreign_history(self._foreign[name], made)
        else:
            self._model_history(self._models[name], made)

    def earlier(self, name: RelationName) -> str:
        """The identifier of a relation with what earlier epochs published of a model."""
        made = quote_identifier(f"earlier.{name}")
        if made not in self._made:
            model = self._models[name]
            if name in self._published and model.output != "view":
                table = self._epoch.context.tables.open(name, model.output)
                self.view(made, table.scan(), model.analysis.schema)
            else:
                self.define(made, self.nothing(model.analysis.schema))
        return made

    def _model_history(self, model: ModelStep, made: str) -> None:
        name, columns = model.relation, model.analysis.schema.listed
        change = relation("change", name)
        if model.output == "view":
            self._name(made, model.analysis.engine_sql, [self._plain(read) for read in model.analysis.reads])
            self._definitions.repeat(quote_identifier(str(name)), made)
        elif name in self._replaced:
            self._name(made, f"SELECT {columns} FROM {change}", [change])
        elif name in self._appended:
            both = f"SELECT {columns} FROM {self.earlier(name)} UNION ALL SELECT {columns} FROM {change}"
            self._name(made, both, [change])
        else:
            self._name(made, f"SELECT {columns} FROM {self.earlier(name)}")

    def _plain(self, name: RelationName) -> str:
        """``<name>``, as a query in its own words calls what it reads: all rows, with no word on their origin."""
        plain, history = quote_identifier(str(name)), relation("history", name)
        self.history(name)
        if self.has(plain):
            return plain
        if name in self._sources and history in self._definitions:  # which stays as it is, unlike a model's
            self._definitions.repeat(plain, history)
        else:
            self._name(plain, f"FROM {history}", [history])
        return plain

    def _foreign_history(self, port: ForeignPort, made: str) -> None:
        version = self._foreign_versions.get(port.relation)
        if version is None:
            self._name(made, self.nothing(port.schema))
            return
        table = self._epoch.context.tables.open(port.relation, port.output)
        self.view(made, table.scan(at=AtVersion(version)), port.schema)

    def _source_history(self, step: SourceStep, made: str) -> None:
        if step.keyed is not None:
            begun = self.rows.has_begun(step.relation)
            self._name(made, (step.keyed.program.content if begun else None) or self.nothing(step.schema))
            return
        begins = self.rows.begins(step.relation)
        rows = None if begins or step.judgement is not None else self.rows.all(step)
        if rows is not None and is_direct(rows):
            self.view(made, rows, step.schema)
            return
        if not begins:
            self.traced(step.relation)
        whole = relation("change" if begins else "traced", step.relation)
        self._name(made, f"SELECT {step.schema.listed} FROM {whole}", [whole])

    def traced(self, name: RelationName) -> None:
        """``traced.<name>``: the history with the origin of its rows, as far as that is still known.

        A source's rows are read again, a view is computed from such, and a model that this epoch
        computed wholly has its rows at hand. Tables keep no origins. Another product's rows are
        numbered as :mod:`headwater.runtime.intake` does; those of a model have its name as source and
        no number, new ones among them, so that the order of all does not depend on epochs.
        """
        made = relation("traced", name)
        if self.has(made):
            return
        change = relation("change", name)
        if name in self._sources and self._sources[name].keyed is not None:
            self._trace(made, name, text_literal(str(name)), "CAST(NULL AS BIGINT)")
        elif name in self._sources:
            self._traced_source(self._sources[name], made)
        elif name in self._foreign:
            origin = text_literal(f"{name}@{self._foreign_versions.get(name)}")
            self._trace(made, name, origin, "row_number() OVER ()")
        elif name in self._replaced or (name in self._appended and name not in self._published):
            self._name(made, f"SELECT * FROM {change}", [change])
        elif self._models[name].output == "view":
            program = self._models[name].program
            reads = self._provide((read.relation, program.rebuild_role) for read in program.inputs)
            self._name(made, compose(program.rebuild), reads)
        else:
            self._trace(made, name, text_literal(str(name)), "CAST(NULL AS BIGINT)")

    def delta(self, name: RelationName) -> None:
        """``delta.<name>``: what a replaced relation gained and lost, once this epoch has computed it; else nothing."""
        made = relation("delta", name)
        if self.has(made):
            return
        columns, change = self._schema(name).listed, relation("change", name)
        gained = f"SELECT {columns}, CAST(1 AS BIGINT) AS {DIFF_COLUMN} FROM {change}"
        if name in self._foreign:
            self.change(name)
            self._name(made, gained, [change])
        elif name in self._replaced:
            lost = f"SELECT {columns}, CAST(-1 AS BIGINT) AS {DIFF_COLUMN} FROM {self.earlier(name)}"
            times = f"CAST(sum({DIFF_COLUMN}) AS BIGINT) AS {DIFF_COLUMN}"
            both = f"SELECT {columns}, {times} FROM ({gained} UNION ALL {lost}) GROUP BY {columns}"
            self._name(made, f"{both} HAVING sum({DIFF_COLUMN}) <> 0", [change])
        else:
            nothing = self.nothing(self._schema(name))
            self._name(made, f"SELECT *, CAST(0 AS BIGINT) AS {DIFF_COLUMN} FROM ({nothing})")

    def marks(self, name: RelationName) -> Marks:
        """How far a relation's event time had advanced before this epoch, and has now."""
        return self._epoch.watermarks.marks(name)

    def _trace(self, made: str, name: RelationName, source: str, offset: str) -> None:
        self.history(name)
        history = relation("history", name)
        origin = f"{source} AS {SOURCE_COLUMN}, {offset} AS {OFFSET_COLUMN}"
        self._name(made, f"SELECT {self._schema(name).listed}, {origin} FROM {history}", [history])

    def _traced_source(self, step: SourceStep, made: str) -> None:
        if self.rows.begins(step.relation):
            self._name(made, f"SELECT * FROM {relation('change', step.relation)}")
        elif (rows := self.rows.all(step)) is not None:
            self._name(made, self.rows.admitted_again(step, rows))
        else:
            self._name(made, self.nothing(Schema((*step.schema, *provenance))))

    def _schema(self, name: RelationName) -> Schema:
        if name in self._sources:
            return self._sources[name].schema
        if name in self._foreign:
            return self._foreign[name].schema
        return self._models[name].analysis.schema
