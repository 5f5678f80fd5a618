"""A product in miniature: candidates come in epochs, are judged on DuckDB, and what is admitted is published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from headwater.quality import LATE, Judgement, Judging, Timing, Verdict, judge, run_statement, verdict
from headwater.relations import Statement, relation
from headwater.types import Counts, RelationName, Schema, quote_identifier

NAME = RelationName("shop", "orders")
Row = Sequence[Any]


@dataclass
class Product:
    """Publishes a relation in epochs. A candidate row is its values, then source and offset."""

    connection: duckdb.DuckDBPyConnection
    schema: Schema
    judgement: Judgement | None
    foreign: Mapping[RelationName, tuple[Schema, Sequence[Row]]] = field(default_factory=dict)
    name: RelationName = NAME
    timing: Timing | None = None
    epoch: int = 0
    counts: Counts = field(default_factory=Counts)
    verdicts: list[Verdict] = field(default_factory=list)
    quarantine: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._table(relation("history", self.name), self.schema, ())
        for name, (schema, rows) in self.foreign.items():
            self._table(relation("history", name), schema, rows)

    def epochs(self, *chunks: Sequence[Row], append: bool = True, malformed: Sequence[Row] = ()) -> Product:
        for chunk in chunks:
            self._epoch(chunk, malformed, history=append and self.epoch > 0)
        return self

    @property
    def published(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(f"SELECT * FROM {relation('history', self.name)}").fetchall()

    def _epoch(self, chunk: Sequence[Row], malformed: Sequence[Row], *, history: bool) -> None:
        self.epoch += 1
        provenance = {"_hw_source": "VARCHAR", "_hw_offset": "BIGINT"}
        self._table(
            relation("candidate", self.name),
            Schema.of({**self.schema.to_mapping(), **provenance}),
            chunk,
            temporary=True,
        )
        rejects = Schema.of({"raw": "VARCHAR", "code": "VARCHAR", "message": "VARCHAR", **provenance})
        self._table(relation("malformed", self.name), rejects, malformed, temporary=True)
        judging = judge(
            self.name, self.judgement, self.schema, history=history, malformed=bool(malformed), timing=self.timing
        )
        self._run(run_statement("run-1", self.epoch, datetime(2026, 1, 1, tzinfo=UTC)))
        self._judge(judging, len(chunk), len(malformed), history=history)

    def _judge(self, judging: Judging, candidates: int, malformed: int, *, history: bool) -> None:
        for statement in judging.work:
            self._run(statement)
        refused = late = 0
        if judging.rejected:
            self._run(judging.rejected)
            found = self.connection.execute(
                f"SELECT * REPLACE (CAST(quarantined_at AS VARCHAR) AS quarantined_at) FROM {judging.rejected.creates}"
            )
            names = [column[0] for column in found.description]
            rows = found.fetchall()
            refused = len(rows)
            bad = [dict(zip(names, row, strict=True)) for row in rows]
            late = sum(judging.judges_late and LATE in each["codes"] for each in bad)
            if judging.suspects is not None:
                ((suspects, _),) = self.connection.execute(judging.suspects, list(judging.bounds)).fetchall()
                assert bool(suspects) == bool(refused)
            self.quarantine += bad
        self._run(judging.change if refused else judging.unrefused)
        self._run(judging.accepted)
        for query in judging.datasets:
            values = self.connection.execute(query.sql).fetchall()[0]
            self.verdicts += [verdict(check, value) for check, value in zip(query.checks, values, strict=True)]
        published = relation("history", self.name)
        if not history:
            self.connection.execute(f"DELETE FROM {published}")
        accepted = self.connection.execute(f"INSERT INTO {published} FROM {judging.accepted.creates}").fetchall()[0][0]
        self.counts += Counts(read=candidates + malformed, accepted=accepted, late=late, quarantined=refused - late)

    def _run(self, statement: Statement) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {statement.creates} AS {statement.sql}")

    def _table(self, name: str, schema: Schema, rows: Sequence[Row], *, temporary: bool = False) -> None:
        kind = "TEMP TABLE" if temporary else "TABLE"
        columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)
        self.connection.execute(f"CREATE OR REPLACE {kind} {name} ({columns})")
        if rows:
            marks = ", ".join("?" for _ in schema)
            values = ", ".join(f"({marks})" for _ in rows)
            self.connection.execute(f"INSERT INTO {name} VALUES {values}", [value for row in rows for value in row])


ProductMaker = Callable[..., Product]


@pytest.fixture
def product() -> Iterator[ProductMaker]:
    """Makes products that share a connection: use one of them at a time."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")

    def make(
        schema: Mapping[str, str],
        judgement: Judgement | None,
        foreign: Mapping[str, tuple[Mapping[str, str], Sequence[Row]]] | None = None,
    ) -> Product:
        others = {
            RelationName.parse(name): (Schema.of(columns), rows) for name, (columns, rows) in (foreign or {}).items()
        }
        return Product(connection, Schema.of(schema), judgement, others)

    yield make
    connection.close()
