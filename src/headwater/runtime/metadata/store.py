"""Writing runs to the metadata store, and absorbing what state files made durable.

Apart from the reading side. Nothing here decides what a run does: every write
may be repeated, and a store that was lost is filled again from the state files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from headwater.plan.steps import Plan, Recorded
from headwater.runtime.metadata import reading, tables
from headwater.runtime.metadata.database import Connection, Database
from headwater.runtime.metadata.opening import open_database
from headwater.runtime.metadata.tables import Table
from headwater.runtime.metadata.values import PortStatus, RunRecord
from headwater.runtime.report import ProductReport, RunReport
from headwater.runtime.state import StateStore
from headwater.runtime.state.values import Watermark
from headwater.types import RelationName

__all__ = ["MetadataStore"]

_of_product = "environment = :environment AND product = :product"


class MetadataStore:
    """The metadata of all environments that share a database.

    Raises (every method):
        TransientError: the database cannot be reached now.
        TerminalError: it refuses.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    @contextlib.contextmanager
    def open(url: str) -> Iterator[MetadataStore]:
        """Open the store, creating or upgrading its tables."""
        database = open_database(url)
        try:
            yield MetadataStore(database)
        finally:
            database.close()

    def start_run(self, run: str, plan: Plan, products: tuple[str, ...], at: datetime) -> None:
        """Enter a run, its products as ``waiting``, and what differed; products that are gone are forgotten."""
        environment = plan.environment.name
        mine = {"run": run, "environment": environment}
        with self._database.writing() as connection:
            connection.execute(
                tables.runs.insertion, {**mine, "status": "running", "started_at": at, "finished_at": None}
            )
            connection.execute_many(
                tables.run_products.insertion,
                [
                    {
                        **mine,
                        "product": product,
                        "position": position,
                        "status": "waiting",
                        "epochs": 0,
                        "finished_at": None,
                        "error": None,
                    }
                    for position, product in enumerate(products)
                ],
            )
            connection.execute_many(
                tables.changes.insertion,
                [
                    {
                        **mine,
                        "relation": str(difference.relation),
                        "change": difference.change,
                        "reason": difference.reason,
                        "rebuilt": difference.rebuild,
                    }
                    for difference in plan.changed
                ],
            )
            _forget_products(connection, environment, {product.product for product in plan.products})

    def start_product(self, run: str, environment: str, product: str) -> None:
        """A run holds a product's state: whatever other run was at work on it has died."""
        mine = {"run": run, "environment": environment, "product": product}
        with self._database.writing() as connection:
            dead = connection.rows(
                "SELECT run FROM headwater_run_products WHERE environment = :environment AND product = :product "
                "AND run <> :run AND status = 'running'",
                mine,
            )
            connection.execute_many(_end_products, dead)
            connection.execute_many(
                "UPDATE headwater_runs SET status = 'interrupted' WHERE run = :run AND status = 'running'", dead
            )
            connection.execute(
                "UPDATE headwater_run_products SET status = 'running' WHERE run = :run AND product = :product",
                {"run": run, "product": product},
            )

    def finish_product(self, run: str, report: ProductReport, at: datetime) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE headwater_run_products SET status = :status, epochs = :epochs, finished_at = :at, "
                "error = :error WHERE run = :run AND product = :product",
                {
                    "run": run,
                    "product": report.product,
                    "status": report.status,
                    "epochs": report.epochs,
                    "at": at,
                    "error": str(report.error) if report.error else None,
                },
            )

    def finish_run(self, report: RunReport) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE headwater_runs SET status = :status, finished_at = :at WHERE run = :run",
                {"run": report.run, "status": "failed" if report.failures else "done", "at": report.finished_at},
            )

    def interrupt_run(self, run: str, at: datetime | None) -> None:
        """The run was stopped from outside; ``at`` is None where nobody knows when. One that is done stays done."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE headwater_runs SET status = 'interrupted', finished_at = :at "
                "WHERE run = :run AND status = 'running'",
                {"run": run, "at": at},
            )
            connection.execute(_end_products, {"run": run})

    def absorb(self, environment: str, product: str, state: StateStore) -> None:
        """Take over the epochs of a state file that are not here yet, or all of them when the state is another one."""
        newest, mine = state.epoch(), {"environment": environment, "product": product}
        with self._database.reading() as connection:
            found = connection.rows(f"SELECT epoch FROM headwater_absorbed WHERE {_of_product}", mine)
        known = int(found[0]["epoch"]) if found else None
        if known == newest:
            return
        since = known if known is not None and known < newest else 0
        with self._database.writing() as connection:
            for table, name in (
                (tables.epochs, "epochs"),
                (tables.ledger, "ledger"),
                (tables.checks, "checks"),
                (tables.released, "released"),
            ):
                connection.execute(
                    f"DELETE FROM {table.name} WHERE {_of_product} AND epoch > :since", {**mine, "since": since}
                )
                connection.execute_many(table.insertion, _rows(state, name, since, environment, product))
            _absorb_relations(connection, environment, product, state, since)
            _replace(connection, tables.watermarks, mine, _watermarks(state, environment, product))
            _replace(connection, tables.absorbed, mine, [{**mine, "epoch": newest}])

    def recorded(self, environment: str) -> dict[RelationName, Recorded]:
        """What the last runs recorded of every relation: what a plan is compared with."""
        with self._database.reading() as connection:
            return reading.recorded(connection, environment)

    def runs(self, limit: int = 20, *, environment: str | None = None) -> tuple[RunRecord, ...]:
        """The newest runs, newest first, without their details."""
        with self._database.reading() as connection:
            return reading.runs(connection, limit, environment)

    def run(self, run: str) -> RunRecord | None:
        """One run with all its details; None when there is none."""
        with self._database.reading() as connection:
            return reading.run(connection, run)

    def released(self, environment: str, product: str) -> dict[str, int]:
        """The refused rows of a product that replays admitted: id to the newest epoch that did."""
        with self._database.reading() as connection:
            return reading.released(connection, environment, product)

    def watermarks(self, environment: str) -> dict[RelationName, Watermark]:
        """How far event time has advanced in relations, as their own products know it."""
        with self._database.reading() as connection:
            return reading.watermarks(connection, environment)

    def status(self, environment: str) -> tuple[PortStatus, ...]:
        """Every relation as it stands, by name."""
        with self._database.reading() as connection:
            return reading.status(connection, environment)


_end_products = (
    "UPDATE headwater_run_products SET status = 'interrupted' WHERE run = :run AND status IN ('waiting', 'running')"
)


def _forget_products(connection: Connection, environment: str, present: Iterable[str]) -> None:
    """Forget what is known of products that are no longer declared."""
    tables_of_products = (tables.relations, tables.watermarks, tables.absorbed)
    query = " UNION ".join(
        f"SELECT product FROM {table.name} WHERE environment = :environment" for table in tables_of_products
    )
    known = {row["product"] for row in connection.rows(query, {"environment": environment})}
    gone = [{"environment": environment, "product": product} for product in sorted(known.difference(present))]
    for table in tables_of_products:
        connection.execute_many(f"DELETE FROM {table.name} WHERE {_of_product}", gone)


def _absorb_relations(connection: Connection, environment: str, product: str, state: StateStore, since: int) -> None:
    mine = {"environment": environment, "product": product}
    changed = _rows(state, "relations", since, environment, product)
    kept = set(state.relations()) - {row["relation"] for row in changed}
    found = connection.rows(f"SELECT relation FROM headwater_relations WHERE {_of_product}", mine)
    gone = [{**mine, "relation": row["relation"]} for row in found if row["relation"] not in kept]
    connection.execute_many(f"DELETE FROM headwater_relations WHERE {_of_product} AND relation = :relation", gone)
    connection.execute_many(tables.relations.insertion, changed)


def _replace(connection: Connection, table: Table, mine: dict[str, str], rows: list[dict[str, Any]]) -> None:
    connection.execute(f"DELETE FROM {table.name} WHERE {_of_product}", mine)
    connection.execute_many(table.insertion, rows)


def _rows(state: StateStore, name: str, since: int, environment: str, product: str) -> list[dict[str, Any]]:
    rows = state.rows(name, since)
    for row in rows:
        row.update(environment=environment, product=product)
        if name == "epochs":
            row["committed_at"] = datetime.fromisoformat(row["committed_at"])
    return rows


def _watermarks(state: StateStore, environment: str, product: str) -> list[dict[str, Any]]:
    rows = _rows(state, "watermarks", 0, environment, product)
    for row in rows:
        for moment in ("newest", "watermark", "active_at"):
            row[moment] = row[moment] and datetime.fromisoformat(row[moment])
    return rows
