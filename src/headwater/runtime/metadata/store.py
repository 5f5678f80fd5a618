"""Writing runs to the metadata store, and absorbing what state files made durable.

Apart from the reading side. Nothing here decides what a run does: every write
may be repeated, and a store that was lost is filled again from the state files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from headwater.errors import TerminalError, TransientError
from headwater.plan.steps import Plan, Recorded
from headwater.runtime.metadata import reading, tables
from headwater.runtime.metadata.opening import connect, migrate
from headwater.runtime.metadata.values import PortStatus, RunRecord
from headwater.runtime.report import ProductReport, RunReport
from headwater.runtime.state import StateStore, Watermark
from headwater.types import RelationName

__all__ = ["MetadataStore"]


class MetadataStore:
    """The metadata of all environments that share a database.

    Raises (every method):
        TransientError: the database cannot be reached now.
        TerminalError: it refuses.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @staticmethod
    @contextlib.contextmanager
    def open(url: str) -> Iterator[MetadataStore]:
        """Open the store, creating or upgrading its tables."""
        engine = connect(url)
        try:
            migrate(engine)
            yield MetadataStore(engine)
        finally:
            engine.dispose()

    def start_run(self, run: str, plan: Plan, products: tuple[str, ...], at: datetime) -> None:
        """Enter a run, its products as ``waiting``, and what differed; products that are gone are forgotten."""
        environment = plan.environment.name
        present = [product.product for product in plan.products]
        with self._transaction() as connection:
            connection.execute(
                insert(tables.runs).values(run=run, environment=environment, status="running", started_at=at)
            )
            _insert(
                connection,
                tables.run_products,
                [
                    {
                        "run": run,
                        "product": product,
                        "environment": environment,
                        "position": position,
                        "status": "waiting",
                        "epochs": 0,
                    }
                    for position, product in enumerate(products)
                ],
            )
            _insert(
                connection,
                tables.changes,
                [
                    {
                        "run": run,
                        "relation": str(difference.relation),
                        "environment": environment,
                        "change": difference.change,
                        "reason": difference.reason,
                        "rebuilt": difference.rebuild,
                    }
                    for difference in plan.changed
                ],
            )
            for table in (tables.relations, tables.watermarks, tables.absorbed):
                connection.execute(
                    delete(table).where(table.c.environment == environment, table.c.product.not_in(present))
                )

    def start_product(self, run: str, environment: str, product: str) -> None:
        """A run holds a product's state: whatever other run was at work on it has died."""
        mine, other = tables.run_products, tables.runs
        with self._transaction() as connection:
            unfinished = (
                select(mine.c.run)
                .where(mine.c.environment == environment, mine.c.product == product, mine.c.run != run)
                .where(mine.c.status == "running")
            )
            dead = connection.execute(unfinished).scalars().all()
            if dead:
                connection.execute(
                    update(mine)
                    .where(mine.c.run.in_(dead), mine.c.status.in_(("waiting", "running")))
                    .values(status="interrupted")
                )
                connection.execute(
                    update(other).where(other.c.run.in_(dead), other.c.status == "running").values(status="interrupted")
                )
            connection.execute(
                update(mine).where(mine.c.run == run, mine.c.product == product).values(status="running")
            )

    def finish_product(self, run: str, report: ProductReport, at: datetime) -> None:
        mine = tables.run_products
        with self._transaction() as connection:
            connection.execute(
                update(mine)
                .where(mine.c.run == run, mine.c.product == report.product)
                .values(
                    status=report.status,
                    epochs=report.epochs,
                    finished_at=at,
                    error=str(report.error) if report.error else None,
                )
            )

    def finish_run(self, report: RunReport) -> None:
        with self._transaction() as connection:
            connection.execute(
                update(tables.runs)
                .where(tables.runs.c.run == report.run)
                .values(status="failed" if report.failures else "done", finished_at=report.finished_at)
            )

    def interrupt_run(self, run: str, at: datetime | None) -> None:
        """The run was stopped from outside; ``at`` is None where nobody knows when. One that is done stays done."""
        with self._transaction() as connection:
            connection.execute(
                update(tables.runs)
                .where(tables.runs.c.run == run, tables.runs.c.status == "running")
                .values(status="interrupted", finished_at=at)
            )
            connection.execute(
                update(tables.run_products)
                .where(tables.run_products.c.run == run)
                .where(tables.run_products.c.status.in_(("waiting", "running")))
                .values(status="interrupted")
            )

    def absorb(self, environment: str, product: str, state: StateStore) -> None:
        """Take over the epochs of a state file that are not here yet, or all of them when the state is another one."""
        newest = state.epoch()
        with self._transaction() as connection:
            known = connection.execute(
                select(tables.absorbed.c.epoch).where(_of(tables.absorbed, environment, product))
            ).scalar()
            if known == newest:
                return
            since = known if known is not None and known < newest else 0
            for table, name in (
                (tables.epochs, "epochs"),
                (tables.ledger, "ledger"),
                (tables.checks, "checks"),
                (tables.released, "released"),
            ):
                connection.execute(delete(table).where(_of(table, environment, product), table.c.epoch > since))
                _insert(connection, table, _rows(state, name, since, environment, product))
            self._absorb_relations(connection, environment, product, state, since)
            _absorb_watermarks(connection, environment, product, state)
            connection.execute(delete(tables.absorbed).where(_of(tables.absorbed, environment, product)))
            connection.execute(insert(tables.absorbed).values(environment=environment, product=product, epoch=newest))

    def recorded(self, environment: str) -> dict[RelationName, Recorded]:
        """What the last runs recorded of every relation: what a plan is compared with."""
        with self._transaction() as connection:
            return reading.recorded(connection, environment)

    def runs(self, limit: int = 20, *, environment: str | None = None) -> tuple[RunRecord, ...]:
        """The newest runs, newest first, without their details."""
        with self._transaction() as connection:
            return reading.runs(connection, limit, environment)

    def run(self, run: str) -> RunRecord | None:
        """One run with all its details; None when there is none."""
        with self._transaction() as connection:
            return reading.run(connection, run)

    def released(self, environment: str, product: str) -> dict[str, int]:
        """The refused rows of a product that replays admitted: id to the newest epoch that did."""
        with self._transaction() as connection:
            return reading.released(connection, environment, product)

    def watermarks(self, environment: str) -> dict[RelationName, Watermark]:
        """How far event time has advanced in relations, as their own products know it."""
        with self._transaction() as connection:
            return reading.watermarks(connection, environment)

    def status(self, environment: str) -> tuple[PortStatus, ...]:
        """Every relation as it stands, by name."""
        with self._transaction() as connection:
            return reading.status(connection, environment)

    def _absorb_relations(
        self, connection: Connection, environment: str, product: str, state: StateStore, since: int
    ) -> None:
        table = tables.relations
        changed = _rows(state, "relations", since, environment, product)
        kept = set(state.relations()) - {row["relation"] for row in changed}
        connection.execute(delete(table).where(_of(table, environment, product), table.c.relation.not_in(kept)))
        _insert(connection, table, changed)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise TransientError("the metadata store cannot be reached", detail=str(error.orig)) from error
        except SQLAlchemyError as error:
            raise TerminalError("the metadata store refused a statement", detail=str(error)) from error


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _of(table: Table, environment: str, product: str) -> Any:
    return (table.c.environment == environment) & (table.c.product == product)


def _rows(state: StateStore, name: str, since: int, environment: str, product: str) -> list[dict[str, Any]]:
    rows = state.rows(name, since)
    for row in rows:
        row.update(environment=environment, product=product)
        if name == "epochs":
            row["committed_at"] = datetime.fromisoformat(row["committed_at"])
    return rows


def _absorb_watermarks(connection: Connection, environment: str, product: str, state: StateStore) -> None:
    table = tables.watermarks
    connection.execute(delete(table).where(_of(table, environment, product)))
    rows = _rows(state, "watermarks", 0, environment, product)
    for row in rows:
        for moment in ("newest", "watermark", "active_at"):
            row[moment] = row[moment] and datetime.fromisoformat(row[moment])
    _insert(connection, table, rows)
